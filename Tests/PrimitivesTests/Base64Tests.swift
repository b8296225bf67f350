// Why this file exists: base64 as RFC 4648 section 10 has it.

import Testing

@testable import Primitives

@Suite struct Base64Tests {
  @Test(arguments: [
    ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
    ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
  ])
  func `Every length is padded to four digits`(text: String, encoded: String) {
    #expect(Base64.text(Array(text.utf8)) == encoded)
  }

  @Test func `All 64 digits occur`() {
    #expect(Base64.text([0x00, 0x10, 0x83, 0xFB, 0xFF, 0xBF]) == "ABCD+/+/")
  }
}
