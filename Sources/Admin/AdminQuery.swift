// Why this file exists: /explain is asked with whole requests inside a query; taking a query apart
// is a function of its bytes.

import Primitives

/// The parameters of a query, decoded as forms write them: percent triplets once, `+` a space.
struct AdminQuery: Equatable {
  private(set) var parameters: [(name: String, value: String)] = []

  init(_ query: String) {
    for part in query.utf8.split(separator: 0x26) {
      let halves = part.split(separator: 0x3d, maxSplits: 1, omittingEmptySubsequences: false)
      let value = halves.count > 1 ? AdminQuery.decoded(halves[1]) : ""
      parameters.append((AdminQuery.decoded(halves[0]), value))
    }
  }

  func values(_ name: String) -> [String] {
    parameters.filter { $0.name == name }.map(\.value)
  }

  static func == (left: AdminQuery, right: AdminQuery) -> Bool {
    left.parameters.elementsEqual(right.parameters) { $0 == $1 }
  }

  private static func decoded(_ text: Substring.UTF8View) -> String {
    var bytes: [UInt8] = []
    var rest = text[...]
    while let byte = rest.popFirst() {
      if byte == 0x25, let high = rest.first, let low = rest.dropFirst().first,
        ASCII.hexValue(high) < 16, ASCII.hexValue(low) < 16
      {
        bytes.append(ASCII.hexValue(high) << 4 | ASCII.hexValue(low))
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte == 0x2b ? 0x20 : byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
