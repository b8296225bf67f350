// Why this file exists: host and port decide the route; both have one reading or none.
import HTTPSemantics
import Primitives
import Testing

@Suite struct AuthorityTests {
  private func parse(_ text: String) -> String? {
    withBytes(text) { bytes in
      Authority.parse(bytes).map {
        String(decoding: $0.host.buffer, as: UTF8.self) + "|\($0.port)"
      }
    }
  }

  @Test(arguments: [
    ("a", "a|-1"), ("a:80", "a|80"), ("a:", "a|-1"), ("a:0", "a|0"), ("a:65535", "a|65535"),
    ("a:00080", "a|80"), ("API.example.com:8080", "API.example.com|8080"),
    ("127.0.0.1:9", "127.0.0.1|9"), ("[::1]", "[::1]|-1"),
    ("[2001:db8::1]:443", "[2001:db8::1]|443"),
    ("[::ffff:1.2.3.4]:", "[::ffff:1.2.3.4]|-1"), ("a_b-c.d~", "a_b-c.d~|-1"),
    ("x!$&'()*+,;=", "x!$&'()*+,;=|-1"),
  ])
  func `an authority is host and port`(text: String, expected: String) {
    #expect(parse(text) == expected)
  }

  @Test(arguments: [
    "", ":", ":80", "a:65536", "a:99999999999999999999", "a:-1", "a:+1", "a:8 0", "a:x", "a:80:90",
    "u@a", "u:p@a", "a b", "a/b", "a?b", "a#b", "a\\b", "a%41", "é", "a\u{0}", "::1", "[::1",
    "::1]", "[]", "[1.2.3.4]", "[a]", "[::1]x", "[::1]80", "[v1.x]", "[fe80::1%25eth0]",
    "[fe80::1%eth0]",
    "[[::1]]", "a[::1]", "<a>", "\"a\"", "a\t", "[::1]:x",
  ])
  func `what has another reading is none`(text: String) {
    #expect(parse(text) == nil)
  }

  /// The access log writes it, and the word of a method, as they are.
  @Test func `no byte of an authority or of a method's word has to be escaped in a log line`() {
    for byte in UInt8.min...UInt8.max {
      for bytes in [[byte], [0x61, byte], [byte, 0x61], [0x61, byte, 0x3a, 0x38]] {
        let passes = bytes.withUnsafeBufferPointer {
          Authority.parse(ByteSlice($0.baseAddress!, $0.count)) != nil
        }
        #expect(!passes || ASCII.isPlain(byte), "\(byte)")
      }
    }
    for method in Method.allCases {
      let word = ByteSlice(method.word.utf8Start, method.word.utf8CodeUnitCount)
      #expect(ASCII.isPlain(word))
    }
  }
}
