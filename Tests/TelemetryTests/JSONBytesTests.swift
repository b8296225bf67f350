// Why this file exists: the log is read by machines line by line and by people in terminals; no
// byte from outside may end a string, a line, or move a cursor.
import Primitives
import Telemetry
import Testing

private func escaped(_ bytes: [UInt8]) -> [UInt8] {
  withSlice(bytes) { slice in
    let room = UnsafeMutablePointer<UInt8>.allocate(capacity: bytes.count * 6 + 16)
    defer { room.deallocate() }
    room.initialize(repeating: 0xee, count: bytes.count * 6 + 16)
    let end = JSONBytes.escape(slice, to: room)
    precondition(end - room <= bytes.count * JSONBytes.worstCase)
    for index in bytes.count * 6..<bytes.count * 6 + 16 { precondition(room[index] == 0xee) }
    return Array(UnsafeBufferPointer(start: room, count: end - room))
  }
}

private func read(_ bytes: [UInt8]) -> String? {
  guard let members = JSONReader.object(Array("{\"a\":\"".utf8) + bytes + Array("\"}".utf8)),
    case .string(let text) = members.first?.value
  else { return nil }
  return text
}

@Suite struct JSONBytesTests {
  @Test func `each byte in each place of a word is escaped or left, and none ends the string`() {
    for byte in UInt8.min...UInt8.max {
      for position in 0..<17 {
        var bytes = [UInt8](repeating: 0x61, count: 17)
        bytes[position] = byte
        let out = escaped(bytes)
        let plain = byte >= 0x20 && byte < 0x7f && byte != 0x22 && byte != 0x5c
        #expect((out == bytes) == plain)
        #expect(out.allSatisfy { $0 >= 0x20 && $0 < 0x7f })
        let expected = byte < 0x80 ? String(decoding: bytes, as: UTF8.self) : nil
        if let expected {
          #expect(read(out) == expected)
        } else {
          #expect(read(out)?.unicodeScalars.contains("\u{fffd}") == true)
        }
      }
    }
  }

  @Test(arguments: [
    ("", ""), ("plain", "plain"), ("\"", "\\\""), ("\\", "\\\\"), ("a\nb", "a\\u000ab"),
    ("\u{1b}[31m", "\\u001b[31m"), ("\u{7f}", "\\u007f"), ("\u{9b}", "\\u009b"), ("é", "é"),
    ("日本語", "日本語"), ("🐢", "🐢"), ("\u{2028}", "\\u2028"), ("\u{202e}", "\\u202e"),
    ("\u{2067}", "\\u2067"), ("\u{feff}", "\\ufeff"), ("\u{a0}", "\u{a0}"),
    ("\u{10ffff}", "\u{10ffff}"), ("12345678\n12345678", "12345678\\u000a12345678"),
  ])
  func `text is told plainly where that is safe`(text: String, expected: String) {
    #expect(String(decoding: escaped(Array(text.utf8)), as: UTF8.self) == expected)
  }

  @Test(arguments: [
    [0x80], [0xff], [0xc3], [0xc3, 0x28], [0xc0, 0xaf], [0xc1, 0x80], [0xe0, 0x80, 0xaf],
    [0xe2, 0x82], [0xed, 0xa0, 0x80], [0xf0, 0x80, 0x80, 0xaf], [0xf0, 0x9f, 0x90],
    [0xf4, 0x90, 0x80, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xfe], [0xc2],
  ] as [[UInt8]])
  func `what is no UTF-8 becomes the replacement character`(bytes: [UInt8]) throws {
    for prefix in ["", "a", "1234567", "12345678"] {
      for suffix in ["", "z", "12345678"] {
        let out = escaped(Array(prefix.utf8) + bytes + Array(suffix.utf8))
        let text = try #require(read(out))
        #expect(text.hasPrefix(prefix) && text.hasSuffix(suffix))
        #expect(text.unicodeScalars.contains("\u{fffd}"))
      }
    }
  }

  @Test func `random bytes come back as a decoder that replaces would tell them`() throws {
    var random = SplitMix64(seed: 77)
    for _ in 0..<5_000 {
      let count = Int(random.next() % 40)
      let mask: UInt8 = random.next() % 2 == 0 ? 0xff : 0x7f
      let bytes = (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) & mask }
      let out = escaped(bytes)
      let text = try #require(read(out))
      if let valid = String(validating: bytes, as: UTF8.self) { #expect(text == valid) }
      #expect(!out.contains(0x0a) && !out.contains(0x1b))
    }
  }
}
