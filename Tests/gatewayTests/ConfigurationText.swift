// Why this file exists: what follows from a configuration is tested from its text, without a file.
import Configuration
import Testing

/// The configuration of a text without mistakes.
func configuration(
  text: String, _ place: SourceLocation = #_sourceLocation
) throws -> GatewayConfiguration {
  let nothing = ConfigurationEnvironment(
    variable: { _ in nil }, file: { _ in .failure(.system(2)) })
  let result = ConfigurationLoader.load(
    Array(text.utf8), fileName: "test.yaml", environment: nothing)
  let words = DiagnosticRenderer.text(result, isColoured: false)
  return try #require(result.configuration, "\(words)", sourceLocation: place)
}
