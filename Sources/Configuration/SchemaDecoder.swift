// Why this file exists: one walk over document and schema together finds everything that is wrong
// with single values, and leaves a typed document. It knows no key by name.

/// Decodes one document. Everything it complains about goes to `diagnostics`; what could not be
/// decoded takes its default, or is left out, so that the rest can still be checked.
struct SchemaDecoder {
  let schema: Schema
  var expansion: Expansion
  var diagnostics: DiagnosticCollector
  /// Where secrets stand as they are in the file.
  private(set) var hidden: [SourceRange] = []
  /// What was written so far and is left out, because it could not be read.
  private var unread = 0

  init(
    _ schema: Schema, _ environment: ConfigurationEnvironment, _ diagnostics: DiagnosticCollector
  ) {
    self.schema = schema
    expansion = Expansion(environment)
    self.diagnostics = diagnostics
  }

  mutating func document(_ node: YAMLNode) -> ConfigurationValue? {
    value(node, as: schema.root, at: .root)
  }

  // MARK: Any value

  private mutating func value(
    _ node: YAMLNode, as type: Schema.Node, at path: ConfigurationPath
  ) -> ConfigurationValue? {
    let before = unread
    if node.lacksEntries { unread += 1 }
    guard var value = read(node, as: type, at: path) else {
      unread += 1
      return nil
    }
    value.isPartial = unread > before
    return value
  }

  private mutating func read(
    _ node: YAMLNode, as type: Schema.Node, at path: ConfigurationPath
  ) -> ConfigurationValue? {
    if node.isEmpty {
      diagnostics.error(
        .noValue, node.range, path, "\(path.short) has no value", suggestion: emptyHint(type.row))
      return nil
    }
    if type.row.isSecret { hidden.append(node.range) }
    switch (type.row.kind, node.content) {
    case (.mapping, .mapping(let entries)): return mapping(entries, node, as: type, at: path)
    case (.named(let bounds, let names), .mapping(let entries)):
      return named(entries, bounds, names, node, as: type, at: path)
    case (.list(let bounds), .sequence(let nodes)):
      return list(nodes, bounds, node, as: type, at: path)
    case (_, .scalar(let text, let isPlain)):
      return scalar(text, isPlain, node, as: type, at: path)
    case (_, .mapping), (_, .sequence):
      diagnostics.error(
        .wrongShape, firstLine(of: node), path, "\(subject(path)) must be \(shape(of: type.row))",
        suggestion: shapeHint(type))
      return nil
    }
  }

  private func subject(_ path: ConfigurationPath) -> String {
    path.components.isEmpty
      ? "the file" : path.components[path.components.count - 1].isKey ? path.short : path.text
  }

  private func firstLine(of node: YAMLNode) -> SourceRange {
    switch node.content {
    case .mapping(let entries): entries.first?.keyRange ?? node.range
    case .sequence, .scalar: SourceRange(at: node.range.start)
    }
  }

  private func shape(of row: SchemaRow) -> String {
    switch row.kind {
    case .mapping: "a mapping of keys"
    case .named(_, .reference): "a name, or a mapping from names"
    case .named: "a mapping from names"
    case .list: "a list"
    default: "one value"
    }
  }

  private func shapeHint(_ type: Schema.Node) -> String? {
    switch type.row.kind {
    case .list: "begin each entry with '- '"
    case .mapping: "its keys are \(names(type))"
    default: nil
    }
  }

  private func emptyHint(_ row: SchemaRow) -> String {
    let example: String
    switch row.kind {
    case .mapping, .named: example = "write its keys below it, indented"
    case .list: example = "write its entries below it, or []"
    default:
      if case .byDefault(let text) = row.presence {
        example = "write one, such as \(text)"
      } else {
        example = "write one" + (row.example.map { ", such as \($0)" } ?? "")
      }
    }
    switch row.presence {
    case .required: return example
    case .byDefault, .listByDefault, .children, .inherited, .derived:
      return example + ", or remove the key"
    }
  }

  // MARK: Mappings

