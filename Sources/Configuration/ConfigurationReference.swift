// Why this file exists: a reference that is written by hand is wrong within a year;
// docs/configuration.md is made from the schema table.

/// The reference of the configuration, for people.
package enum ConfigurationReference {
  /// What docs/configuration.md holds; Markdown.
  package static func markdown() -> String { introduction + tables(of: .gateway) + outlook }

  /// A section for each key of the top level.
  static func tables(of schema: Schema) -> String {
    var text = ""
    for section in schema.root.keys {
      text += "\n## `\(section.row.key)`\n"
      if isScalar(section.row.kind) || isScalarList(section) {
        text += header + line(section)
      } else {
        text += "\n\(section.row.doc)\(presenceSentence(section.row))\n"
        text += header + rows(below: section).map(line).joined()
      }
    }
    return text
  }

  private static let introduction = """
    # Configuration

    <!-- Made from Sources/Configuration/SchemaTable.swift; do not edit. -->

    One YAML file. Every key is below, with its bounds and its default; a key that is not below is
    an error. Check a file with `gateway check FILE`: it names every mistake at once.
    [config/gateway.yaml](../config/gateway.yaml) shows every key with its default,
    [config/examples](../config/examples) holds small whole files, and editors can use
    [config/gateway.schema.json](../config/gateway.schema.json), which `gateway schema` prints.

    ## Values

    | kind | written |
    |---|---|
    | duration | `250ms` `5s` `2m` `1h` |
    | size | `512B` `4KiB` `10MiB` `1GiB`, also `KB` `MB` `GB` (powers of ten) |
    | byte rate | a size per second: `256B/s` |
    | share | `50%`, at most four decimals |
    | rate | `100/s` `600/m` `1000/h`, or for another period `50/10s` |
    | status | `204`, or a range `200-399` |
    | address | `127.0.0.1:9001`, `"[::1]:9001"` (in quotes), `unix:/path.sock` |

    The unit is never left out. `none` switches off an optional bound or part.

    The key decides what its value is, not YAML: `off` and `502` are words where words are expected,
    and a text may look like a number. `yes`, `no`, `on` and `off` for true and false, `012` (octal
    in YAML 1.1) and `22:22` (base 60) are errors.

    Anchors and aliases work; merge keys (`<<`), tags and a second document are errors. So is a key
    given twice.

    ## Values from outside

    | written | becomes |
    |---|---|
    | `${NAME}` | the environment variable; an error when it is not set |
    | `${NAME:-text}` | the same, or the text when it is not set or empty |
    | `${file:/run/secrets/x}` | what the file holds, without its last line end |
    | `$$` | a dollar, inside of `${…}` too |

    They expand inside any value, not in keys, after the YAML has been read, and not inside each
    other. A file that is missing is an error at start, and a warning in `gateway check`. What they
    expand to is secret: no message shows it.

    """

  private static let outlook = """

    ## Messages

    An error or a warning has a place, a message and mostly what to write instead:

    ```
    config/gateway.yaml:12:5: error: unknown key 'pathh' in match; did you mean 'path'?
       12 |     pathh: /api/*
          |     ^~~~~
    ```

    `gateway check --format json` gives an array of `file`, `line`, `column`, `end_column` (the
    column after the last one meant), `severity`, `code`, `path`, `message` and `suggestion`. Lines
    and columns count from 1, columns in characters; a message about the file as a whole has 0.

    """

  private static let header = "\n| key | value | default | |\n|---|---|---|---|\n"

  // MARK: Rows

  private static func isScalar(_ kind: SchemaKind) -> Bool {
    switch kind {
    case .mapping, .named, .list: false
    default: true
    }
  }

  private static func isScalarList(_ node: Schema.Node) -> Bool {
    if case .list = node.row.kind { isScalar(node.entry[0].row.kind) } else { false }
  }

  /// Every key with a value of its own, in the order of the table.
  private static func rows(below node: Schema.Node) -> [Schema.Node] {
    (node.keys + node.entry).flatMap { child -> [Schema.Node] in
      if isScalar(child.row.kind) || isScalarList(child) { return [child] }
      let hasLine = !child.row.key.isEmpty || child.row.shortForm != nil
      return (hasLine ? [child] : []) + rows(below: child)
    }
  }

  private static func line(_ node: Schema.Node) -> String {
    let row = node.row
    let cells = [
      "`\(written(row.path))`", valueText(node), defaultText(row), documentation(node),
    ]
    return "| " + cells.map(escaped).joined(separator: " | ") + " |\n"
  }

  /// A path of the table with a word for what the operator chooses.
  static func written(_ path: String) -> String {
    path.split(separator: ".").map { $0 == "*" ? "NAME" : $0 }.joined(separator: ".")
  }

  private static func escaped(_ cell: String) -> String {
    String(cell.flatMap { $0 == "|" ? ["\\", "|"] : [$0] })
  }

  private static func documentation(_ node: Schema.Node) -> String {
    var text = node.row.doc
    let list = isScalarList(node) ? node.entry[0].row : nil
    for word in node.row.words + (list?.words ?? []) where !word.doc.isEmpty {
      text += "<br>`\(word.text)`: \(word.doc)"
    }
    if let list, list.words.isEmpty { text += "<br>Entries: \(list.doc)" }
    if let example = node.row.example ?? list?.example { text += "<br>Example: `\(example)`" }
    return text
  }

  private static func presenceSentence(_ row: SchemaRow) -> String {
    var text = row.presence == .required ? " Required." : ""
    for word in row.words where !isScalar(row.kind) {
      text += " `\(row.key): \(word.text)`: \(word.doc)."
    }
    return text
  }

  private static func defaultText(_ row: SchemaRow) -> String {
    switch row.presence {
    case .required: "required"
    case .byDefault(let text): "`\(text)`"
    case .listByDefault(let texts): "`[\(texts.joined(separator: ", "))]`"
    case .children: ""
    case .inherited(let path): "that of `\(written(path))`"
    case .derived(let words): words
    }
  }

  private static func valueText(_ node: Schema.Node) -> String {
    let words = node.row.words.map { "`\($0.text)`" }
    let kind = kindText(node)
    return (words + (kind.isEmpty ? [] : [kind])).joined(separator: ", ")
  }

  private static func kindText(_ node: Schema.Node) -> String {
    switch node.row.kind {
    case .mapping: node.row.shortForm.map { "keys, or its `\($0)`" } ?? "keys"
    case .named(let bounds, .plain): "at most \(bounds.upperBound) names"
    case .named(let bounds, .reference): "a name, or at most \(bounds.upperBound) names"
    case .named(let bounds, .fields): "at most \(bounds.upperBound) names of fields"
    case .named(let bounds, .parameters): "at most \(bounds.upperBound) names of parameters"
    case .list(let bounds):
      if isScalarList(node) {
        (node.row.shortForm == nil ? "list: " : "one, or a list: ") + valueText(node.entry[0])
      } else {
        "list, \(span(bounds) { "\($0)" })"
      }
    case .word: ""
    case .boolean: "`true`, `false`"
    case .integer(let bounds): span(bounds) { "\($0)" }
    case .duration(let bounds): "duration, \(span(bounds, QuantityText.duration))"
    case .size(let bounds): "size, \(span(bounds, QuantityText.size))"
    case .byteRate(let bounds): "byte rate, \(span(bounds) { QuantityText.size($0) + "/s" })"
    case .share(let bounds): "share, \(span(bounds, QuantityText.share))"
    case .rate(let bounds): "rate, count \(span(bounds) { "\($0)" })"
    case .address(.listen): "address"
    case .address(.admin), .address(.connect): "address, or a host name"
    case .cidr: "`10.0.0.0/8`, `2001:db8::/32` or an address"
    case .authority: "`host` or `host:port`"
    case .filePath: "absolute path"
    case .pathPattern: "`/path` or `/path/*`"
    case .pathPrefix: "`/path`"
    case .hostPattern: "`host` or `*.host`"
    case .method: "method"
    case .fieldName: "name of a field"
    case .matchText(let limit): "text, at most \(limit) characters, may be empty"
    case .template(let limit): "text with variables, at most \(limit) characters"
    case .httpURL: "`http://host:port/path`"
    case .location: "`/path`, `/path/*`, `https://host/path`"
    case .mediaType: "media type"
    case .body(let limit): "text, at most \(QuantityText.size(UInt64(limit)))"
    case .requestTarget: "`/path`, `/path?query`"
    case .requestKey: "`header:Name`, `cookie:Name`, `query:name`"
    case .status(let bounds): "status or range, \(span(bounds) { "\($0)" })"
    case .upgradeToken: "protocol"
    case .name(let limit): "letters, digits, `-`, `_`, `.`; at most \(limit)"
    case .text(let limit): "text, at most \(limit) characters"
    }
  }

  private static func span<Bound>(
    _ bounds: ClosedRange<Bound>, _ text: (Bound) -> String
  ) -> String {
    "\(text(bounds.lowerBound)) to \(text(bounds.upperBound))"
  }
}
