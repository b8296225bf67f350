// Why this file exists: every complaint about a file must say where; these are the places.

/// A place in a file. Both numbers count from 1; columns count characters (Unicode scalars).
package struct SourcePosition: Sendable, Hashable, Comparable {
  package var line: Int
  package var column: Int

  package init(line: Int, column: Int) {
    self.line = line
    self.column = column
  }

  package static func < (left: SourcePosition, right: SourcePosition) -> Bool {
    (left.line, left.column) < (right.line, right.column)
  }

  func moved(by columns: Int) -> SourcePosition {
    SourcePosition(line: line, column: column + columns)
  }
}

/// From `start` up to, but not including, `end`.
package struct SourceRange: Sendable, Hashable {
  package var start: SourcePosition
  package var end: SourcePosition

  package init(_ start: SourcePosition, _ end: SourcePosition) {
    self.start = start
    self.end = end
  }

  /// One character.
  init(at position: SourcePosition) { self.init(position, position.moved(by: 1)) }

  /// The columns on its only line; nil when it goes over several.
  var width: Int? { start.line == end.line ? end.column - start.column : nil }
}

/// The way to a value: `services.users.timeouts.connect`, `routes[3].timeouts.connect`.
package struct ConfigurationPath: Sendable, Equatable {
  enum Component: Sendable, Equatable {
    /// A key of the schema.
    case key(String)
    /// A name that the operator chose.
    case name(String)
    /// A place in a list, from 0.
    case index(Int)

    var isKey: Bool {
      if case .key = self { true } else { false }
    }
  }

  private(set) var components: [Component] = []

  static let root = ConfigurationPath()

  func key(_ key: String) -> ConfigurationPath { appending(.key(key)) }
  func name(_ name: String) -> ConfigurationPath { appending(.name(name)) }
  func index(_ index: Int) -> ConfigurationPath { appending(.index(index)) }

  private func appending(_ component: Component) -> ConfigurationPath {
    var path = self
    path.components.append(component)
    return path
  }

  /// The whole way. A name with other characters than letters, digits, `_` and `-` stands in
  /// brackets and quotes.
  package var text: String { ConfigurationPath.text(components[...]) }

  /// What a message calls the value: the keys after the last name or number, since the line says
  /// the rest.
  var short: String {
    let end = components.lastIndex(where: \.isKey).map { $0 + 1 } ?? 0
    let start = components[..<end].lastIndex { !$0.isKey }.map { $0 + 1 } ?? 0
    return ConfigurationPath.text(components[start..<end])
  }

  /// What a message calls a mapping: ` in match`, ` in routes[3]`, ` at the top level`.
  var place: String {
    guard let last = components.last else { return " at the top level" }
    return " in " + (last.isKey ? short : text)
  }

  private static func text(_ components: ArraySlice<Component>) -> String {
    var text = ""
    for component in components {
      switch component {
      case .key(let key): text += (text.isEmpty ? "" : ".") + key
      case .name(let name):
        let isPlain = name.utf8.allSatisfy(isPlainNameByte) && (1...64).contains(name.utf8.count)
        let plain = (text.isEmpty ? "" : ".") + name
        text += isPlain ? plain : "[\"\(PrintableText.of(name, limit: 64))\"]"
      case .index(let index): text += "[\(index)]"
      }
    }
    return text
  }

  private static func isPlainNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
      true
    default: false
    }
  }
}