  private mutating func mapping(
    _ entries: [YAMLNode.Entry], _ node: YAMLNode, as type: Schema.Node, at path: ConfigurationPath
  ) -> ConfigurationValue {
    var written: [String: YAMLNode.Entry] = [:]
    // A key that is there but misspelt is not missing too.
    var meant: Set<String> = []
    for entry in entries {
      if type.key(entry.key) == nil {
        if let near = unknownKey(entry, in: type, at: path) { meant.insert(near) }
      } else {
        written[entry.key] = entry
      }
    }
    var fields: [ConfigurationValue.Field] = []
    for key in type.keys {
      let name = key.row.key
      let value: ConfigurationValue?
      if let entry = written[name] {
        value = self.value(entry.value, as: key, at: path.key(name)) ?? key.standard
      } else {
        if key.row.presence == .required && !meant.contains(name) {
          missing(key.row, in: node, at: path)
        }
        value = key.standard
      }
      if let value { fields.append(ConfigurationValue.Field(key: name, value: value)) }
    }
    checkChoice(of: type.row, written, meant, node, at: path)
    return ConfigurationValue(
      content: .mapping(type.bounded(fields)), origin: .file, range: node.range,
      isSecret: type.row.isSecret)
  }

  /// Of several keys exactly one must be there.
  private mutating func checkChoice(
    of row: SchemaRow, _ written: [String: YAMLNode.Entry], _ meant: Set<String>,
    _ node: YAMLNode, at path: ConfigurationPath
  ) {
    if row.oneOf.isEmpty { return }
    let given = row.oneOf.filter { written[$0] != nil }
    let all = row.oneOf.dropLast().joined(separator: ", ") + " or \(row.oneOf[row.oneOf.count - 1])"
    if given.isEmpty && meant.isDisjoint(with: row.oneOf) {
      diagnostics.error(
        .missingKey, firstLine(of: node), path, "one of \(all) is missing\(path.place)")
    }
    for extra in given.dropFirst() {
      diagnostics.error(
        .noEffect, written[extra]?.keyRange, path.key(extra),
        "'\(extra)' cannot stand beside '\(given[0])'\(path.place)",
        suggestion: "write exactly one of \(all)")
    }
  }

  private mutating func missing(
    _ row: SchemaRow, in node: YAMLNode, at path: ConfigurationPath
  ) {
    diagnostics.error(
      .missingKey, firstLine(of: node), path.key(row.key),
      "the key '\(row.key)' is missing\(path.place)",
      suggestion: row.example.map { "write one such as '\(row.key): \($0)'" })
  }

  /// - Returns: the key that was meant, if one is near.
  private mutating func unknownKey(
    _ entry: YAMLNode.Entry, in type: Schema.Node, at path: ConfigurationPath
  ) -> String? {
    unread += 1
    let shown = PrintableText.of(entry.key, limit: 64)
    var suggestion: String?
    let near =
      diagnostics.isCrowded ? nil : NearestName.of(entry.key, among: type.keys.map(\.row.key))
    if let near {
      suggestion = "did you mean '\(near)'?"
    } else if !diagnostics.isCrowded {
      let holders = schema.holders(of: entry.key)
      suggestion =
        holders.isEmpty
        ? "the keys here are \(names(type))"
        : "this key exists in \(holders.prefix(3).joined(separator: ", "))"
    }
    diagnostics.error(
      .unknownKey, entry.keyRange, path.key(shown), "unknown key '\(shown)'\(path.place)",
      suggestion: suggestion)
    return near
  }

  private func names(_ type: Schema.Node) -> String {
    type.keys.map(\.row.key).joined(separator: ", ")
  }

