// Why this file exists: between the YAML and the model stands the document as the schema understood
// it: typed, complete with defaults, and still knowing where each value came from. Checks between
// parts read it, the model is built from it, and a dump can tell what must not be shown.

/// A value that the schema knows.
package struct ConfigurationValue: Sendable {
  package enum Content: Sendable {
    case scalar(ScalarValue)
    /// Keys of the schema, in its order. A key that is absent and has no default is not there.
    case mapping([Field])
    /// Names that the operator chose, in the order of the file.
    case named([Named])
    case list([ConfigurationValue])
  }

  package struct Field: Sendable {
    package var key: String
    package var value: ConfigurationValue
  }

  package struct Named: Sendable {
    package var name: String
    package var nameRange: SourceRange
    package var value: ConfigurationValue
  }

  package enum Origin: Sendable, Equatable {
    /// Written in the file.
    case file
    /// Written with `${…}`: never shown.
    case expansion
    /// Not written.
    case byDefault
  }

  package var content: Content
  package var origin: Origin
  /// nil for a default.
  package var range: SourceRange?
  /// The row says so, or it was expanded: a dump shows that there is a value, and nothing of it.
  package var isSecret: Bool
  /// Something that is written in it, at whatever depth, could not be read, and is not here or has
  /// its default: what depends on all of it cannot be judged.
  package var isPartial = false
  /// The scalar as it stands in the file; empty for everything else.
  private let written: String

  package init(
    content: Content, origin: Origin, range: SourceRange?, isSecret: Bool, written: String = ""
  ) {
    self.content = content
    self.origin = origin
    self.range = range
    self.isSecret = isSecret
    self.written = written
  }

  /// The scalar for a message: as it stands in the file, made printable and not too long.
  package var shown: String { PrintableText.of(written, limit: 64) }

  /// The line it stands on; 0 for a default.
  package var line: Int { range?.start.line ?? 0 }

  // MARK: Reading

  package func field(_ key: String) -> ConfigurationValue? {
    guard case .mapping(let fields) = content else { return nil }
    return fields.first { $0.key == key }?.value
  }

  /// The mapping with none but these keys.
  func only(_ keys: Set<String>) -> ConfigurationValue {
    guard case .mapping(let fields) = content else { return self }
    var part = self
    part.content = .mapping(fields.filter { keys.contains($0.key) })
    return part
  }

  package var scalar: ScalarValue? {
    if case .scalar(let value) = content { value } else { nil }
  }

  package var elements: [ConfigurationValue] {
    if case .list(let elements) = content { elements } else { [] }
  }

  package var named: [Named] {
    if case .named(let named) = content { named } else { [] }
  }
}
