// Why this file exists: every test of this room loads a text and looks at what came out; these few
// functions keep the tests down to the text and the outcome.
import Configuration
import Glibc
import Testing

/// An environment of literals.
func environment(
  _ variables: [String: String] = [:], files: [String: String] = [:], warns: Bool = false
) -> ConfigurationEnvironment {
  ConfigurationEnvironment(
    variable: { variables[$0] },
    file: { path in files[path].map { .success(Array($0.utf8)) } ?? .failure(.system(ENOENT)) },
    missingFileIsWarning: warns)
}

func load(
  _ text: String, _ environment: ConfigurationEnvironment = environment()
) -> ConfigurationResult {
  ConfigurationLoader.load(Array(text.utf8), fileName: "g.yaml", environment: environment)
}

/// What is printed for a text.
func printed(
  _ text: String, _ environment: ConfigurationEnvironment = environment()
) -> String {
  DiagnosticRenderer.text(load(text, environment), isColoured: false)
}

/// The configuration of a text without mistakes.
func configuration(
  _ text: String, _ environment: ConfigurationEnvironment = environment(),
  _ place: SourceLocation = #_sourceLocation
) throws -> GatewayConfiguration {
  let result = load(text, environment)
  let words = DiagnosticRenderer.text(result, isColoured: false)
  return try #require(result.configuration, "\(words)", sourceLocation: place)
}

/// The least that is valid, with more keys of the top level in front.
func minimal(_ more: String = "") -> String {
  (more.isEmpty ? "" : more + "\n") + """
    listeners: [{address: 127.0.0.1:8080}]
    services: {a: {backends: [127.0.0.1:9001]}}
    routes: [{match: {path: /*}, service: a}]

    """
}

/// A file of the project, wherever the tests are built.
func projectPath(_ path: String) -> String {
  let here = realpath(#filePath, nil)
  defer { free(here) }
  let file = here.map { String(cString: $0) } ?? #filePath
  let root = file.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
  return root.joined(separator: "/") + "/" + path
}

func projectText(_ path: String) throws -> String {
  String(decoding: try ConfigurationFile.read(projectPath(path)), as: UTF8.self)
}