  private mutating func named(
    _ entries: [YAMLNode.Entry], _ bounds: ClosedRange<Int>, _ names: SchemaNames,
    _ node: YAMLNode, as type: Schema.Node, at path: ConfigurationPath
  ) -> ConfigurationValue {
    checkCount(entries.count, bounds, node, at: path)
    var named: [ConfigurationValue.Named] = []
    for entry in entries.prefix(bounds.upperBound) {
      if let value = value(entry.value, as: type.entry[0], at: path.name(entry.key)) {
        named.append(
          ConfigurationValue.Named(name: entry.key, nameRange: entry.keyRange, value: value))
      }
      do throws(ScalarProblem) {
        try RouteValueReader.check(name: entry.key, as: names)
      } catch {
        let shown = PrintableText.of(entry.key, limit: 64)
        diagnostics.error(
          error.code, entry.keyRange, path.name(entry.key),
          "\(path.short): '\(shown)' \(error.detail)", suggestion: error.suggestion)
      }
    }
    return ConfigurationValue(
      content: .named(named), origin: .file, range: node.range, isSecret: false)
  }

  // MARK: Lists

  private mutating func list(
    _ nodes: [YAMLNode], _ bounds: ClosedRange<Int>, _ node: YAMLNode, as type: Schema.Node,
    at path: ConfigurationPath
  ) -> ConfigurationValue {
    checkCount(nodes.count, bounds, node, at: path)
    var elements: [ConfigurationValue] = []
    for (index, element) in nodes.prefix(bounds.upperBound).enumerated() {
      if let value = value(element, as: type.entry[0], at: path.index(index)) {
        elements.append(value)
      }
    }
    return ConfigurationValue(
      content: .list(elements), origin: .file, range: node.range, isSecret: false)
  }

  private mutating func checkCount(
    _ count: Int, _ bounds: ClosedRange<Int>, _ node: YAMLNode, at path: ConfigurationPath
  ) {
    if bounds.contains(count) { return }
    if count > bounds.upperBound { unread += 1 }
    let allowed =
      count < bounds.lowerBound
      ? "needs at least \(bounds.lowerBound) entr\(bounds.lowerBound == 1 ? "y" : "ies")"
      : "has \(count) entries, and \(bounds.upperBound) are allowed"
    diagnostics.error(.badCount, firstLine(of: node), path, "\(path.short) \(allowed)")
  }

  // MARK: Scalars

  private mutating func scalar(
    _ text: String, _ isPlain: Bool, _ node: YAMLNode, as type: Schema.Node,
    at path: ConfigurationPath
  ) -> ConfigurationValue? {
    let row = type.row
    guard let (expanded, isExpanded) = expand(text, isPlain, node, as: row, at: path)
    else { return nil }
    var value = ConfigurationValue(
      content: .list([]), origin: isExpanded ? .expansion : .file, range: node.range,
      isSecret: row.isSecret || isExpanded, written: row.isSecret ? "(redacted)" : text)
    switch row.kind {
    case .mapping, .named, .list:
      // A word (`admin: none`), a short form (`- 127.0.0.1:9001`), or a mistake.
      if let word = row.words.first(where: { $0.text == expanded }) {
        value.content = .scalar(.word(word.text))
        return value
      }
      if row.shortForm == "[]" { return list([node], 1...1, node, as: type, at: path) }
      if let short = row.shortForm, let key = type.key(short) {
        return shortForm(node, key, of: type, at: path)
      }
      if case .named(_, .reference) = row.kind {
        return reference(expanded, value, node, at: path)
      }
      wrongShape(expanded, value.shown, node, as: type, at: path, isSecret: value.isSecret)
      return nil
    default: break
    }
    do throws(ScalarProblem) {
      value.content = .scalar(try ScalarReader.read(expanded, as: row))
    } catch {
      return reject(row.isSecret ? "the value" : "'\(value.shown)'", value, error, node, at: path)
    }
    warnOfWord(value, row, at: path)
    return value
  }

  private mutating func reject(
    _ subject: String, _ value: ConfigurationValue, _ problem: ScalarProblem, _ node: YAMLNode,
    at path: ConfigurationPath
  ) -> ConfigurationValue? {
    diagnostics.error(
      problem.code, node.range, path, "\(path.short): \(subject) \(problem.detail)",
      suggestion: value.isSecret ? nil : problem.suggestion)
    return nil
  }

