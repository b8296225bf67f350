// Why this file exists: the way from the bytes of a scenario file, and of the configurations that
// it names, to a scenario; what is wrong with any of them is told at once. Pure: what it needs of
// the world comes in as an argument.
import Primitives

/// What came out of a scenario file.
package struct ScenarioResult: Sendable {
  /// nil when there is an error anywhere.
  package var scenario: ScenarioConfiguration?
  /// The scenario file's own messages, then those of each configuration.
  package var messages: [ConfigurationResult]
}

package enum ScenarioLoader {
  /// Reads files; a test gives literals.
  package typealias Read = (_ path: String) -> Result<[UInt8], FileProblem>

  /// - Parameter path: of the scenario file; what it names is looked for in its folder.
  package static func load(
    path: String, environment: ConfigurationEnvironment,
    read: @escaping Read = { path in
      Result { () throws(FileProblem) in try ConfigurationFile.read(path) }
    }
  ) -> ScenarioResult {
    switch read(path) {
    case .success(let bytes): return load(bytes, path: path, environment, read)
    case .failure(let problem):
      var diagnostics = DiagnosticCollector(file: path)
      diagnostics.error(
        .unreadable, nil, .root, "the file cannot be read: \(problem.message)")
      return result(nil, diagnostics, nil, [])
    }
  }

  private static func load(
    _ bytes: [UInt8], path: String, _ environment: ConfigurationEnvironment,
    _ read: @escaping Read
  ) -> ScenarioResult {
    var diagnostics = DiagnosticCollector(file: path)
    let source = SourceText(bytes)
    let document: YAMLNode?
    do throws(SourceText.Problem) {
      document = try YAMLDocument.read(source, &diagnostics)
    } catch {
      diagnostics.error(
        error.code, SourceRange(at: error.position), .root, error.message,
        suggestion: error.suggestion)
      return result(nil, diagnostics, source, [])
    }
    guard let document, !document.isEmpty else {
      diagnostics.error(.empty, nil, .root, "the file holds no scenario")
      return result(nil, diagnostics, source, [])
    }
    var decoder = SchemaDecoder(.scenario, environment, diagnostics)
    guard let root = decoder.document(document) else {
      return result(nil, decoder.diagnostics, source, [])
    }
    var files = ScenarioFiles(folder: folder(of: path), environment, read)
    var checks = ScenarioChecks(root, decoder.diagnostics)
    checks.run(&files)
    var scenario: ScenarioConfiguration?
    if !checks.diagnostics.hasErrors {
      scenario = try? ScenarioBuilder(root: root, files: files, expectations: checks.expectations)
        .build()
    }
    return result(scenario, checks.diagnostics, source, files.results)
  }

  private static func folder(of path: String) -> String {
    path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
  }

  private static func result(
    _ scenario: ScenarioConfiguration?, _ diagnostics: DiagnosticCollector, _ source: SourceText?,
    _ others: [ConfigurationResult]
  ) -> ScenarioResult {
    let own = ConfigurationResult(
      configuration: nil, diagnostics: diagnostics.finished(source: source, hidden: []),
      surplusErrors: diagnostics.surplusErrors, surplusWarnings: diagnostics.surplusWarnings,
      values: nil, contentHash: "", namedFiles: [:])
    return ScenarioResult(scenario: scenario, messages: [own] + others)
  }
}

/// The configurations that a scenario names, each read once.
struct ScenarioFiles {
  private let folder: String
  private let environment: ConfigurationEnvironment
  private let read: ScenarioLoader.Read
  private var loaded: [String: ConfigurationResult] = [:]
  /// In the order of their first naming.
  private(set) var results: [ConfigurationResult] = []

  init(
    folder: String, _ environment: ConfigurationEnvironment,
    _ read: @escaping ScenarioLoader.Read
  ) {
    self.folder = folder
    self.environment = environment
    self.read = read
  }

  func path(of name: String) -> String { name.hasPrefix("/") ? name : folder + name }

  /// What the file holds, or what the system says about it.
  mutating func load(_ name: String) -> Result<ConfigurationResult, FileProblem> {
    if let known = loaded[name] { return .success(known) }
    let path = path(of: name)
    switch read(path) {
    case .failure(let problem): return .failure(problem)
    case .success(let bytes):
      let result = ConfigurationLoader.load(bytes, fileName: path, environment: environment)
      loaded[name] = result
      results.append(result)
      return .success(result)
    }
  }

  func configuration(_ name: String) -> GatewayConfiguration? { loaded[name]?.configuration }
}
