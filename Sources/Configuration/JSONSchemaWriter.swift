// Why this file exists: editors check and complete a configuration while it is written, if somebody
// gives them a JSON Schema; it is made from the same rows as everything else.
import Primitives

/// The JSON Schema (draft 2020-12) of a configuration file.
package enum JSONSchemaWriter {
  /// What `gateway schema` prints and config/gateway.schema.json holds; ends in a line end.
  package static var text: String { text(of: .gateway, title: "Configuration of gateway") }
  /// What `gateway schema --scenario` prints and config/scenario.schema.json holds.
  package static var scenario: String {
    text(of: .scenario, title: "Scenario of gateway simulate")
  }

  static func text(of schema: Schema, title: String) -> String {
    guard case .object(let members) = value(schema.root) else { return "" }
    let head: [(String, JSONValue)] = [
      ("$schema", .string("https://json-schema.org/draft/2020-12/schema")),
      ("title", .string(title)),
    ]
    let definitions: [(String, JSONValue)] = [
      (
        "$defs",
        .object([
          (
            "expansion",
            .object([
              ("type", .string("string")), ("pattern", .string("\\$\\{[^}]+\\}")),
              (
                "description",
                .string("Holds ${NAME}, ${NAME:-default} or ${file:/path}; checked when loaded.")
              ),
            ])
          )
        ])
      )
    ]
    let all = head + members.map { ($0.key, $0.value) } + definitions
    return JSONValue.object(all).text + "\n"
  }

  private static func value(_ node: Schema.Node) -> JSONValue {
    let row = node.row
    var members: [(String, JSONValue)] = []
    if !row.doc.isEmpty { members.append(("description", .string(row.doc))) }
    var shapes: [JSONValue] = []
    let words = row.words.flatMap { word -> [JSONValue] in
      // Editors read the word 502 as a number.
      [.string(word.text)] + (Int64(word.text).map { [.integer($0)] } ?? [])
    }
    if !words.isEmpty { shapes.append(.object([("enum", .array(words))])) }
    switch row.kind {
    case .mapping, .named, .list:
      if let short = row.shortForm, let key = node.key(short) { shapes.append(value(key)) }
      if row.shortForm == "[]" { shapes.append(value(node.entry[0])) }
      if case .named(_, .reference) = row.kind { shapes.append(.object(scalar(.name(64)))) }
      shapes.append(.object(composite(node)))
    case .word: shapes.append(.object([("$ref", .string("#/$defs/expansion"))]))
    default:
      shapes.append(.object(scalar(row.kind)))
      if !isAnyText(row.kind) { shapes.append(.object([("$ref", .string("#/$defs/expansion"))])) }
    }
    if shapes.count == 1, case .object(let only) = shapes[0] {
      members += only.map { ($0.key, $0.value) }
    } else {
      members.append(("anyOf", .array(shapes)))
    }
    if let value = defaultValue(row) { members.append(("default", value)) }
    if let example = row.example { members.append(("examples", .array([.string(example)]))) }
    return .object(members)
  }

  private static func composite(_ node: Schema.Node) -> [(String, JSONValue)] {
    switch node.row.kind {
    case .mapping:
      let required = node.keys.filter { $0.row.presence == .required }.map(\.row.key)
      var members: [(String, JSONValue)] = [
        ("type", .string("object")),
        ("properties", .object(node.keys.map { ($0.row.key, value($0)) })),
      ]
      if !required.isEmpty {
        members.append(("required", .array(required.map { .string($0) })))
      }
      if !node.row.oneOf.isEmpty {
        let choices = node.row.oneOf.map { key -> JSONValue in
          .object([("required", .array([.string(key)]))])
        }
        members.append(("oneOf", .array(choices)))
      }
      return members + [("additionalProperties", .boolean(false))]
    case .named(let bounds, let names):
      return [
        ("type", .string("object")), ("propertyNames", propertyNames(names)),
        ("additionalProperties", value(node.entry[0])),
        ("minProperties", .integer(Int64(bounds.lowerBound))),
        ("maxProperties", .integer(Int64(bounds.upperBound))),
      ]
    case .list(let bounds):
      return [
        ("type", .string("array")), ("items", value(node.entry[0])),
        ("minItems", .integer(Int64(bounds.lowerBound))),
        ("maxItems", .integer(Int64(bounds.upperBound))),
      ]
    default: preconditionFailure("not a composite: \(node.row.path)")
    }
  }

  private static func propertyNames(_ names: SchemaNames) -> JSONValue {
    switch names {
    case .plain, .reference: .object(scalar(.name(64)).filter { $0.0 == "pattern" })
    case .fields: .object(scalar(.fieldName).filter { $0.0 == "pattern" })
    case .parameters:
      .object([
        ("minLength", .integer(1)), ("maxLength", .integer(Int64(RequestPartReader.longestName))),
      ])
    }
  }

  private static func isAnyText(_ kind: SchemaKind) -> Bool {
    switch kind {
    case .text, .authority, .matchText, .template, .body, .mediaType: true
    default: false
    }
  }

  private static func scalar(_ kind: SchemaKind) -> [(String, JSONValue)] {
    switch kind {
    case .boolean: [("type", .string("boolean"))]
    case .integer(let bounds):
      [
        ("type", .string("integer")), ("minimum", .integer(bounds.lowerBound)),
        ("maximum", .integer(bounds.upperBound)),
      ]
    case .duration(let bounds): pattern("^\(number(bounds.lowerBound > .zero))(ms|s|m|h)$")
    case .size(let bounds):
      pattern("^\(number(bounds.lowerBound > 0))(B|KiB|MiB|GiB|KB|MB|GB)$")
    case .byteRate(let bounds):
      pattern("^\(number(bounds.lowerBound > 0))(B|KiB|MiB|GiB|KB|MB|GB)/s$")
    case .share(let bounds): pattern("^\(number(of: bounds))%$")
    case .rate: pattern("^(0|[1-9][0-9]*)/([1-9][0-9]*)?(ms|s|m|h)$")
    case .address: pattern("^(unix:/.+|.+:[0-9]+)$")
    case .cidr: pattern("^[0-9A-Fa-f:.]+(/[0-9]+)?$")
    case .filePath, .pathPattern, .pathPrefix, .requestTarget: pattern("^/")
    case .hostPattern: pattern("^(\\*\\.)?[^*]+$")
    case .method: pattern("^[A-Z-]+$")
    case .fieldName: pattern("^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$")
    case .httpURL: pattern("^[Hh][Tt][Tt][Pp]://.+/")
    case .location: pattern("^(/|https?://)")
    case .requestKey: pattern("^(header|cookie|query):.+$")
    case .status(let bounds):
      [
        ("type", .array([.string("string"), .string("integer")])),
        ("pattern", .string("^[1-5][0-9][0-9](-[1-5][0-9][0-9])?$")),
        ("minimum", .integer(Int64(bounds.lowerBound))),
        ("maximum", .integer(Int64(bounds.upperBound))),
      ]
    case .upgradeToken: pattern("^[^ ,]+$")
    case .name(let limit): named(pattern: "^(?!-$)[A-Za-z0-9._-]{1,\(limit)}$")
    // A number is a text too where a text is expected.
    case .authority, .text, .matchText, .template, .body, .mediaType:
      [("type", .array([.string("string"), .string("number")]))]
    case .mapping, .named, .list, .word: []
    }
  }

  private static func pattern(_ pattern: String) -> [(String, JSONValue)] {
    [("type", .string("string")), ("pattern", .string(pattern))]
  }

  /// A whole number. Of the bounds, an editor is told that 0 is none.
  private static func number(_ isPositive: Bool) -> String {
    isPositive ? "[1-9][0-9]*" : "(0|[1-9][0-9]*)"
  }

  /// With up to four decimals. Of the bounds, an editor is told the whole and the least percent.
  private static func number(of bounds: ClosedRange<Share>) -> String {
    if bounds.upperBound > .percent(100) { return "(0|[1-9][0-9]*)(\\.[0-9]{1,4})?" }
    let whole = bounds.lowerBound < .percent(1) ? "[1-9]?[0-9]" : "[1-9][0-9]?"
    return "(\(whole)(\\.[0-9]{1,4})?|100(\\.0{1,4})?)"
  }

  private static func named(pattern: String) -> [(String, JSONValue)] {
    [
      ("type", .array([.string("string"), .string("number")])), ("pattern", .string(pattern)),
    ]
  }

  private static func defaultValue(_ row: SchemaRow) -> JSONValue? {
    switch row.presence {
    case .required, .children, .inherited, .derived: nil
    case .byDefault(let text): literal(text)
    case .listByDefault(let texts): .array(texts.map(literal))
    }
  }

  private static func literal(_ text: String) -> JSONValue {
    switch text {
    case "true": .boolean(true)
    case "false": .boolean(false)
    default: Int64(text).map { .integer($0) } ?? .string(text)
    }
  }
}