  /// One name instead of a mapping from names.
  private mutating func reference(
    _ text: String, _ value: ConfigurationValue, _ node: YAMLNode, at path: ConfigurationPath
  ) -> ConfigurationValue? {
    var value = value
    do throws(ScalarProblem) {
      value.content = .scalar(.text(try ScalarReader.name(text, limit: 64)))
      return value
    } catch {
      return reject("'\(value.shown)'", value, error, node, at: path)
    }
  }

  private mutating func shortForm(
    _ node: YAMLNode, _ key: Schema.Node, of type: Schema.Node, at path: ConfigurationPath
  ) -> ConfigurationValue? {
    guard let value = value(node, as: key, at: path) else { return nil }
    let fields = type.keys.compactMap { other -> ConfigurationValue.Field? in
      let name = other.row.key
      let field = name == key.row.key ? value : other.standard
      return field.map { ConfigurationValue.Field(key: name, value: $0) }
    }
    return ConfigurationValue(
      content: .mapping(fields), origin: value.origin, range: node.range, isSecret: false)
  }

  private mutating func wrongShape(
    _ text: String, _ shown: String, _ node: YAMLNode, as type: Schema.Node,
    at path: ConfigurationPath, isSecret: Bool
  ) {
    let words = type.row.words.map(\.text)
    var suggestion = shapeHint(type)
    if words.contains("none"), ScalarReader.meansNothing(text), !isSecret {
      suggestion = "write none"
    } else if case .list = type.row.kind, !isSecret {
      suggestion = "write [\(shown)]"
    } else if text.contains(":"), !isSecret {
      suggestion = "put a space after the ':'"
    } else if case .mapping = type.row.kind, type.keys.count == 1, !isSecret {
      suggestion = "write {\(type.keys[0].row.key): \(shown)}"
    }
    let allowed = words.isEmpty ? "" : " or \(words.joined(separator: ", "))"
    diagnostics.error(
      .wrongShape, node.range, path,
      "\(subject(path)) must be \(shape(of: type.row))\(allowed), not '\(shown)'",
      suggestion: suggestion)
  }

  /// Where anything goes, a word misspelt goes too.
  private mutating func warnOfWord(
    _ value: ConfigurationValue, _ row: SchemaRow, at path: ConfigurationPath
  ) {
    guard row.kind == .authority, case .text(let text)? = value.scalar, !value.isSecret,
      let near = NearestName.of(text, among: row.words.map(\.text))
    else { return }
    diagnostics.warning(
      .unknownWord, value.range, path, "\(path.short): '\(value.shown)' is sent as it stands",
      suggestion: "did you mean '\(near)'?")
  }

  // MARK: Expansion

  private mutating func expand(
    _ text: String, _ isPlain: Bool, _ node: YAMLNode, as row: SchemaRow,
    at path: ConfigurationPath
  ) -> (text: String, isExpanded: Bool)? {
    var isTemplate = false
    if case .template = row.kind { isTemplate = true }
    let outcome = expansion.expand(text, isTemplate: isTemplate)
    for problem in outcome.problems {
      let range = place(of: problem, in: text, isPlain, node.range)
      let message = "\(path.short): \(problem.message)"
      if problem.isWarning {
        diagnostics.warning(problem.code, range, path, message, suggestion: problem.suggestion)
      } else {
        diagnostics.error(problem.code, range, path, message, suggestion: problem.suggestion)
      }
    }
    return outcome.text.map { ($0, outcome.isSecret) }
  }

  /// The expansion itself when the scalar stands in the file as it is read; else the whole scalar.
  private func place(
    of problem: Expansion.Problem, in text: String, _ isPlain: Bool, _ range: SourceRange
  ) -> SourceRange {
    let quotes = isPlain ? 0 : 1
    guard range.width == text.unicodeScalars.count + 2 * quotes else { return range }
    let start = range.start.moved(by: quotes + problem.offset)
    return SourceRange(start, start.moved(by: problem.length))
  }
}
