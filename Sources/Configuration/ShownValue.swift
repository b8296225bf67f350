// Why this file exists: a value in a list of differences is shown as its file has it, short, on one
// line, and without anything that `${…}` stands for.

enum ShownValue {
  /// Characters of one value that are shown.
  private static let limit = 120
  /// Both sides of an arrow are still read at a glance.
  private static let glance = 60

  /// As one would write it on one line; of a mapping what is written, not what holds by default.
  static func text(_ value: ConfigurationValue) -> String {
    let text = whole(value)
    return text.unicodeScalars.count <= limit
      ? text : PrintableText.of(text, limit: limit)
  }

  /// Of a list, without its brackets.
  static func entries(_ list: ConfigurationValue) -> String { bounded(list.elements, whole) }

  private static func whole(_ value: ConfigurationValue) -> String {
    switch value.content {
    case .scalar: scalar(value)
    case .list: "[" + entries(value) + "]"
    case .named(let named):
      "{" + bounded(named) { "\(PrintableText.of($0.name, limit: 64)): \(whole($0.value))" } + "}"
    case .mapping(let fields):
      "{"
        + bounded(fields.filter { $0.value.origin != .byDefault && !isBare($0.value) }) {
          "\($0.key): \(whole($0.value))"
        } + "}"
    }
  }

  /// A mapping that is there only because its keys have defaults.
  private static func isBare(_ value: ConfigurationValue) -> Bool {
    if case .mapping(let fields) = value.content { fields.isEmpty } else { false }
  }

  /// No more than can be shown anyway.
  private static func bounded<Element>(
    _ elements: [Element], _ text: (Element) -> String
  ) -> String {
    elements.prefix(limit / 2).map(text).joined(separator: ", ")
  }

  private static func scalar(_ value: ConfigurationValue) -> String {
    let shown = value.isSecret ? withoutDefaults(value.shown) : value.shown
    return shown.isEmpty || shown.contains(" ") ? "'\(shown)'" : shown
  }

  /// `${NAME:-x}` may hold a secret too.
  private static func withoutDefaults(_ text: String) -> String {
    var result = ""
    var rest = text[...]
    while let start = rest.firstRange(of: "${") {
      result += rest[..<start.upperBound]
      rest = rest[start.upperBound...]
      let body = rest.prefix { $0 != "}" }
      if let mark = body.firstRange(of: ":-") {
        result += body[..<mark.upperBound] + "…"
      } else {
        result += body
      }
      rest = rest.dropFirst(body.count)
    }
    return result + rest
  }

  // MARK: Differences

  /// `1s → 2s`, `1.1.1.1 added, 2.2.2.2 removed`
  static func difference(
    _ old: ConfigurationValue?, _ new: ConfigurationValue?, _ node: Schema.Node
  ) -> String {
    let before = old.map(text) ?? absence(node.row)
    let after = new.map(text) ?? absence(node.row)
    if before == after {
      let why =
        old?.isSecret == true || new?.isSecret == true
        ? "what it stands for differs" : "it differs further on"
      return "\(before): \(why)"
    }
    if case .list = node.row.kind, before.count + after.count > glance {
      let parts = [
        part(new, without: old, "added"), part(old, without: new, "removed"),
      ].compactMap { $0 }
      if !parts.isEmpty { return parts.joined(separator: ", ") }
    }
    return "\(before) → \(after)"
  }

  /// Entries of the one list that are not in the other; nil = there are none.
  private static func part(
    _ list: ConfigurationValue?, without other: ConfigurationValue?, _ word: String
  ) -> String? {
    let known = Set((other?.elements ?? []).compactMap(\.scalar))
    let entries = (list?.elements ?? []).filter { $0.scalar.map { !known.contains($0) } ?? false }
    if entries.isEmpty { return nil }
    let shown = entries.prefix(3).map(whole).joined(separator: " ")
    let more = entries.count > 3 ? " and \(entries.count - 3) more" : ""
    return "\(shown)\(more) \(word)"
  }

  /// What holds when the key is not there.
  private static func absence(_ row: SchemaRow) -> String {
    switch row.presence {
    case .inherited(let path): path.hasPrefix("services.") ? "(its service's)" : "(as \(path))"
    case .derived(let words): "(\(words))"
    case .byDefault, .children, .listByDefault, .required: "(none)"
    }
  }
}
