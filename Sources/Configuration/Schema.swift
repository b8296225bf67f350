// Why this file exists: one description of every key drives decoding, checking, the JSON Schema and
// the reference, so that none of them can say anything else than the others. The rows themselves
// are in SchemaTable.swift.
package import Primitives

/// What a value is, and within which bounds.
package enum SchemaKind: Sendable, Equatable {
  /// Keys that the table knows: the rows `path.key`.
  case mapping
  /// Names that the operator chooses: the row `path.*`. The bounds are for their number.
  case named(ClosedRange<Int>, SchemaNames)
  /// A list: the row `path[]`. The bounds are for its length.
  case list(ClosedRange<Int>)
  /// Nothing but the row's words.
  case word
  /// true, false
  case boolean
  case integer(ClosedRange<Int64>)
  /// 250ms 5s 2m 1h
  case duration(ClosedRange<Duration>)
  /// In bytes: 512B 4KiB 10MiB 1GiB, also KB, MB, GB
  case size(ClosedRange<UInt64>)
  /// In bytes a second: 256B/s
  case byteRate(ClosedRange<UInt64>)
  /// 50%, with at most four decimals
  case share(ClosedRange<Share>)
  /// 100/s 600/m 1000/h 50/10s; the bounds are for the count
  case rate(ClosedRange<UInt32>)
  /// host:port, [v6]:port or unix:/path
  case address(AddressUse)
  /// 10.0.0.0/8, 2001:db8::/32, or one address
  case cidr
  /// host or host:port, as the Host field has it
  case authority
  /// A path of the file system, absolute
  case filePath
  /// /path or /path/*
  case pathPattern
  /// /path, without a star
  case pathPrefix
  /// host or *.host
  case hostPattern
  /// The name of a request method
  case method
  /// The name of a header field
  case fieldName
  /// What a field or a parameter is compared with; may be empty
  case matchText(Int)
  /// The value of a field, which may hold {variables}
  case template(Int)
  /// Where a redirect leads
  case location
  /// type/subtype, with parameters
  case mediaType
  /// http://host:port/path
  case httpURL
  /// Anything, line ends too, at most this many bytes
  case body(Int)
  /// /path or /path?query, as a request has it
  case requestTarget
  /// header:Name, cookie:Name or query:name; what needs no name is a word
  case requestKey
  /// 204 or 200-399, within the bounds
  case status(ClosedRange<UInt16>)
  /// The name of a protocol to upgrade to
  case upgradeToken
  /// Letters, digits, `_`, `-` and `.`, at most this many
  case name(Int)
  /// Anything that can be printed, at most this many characters
  case text(Int)
}

/// What names a mapping may have.
package enum SchemaNames: Sendable, Equatable {
  /// Letters, digits, `_`, `-` and `.`
  case plain
  /// The same; instead of the mapping one name alone may stand.
  case reference
  /// Names of header fields, without regard to letter case.
  case fields
  /// Names of query parameters.
  case parameters
}

package enum AddressUse: Sendable, Equatable {
  /// To listen on: an IP address; port 0 takes any free port.
  case listen
  /// The same for the admin listener, which may be known by a name: that is then what its requests
  /// may name as Host.
  case admin
  /// To connect to: a host name is allowed.
  case connect
}

/// What holds when the key is absent.
package enum SchemaPresence: Sendable, Equatable {
  case required
  /// As it would be written.
  case byDefault(String)
  case listByDefault([String])
  /// The mapping is as if it had been written empty.
  case children
  /// Another row's value, which the reference links to.
  case inherited(String)
  /// What happens, in words.
  case derived(String)
}

/// A word that a value may be instead of what its kind says.
package struct SchemaWord: Sendable, Equatable, ExpressibleByStringLiteral {
  package var text: String
  /// Its meaning, for the reference.
  package var doc: String

  package init(_ text: String, _ doc: String = "") {
    self.text = text
    self.doc = doc
  }
  package init(stringLiteral text: String) { self.init(text) }
}

/// One key.
package struct SchemaRow: Sendable {
  /// `services.*.backends[].address`
  package let path: String
  /// The last key of the path: `address`; empty for an entry (`[]`, `*`).
  package let key: String
  package var kind: SchemaKind
  package var presence: SchemaPresence
  package var words: [SchemaWord]
  /// A mapping may be written as the value of this one of its keys; `[]`: a list may be written as
  /// its only entry.
  package var shortForm: String?
  /// A default that is longer than the value of this key beside it gives way to that.
  package var atMost: String?
  /// The same for one that is shorter.
  package var atLeast: String?
  /// Of a mapping: exactly one of these of its keys must be there.
  package var oneOf: [String]
  /// Not shown even when it stands in the file.
  package var isSecret: Bool
  /// True: a reload does not put it to use; false: it does. Nil: as it is of the row above.
  package var needsRestart: Bool?
  /// For the reference and for editors.
  package var doc: String
  /// A value to show where there is no default.
  package var example: String?

  init(
    _ path: String, _ kind: SchemaKind, _ presence: SchemaPresence, words: [SchemaWord] = [],
    shortForm: String? = nil, atMost: String? = nil, atLeast: String? = nil, oneOf: [String] = [],
    isSecret: Bool = false, needsRestart: Bool? = nil, example: String? = nil, _ doc: String
  ) {
    self.path = path
    let last = path.split(separator: ".").last ?? ""
    key = last.hasSuffix("[]") || last == "*" ? "" : String(last)
    self.kind = kind
    self.presence = presence
    self.words = words
    self.shortForm = shortForm
    self.atMost = atMost
    self.atLeast = atLeast
    self.oneOf = oneOf
    self.isSecret = isSecret
    self.needsRestart = needsRestart
    self.example = example
    self.doc =
      doc + (atMost.map { " By default never longer than `\($0)`." } ?? "")
      + (atLeast.map { " By default never shorter than `\($0)`." } ?? "")
      + (needsRestart == true ? " A change of it needs a restart." : "")
  }
}

