// Why this file exists: the commands that read a configuration and say what is wrong with it: to
// people on a terminal in colour, to programs as JSON.

import ArgumentParser
import Configuration
import Glibc

enum ConfigurationReport {
  /// What `check` exits with.
  enum Verdict: Int32, Comparable {
    case valid = 0
    case invalid = 1
    case unreadable = 2

    static func < (left: Verdict, right: Verdict) -> Bool { left.rawValue < right.rawValue }
  }

  /// Checks files and prints what is wrong with them to standard output; gives the worst verdict.
  static func check(_ files: [String], format: CheckCommand.Format) -> Verdict {
    let environment = ConfigurationEnvironment.process(missingFileIsWarning: true)
    let results = files.map { ConfigurationLoader.load(path: $0, environment: environment) }
    switch format {
    case .json: Output.write(DiagnosticRenderer.json(results))
    case .text:
      let isColoured = showsColour(1)
      for (file, result) in zip(files, results) {
        Output.write(DiagnosticRenderer.text(result, isColoured: isColoured))
        if result.isValid { Output.write("\(file) is valid\n") }
      }
    }
    return results.map(verdict(on:)).max() ?? .valid
  }

  /// A file that a gateway can run with.
  struct Loaded {
    var path: String
    var configuration: GatewayConfiguration
    /// The typed document that it was built from: what it is compared by.
    var values: ConfigurationValue
    var contentHash: String
    /// What the files that it names held.
    var namedFiles: [String: String]

    /// Nil when the result is no configuration.
    init?(_ path: String, _ result: ConfigurationResult) {
      guard let configuration = result.configuration, let values = result.values else { return nil }
      self.path = path
      self.configuration = configuration
      self.values = values
      contentHash = result.contentHash
      namedFiles = result.namedFiles
    }
  }

  /// Loads the file that a gateway is to run with. What is wrong with it goes to standard error;
  /// nil when that is an error.
  static func load(_ path: String) -> Loaded? {
    let result = read(path)
    _ = Output.write(DiagnosticRenderer.text(result, isColoured: showsColour(2)), to: 2)
    return Loaded(path, result)
  }

  /// What a gateway makes of the file, good or not; says nothing.
  static func read(_ path: String) -> ConfigurationResult {
    ConfigurationLoader.load(
      path: path, environment: ConfigurationEnvironment.process(missingFileIsWarning: false))
  }

  /// Compares two files. What is wrong with them goes to standard output; nil when that is an
  /// error. A missing file that `${file:…}` names is one, as it is to a reload.
  static func diff(
    _ old: String, _ new: String, format: CheckCommand.Format
  ) -> ConfigurationDiff? {
    let results = [old, new].map(read)
    let documents = results.compactMap { $0.configuration == nil ? nil : $0.values }
    if documents.count == 2 { return ConfigurationDiff(from: documents[0], to: documents[1]) }
    switch format {
    case .json: Output.write(DiagnosticRenderer.json(results))
    case .text:
      let isColoured = showsColour(1)
      for result in results where !result.isValid {
        Output.write(DiagnosticRenderer.text(result, isColoured: isColoured))
      }
    }
    return nil
  }

  private static func verdict(on result: ConfigurationResult) -> Verdict {
    if result.diagnostics.contains(where: { $0.code == .unreadable }) { return .unreadable }
    return result.isValid ? .valid : .invalid
  }

  /// On a terminal, unless the user does not want it (no-color.org).
  static func showsColour(_ descriptor: Int32) -> Bool {
    isTerminal(descriptor) && getenv("NO_COLOR") == nil
  }

  static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }
}
