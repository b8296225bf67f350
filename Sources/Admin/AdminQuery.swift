// Why this file exists: /explain is asked with whole requests inside a query; taking a query apart
// is a function of its bytes.

import Primitives

/// The parameters of a query, decoded as forms write them: percent triplets once, `+` a space.
struct AdminQuery: Equatable {
  private(set) var parameters: [(name: String, value: String)] = []

  init(_ query: String) {
    for part in query.utf8.split(separator: 0x26) {
      let halves = part.split(separator: 0x3d, maxSplits: 1, omittingEmptySubsequences: false)
      let value = halves.count > 1 ? ASCII.formDecoded(halves[1]) : ""
      parameters.append((ASCII.formDecoded(halves[0]), value))
    }
  }

  func values(_ name: String) -> [String] {
    parameters.filter { $0.name == name }.map(\.value)
  }

  static func == (left: AdminQuery, right: AdminQuery) -> Bool {
    left.parameters.elementsEqual(right.parameters) { $0 == $1 }
  }
}