/// The rows as the tree that documents have.
package struct Schema: Sendable {
  package struct Node: Sendable {
    package let row: SchemaRow
    /// Of a mapping, in the order of the table.
    package var keys: [Node] = []
    /// Of a list or of chosen names: what each entry is.
    package var entry: [Node] = []
    /// What holds when the key is absent; nil when there is nothing, or something that is not here.
    package fileprivate(set) var standard: ConfigurationValue?

    func key(_ name: String) -> Node? { keys.first { $0.row.key == name } }

    /// The fields of a mapping, with every default within what stands beside it. It is as secret
    /// as that.
    func bounded(_ fields: [ConfigurationValue.Field]) -> [ConfigurationValue.Field] {
      fields.map { field in
        guard field.value.origin == .byDefault, let row = key(field.key)?.row,
          let bound = row.atMost ?? row.atLeast,
          var other = fields.first(where: { $0.key == bound })?.value,
          case .duration(let time)? = field.value.scalar,
          case .duration(let limit)? = other.scalar,
          row.atMost == nil ? time < limit : time > limit
        else { return field }
        other.origin = .byDefault
        other.range = nil
        return ConfigurationValue.Field(key: field.key, value: other)
      }
    }
  }

  package let root: Node
  package let rows: [SchemaRow]

  /// - Parameter rows: every row after the one that holds it. A row that fits nowhere is a mistake
  ///   of ours.
  init(_ rows: [SchemaRow]) {
    var root = Node(row: SchemaRow("", .mapping, .required, "The whole file."))
    for row in rows {
      Schema.insert(row, Schema.steps(of: row.path)[...], into: &root)
    }
    Schema.addStandards(to: &root)
    self.root = root
    self.rows = rows
  }

  // MARK: Defaults

  private static func addStandards(to node: inout Node) {
    for index in node.keys.indices { addStandards(to: &node.keys[index]) }
    for index in node.entry.indices { addStandards(to: &node.entry[index]) }
    let content: ConfigurationValue.Content
    var written = ""
    switch node.row.presence {
    case .required, .inherited, .derived: return
    case .children:
      content = .mapping(
        node.keys.compactMap { key in
          key.standard.map { ConfigurationValue.Field(key: key.row.key, value: $0) }
        })
    case .byDefault(let text):
      content = .scalar(ours(text, node.row))
      written = text
    case .listByDefault(let texts):
      content = .list(texts.map { standard(.scalar(ours($0, node.entry[0].row)), $0) })
    }
    node.standard = standard(content, written)
  }

  private static func standard(
    _ content: ConfigurationValue.Content, _ written: String
  ) -> ConfigurationValue {
    ConfigurationValue(
      content: content, origin: .byDefault, range: nil, isSecret: false, written: written)
  }

  private static func ours(_ text: String, _ row: SchemaRow) -> ScalarValue {
    do throws(ScalarProblem) {
      return try ScalarReader.read(text, as: row)
    } catch {
      preconditionFailure("the default of \(row.path) is not valid: \(error.detail)")
    }
  }

  // MARK: Building the tree

  private static func steps(of path: String) -> [String] {
    path.split(separator: ".").flatMap { part in
      part.hasSuffix("[]") ? [String(part.dropLast(2)), "[]"] : [String(part)]
    }
  }

  private static func insert(_ row: SchemaRow, _ steps: ArraySlice<String>, into node: inout Node) {
    guard let step = steps.first else { preconditionFailure("row \(row.path) is there twice") }
    let rest = steps.dropFirst()
    let isEntry = step == "[]" || step == "*"
    if rest.isEmpty {
      if isEntry { node.entry.append(Node(row: row)) } else { node.keys.append(Node(row: row)) }
    } else if isEntry {
      precondition(!node.entry.isEmpty, "row \(row.path) comes before what holds it")
      insert(row, rest, into: &node.entry[0])
    } else {
      guard let index = node.keys.firstIndex(where: { $0.row.key == step }) else {
        preconditionFailure("row \(row.path) comes before what holds it")
      }
      insert(row, rest, into: &node.keys[index])
    }
  }

  /// The mappings that hold a key of this name, as an operator would write them:
  /// `services.NAME.timeouts`.
  func holders(of key: String) -> [String] {
    rows.compactMap { row in
      guard row.key == key, let dot = row.path.lastIndex(of: ".") else { return nil }
      return ConfigurationReference.written(String(row.path[..<dot]))
    }
  }
}
