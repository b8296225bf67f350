// Why this file exists: an identifier from outside is written into every log line.
import HTTPSemantics
import Testing

@Suite struct RequestIdentifierTests {
  private func isValid(_ text: String) -> Bool { withBytes(text, RequestIdentifier.isValid) }

  @Test(arguments: [
    "1", "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "Zm9v+/==",
    "a.b_c~d", "Root=1-67891233-abcdef012345678912345678", "req:1@node",
  ])
  func `what identifiers are made of is accepted`(text: String) {
    #expect(isValid(text))
  }

  @Test(arguments: [
    "", "a b", "a\"b", "a\\b", "a\nb", "a\u{0}", "é", "<script>", "a,b", "a;b", "${x}", "a'b",
    "a\u{7f}", "{}", "a|b", "a`b", "%0a", "a#b", "a*b", "a?b", "a!b", "a&b", "a(b)", "a[b]", "a^b",
  ])
  func `anything that needs escaping somewhere is not (regression 36)`(text: String) {
    #expect(!isValid(text))
  }

  @Test func `128 bytes are enough (regression 36)`() {
    #expect(isValid(String(repeating: "a", count: 128)))
    #expect(!isValid(String(repeating: "a", count: 129)))
  }
}
