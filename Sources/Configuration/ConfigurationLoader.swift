// Why this file exists: the way from the bytes of a file to a configuration, in one straight line.
// Pure: what it needs of the world comes in as an argument.

/// What came out of a file.
package struct ConfigurationResult: Sendable {
  /// nil when there is an error, and when a missing file that was only warned of keeps it from
  /// being complete.
  package var configuration: GatewayConfiguration?
  /// In file order; at most a thousand.
  package var diagnostics: [Diagnostic]
  /// Complaints beyond those.
  package var surplusErrors: Int
  package var surplusWarnings: Int
  /// The typed document with the origin of every value; nil when it could not be read at all.
  package var values: ConfigurationValue?
  /// Of the bytes of the file: sixteen hexadecimal digits. The same bytes always have the same;
  /// what `${…}` stands for does not go into it, so that it may be shown.
  package var contentHash: String
  /// What the files that `${file:…}` asked for held, by path, as `ConfigurationFile.mark` has it.
  package var namedFiles: [String: String]

  /// The file could not be read at all.
  package var isUnreadable: Bool { diagnostics.first?.code == .unreadable }
  /// There may be warnings.
  package var isValid: Bool {
    surplusErrors == 0 && !diagnostics.contains { $0.severity == .error }
  }
}

extension ConfigurationResult {
  /// Where the file has the admin listener, as far as it can be read: a mistake elsewhere does not
  /// hide it, and behind one that does the default stands. Nil for `admin: none`.
  package var adminAddress: NetworkAddress? {
    let admin = values?.field("admin") ?? Schema.gateway.root.key("admin")?.standard
    guard case .address(let address)? = admin?.field("address")?.scalar else { return nil }
    return address
  }

  /// The same file, refused for what the system said when its value was to be put to use.
  /// - Parameter value: where it stands.
  package func refused(
    _ code: DiagnosticCode, at value: ConfigurationValue?, path: String, file: String,
    _ message: String
  ) -> ConfigurationResult {
    var refused = self
    refused.configuration = nil
    let start = value?.range?.start
    let end = value?.range?.end
    refused.diagnostics.append(
      Diagnostic(
        file: file, line: start?.line ?? 0, column: start?.column ?? 0,
        endColumn: start?.line == end?.line ? end?.column ?? 0 : (start?.column ?? 0) + 1,
        severity: .error, code: code, path: path, message: message, suggestion: nil, excerpt: nil))
    return refused
  }
}

package enum ConfigurationLoader {
  /// Decodes and checks the content of a file.
  /// - Parameter fileName: as messages call it; it is not opened.
  package static func load(
    _ bytes: [UInt8], fileName: String, environment: ConfigurationEnvironment
  ) -> ConfigurationResult {
    var diagnostics = DiagnosticCollector(file: fileName)
    guard bytes.count <= SourceText.maximumSize else {
      diagnostics.error(
        .tooLarge, nil, .root,
        "the file is larger than \(SourceText.maximumSize >> 20) MiB")
      return result(diagnostics, nil, bytes: bytes)
    }
    let source = SourceText(bytes)
    let document: YAMLNode?
    do throws(SourceText.Problem) {
      document = try YAMLDocument.read(source, &diagnostics)
    } catch {
      diagnostics.error(
        error.code, SourceRange(at: error.position), .root, error.message,
        suggestion: error.suggestion)
      return result(diagnostics, source, bytes: bytes)
    }
    guard let document, !document.isEmpty else {
      diagnostics.error(.empty, nil, .root, "the file holds no configuration")
      return result(diagnostics, source, bytes: bytes)
    }
    var decoder = SchemaDecoder(.gateway, environment, diagnostics)
    guard let root = decoder.document(document) else {
      return result(decoder.diagnostics, source, decoder, bytes: bytes)
    }
    var checks = CrossChecks(root, decoder.diagnostics)
    checks.run()
    var result = result(checks.diagnostics, source, decoder, bytes: bytes)
    result.values = root
    if result.isValid { result.configuration = try? ConfigurationBuilder(root: root).build() }
    return result
  }

  /// Reads, decodes and checks a file; a file that cannot be read gives one diagnostic.
  package static func load(
    path: String, environment: ConfigurationEnvironment
  ) -> ConfigurationResult {
    do throws(FileProblem) {
      return load(
        try ConfigurationFile.read(path, patience: environment.patience), fileName: path,
        environment: environment)
    } catch {
      var diagnostics = DiagnosticCollector(file: path)
      diagnostics.error(
        .unreadable, nil, .root, "the file cannot be read: \(error.message)")
      return result(diagnostics, nil, bytes: [])
    }
  }

  private static func result(
    _ collector: DiagnosticCollector, _ source: SourceText?, _ decoder: SchemaDecoder? = nil,
    bytes: [UInt8]
  ) -> ConfigurationResult {
    ConfigurationResult(
      configuration: nil,
      diagnostics: collector.finished(source: source, hidden: decoder?.hidden ?? []),
      surplusErrors: collector.surplusErrors, surplusWarnings: collector.surplusWarnings,
      values: nil, contentHash: ContentHash.of(bytes),
      namedFiles: decoder?.expansion.namedFiles ?? [:])
  }
}

/// FNV-1a with 64 bits: to tell contents apart, not to withstand anybody.
enum ContentHash {
  static func of(_ bytes: [UInt8]) -> String {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in bytes {
      // Wraps: that is the function.
      hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
    }
    let digits = String(hash, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
