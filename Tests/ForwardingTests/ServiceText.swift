// Why this file exists: what a service is compiled to is tested from configuration text, so that
// key and effect stand in one test.
import Configuration
import Testing

/// One service `main` with these backends and these lines, and a route to it.
func mainService(
  _ lines: String = "", backends: String, _ place: SourceLocation = #_sourceLocation
) throws -> GatewayConfiguration {
  let text = """
    listeners: [{address: "127.0.0.1:8080"}]
    services:
      main:
        backends: [\(backends)]
    \(lines.split(separator: "\n").map { "    \($0)\n" }.joined())
    routes: [{match: {path: "/*"}, service: main}]
    """
  return try configuration(of: text, place)
}

/// The configuration of a text without mistakes.
func configuration(
  of text: String, _ place: SourceLocation = #_sourceLocation
) throws -> GatewayConfiguration {
  let nothing = ConfigurationEnvironment(
    variable: { _ in nil }, file: { _ in .failure(.system(2)) })
  let result = ConfigurationLoader.load(
    Array(text.utf8), fileName: "test.yaml", environment: nothing)
  let words = DiagnosticRenderer.text(result, isColoured: false)
  return try #require(result.configuration, "\(words)", sourceLocation: place)
}
