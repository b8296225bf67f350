// Why this file exists: lists are walked from both ends, and both walks must see the same members.
import HTTPSemantics
import Primitives
import Testing

@Suite struct FieldListTests {
  private func members(_ text: String, fromRight: Bool) -> [String] {
    withBytes(text) { bytes in
      var list = FieldList(bytes)
      var found: [String] = []
      while let member = fromRight ? list.nextFromRight() : list.next() {
        found.append(String(decoding: member.buffer, as: UTF8.self))
      }
      return found
    }
  }

  @Test(arguments: [
    ("", []), (",", []), (" , ,\t,", []), ("a", ["a"]), ("a,b", ["a", "b"]),
    (" a ,\tb c\t,, d", ["a", "b c", "d"]), (",a,", ["a"]), ("a,", ["a"]),
  ])
  func `members are trimmed and empty ones left out`(text: String, expected: [String]) {
    #expect(members(text, fromRight: false) == expected)
    #expect(members(text, fromRight: true) == expected.reversed())
  }

  @Test func `both walks agree on random lists`() {
    var random = SplitMix64(seed: 5)
    for _ in 0..<2_000 {
      let length = Int.random(in: 0...12, using: &random)
      let text = (0..<length).map { _ in ["a", ",", " ", "b", "\t"].randomElement(using: &random)! }
      let joined = text.joined()
      #expect(members(joined, fromRight: false) == members(joined, fromRight: true).reversed())
    }
  }
}
