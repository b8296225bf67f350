// Why this file exists: numbers from the wire overflow on purpose, and one byte wrongly taken for a
// token is a smuggled field.
import Primitives
import Testing

@Suite struct ASCIITests {
  @Test func `exactly the token bytes of RFC 9110 are tokens`() {
    let allowed = Set(
      "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8)
    for byte in UInt8.min...UInt8.max {
      #expect(ASCII.isToken(byte) == allowed.contains(byte), "byte \(byte)")
    }
  }

  @Test func `letters, digits and hexadecimal digits are told byte by byte`() {
    for byte in UInt8.min...UInt8.max {
      let scalar = Character(Unicode.Scalar(byte))
      let isASCII = byte < 128
      #expect(ASCII.isDigit(byte) == (isASCII && ("0"..."9").contains(scalar)))
      #expect(ASCII.isLetter(byte) == (isASCII && scalar.isLetter))
      let upper = (0x41...0x5a).contains(byte)
      #expect(ASCII.lowercased(byte) == (upper ? byte + 32 : byte))
      let value = isASCII ? scalar.hexDigitValue.map { UInt8($0) } : nil
      #expect(ASCII.hexValue(byte) == value ?? 255)
    }
    for value in 0..<16 as Range<UInt8> { #expect(ASCII.hexValue(ASCII.hexDigit(value)) == value) }
  }

  @Test(arguments: [
    ("0", 0), ("7", 7), ("00012", 12), ("18446744073709551615", .max),
    ("0018446744073709551615", .max),
  ] as [(String, UInt64)])
  func `a decimal number is read`(text: String, value: UInt64) {
    #expect(withSlice(text, ASCII.decimal) == value)
  }

  @Test(arguments: [
    "", "+1", "-1", " 1", "1 ", "1_0", "0x1", "1.0", "1,0", "a", "18446744073709551616",
    "18446744073709551620", "28446744073709551615", "99999999999999999999999", "1\0", "١",
  ])
  func `what is no decimal number, or too great, is refused`(text: String) {
    #expect(withSlice(text, ASCII.decimal) == nil)
  }

  @Test(arguments: [
    ("0", 0), ("f", 15), ("FF", 255), ("00ff", 255), ("ffffffffffffffff", .max),
    ("0ffffffffffffffff", .max),
  ] as [(String, UInt64)])
  func `a hexadecimal number is read`(text: String, value: UInt64) {
    #expect(withSlice(text, ASCII.hex) == value)
  }

  @Test(arguments: ["", "0x1", "g", "-1", " 1", "1 ", "10000000000000000", "fffffffffffffffff"])
  func `what is no hexadecimal number, or too great, is refused`(text: String) {
    #expect(withSlice(text, ASCII.hex) == nil)
  }

  @Test func `names are compared without case, but only letters are folded`() {
    func same(_ left: String, _ right: String) -> Bool {
      withSlice(left) { l in withSlice(right) { r in ASCII.equalIgnoringCase(l, r) } }
    }
    #expect(same("Content-Length", "content-LENGTH"))
    #expect(same("", ""))
    #expect(!same("a", "ab"))
    #expect(!same("[", "{"))
    #expect(!same("@", "`"))
    #expect(withSlice("ChUnKeD") { ASCII.equalIgnoringCase($0, "chunked") })
    #expect(!withSlice("chunkeds") { ASCII.equalIgnoringCase($0, "chunked") })
  }

  @Test func `bytes are compared over whole words and the rest`() {
    for count in 0...20 {
      let bytes = [UInt8](repeating: 0x61, count: count)
      #expect(withSlice(bytes) { a in withSlice(bytes) { ASCII.equal(a, $0) } })
      for position in 0..<count {
        var other = bytes
        other[position] = 0x62
        #expect(!withSlice(bytes) { a in withSlice(other) { ASCII.equal(a, $0) } })
      }
    }
  }

  @Test(arguments: [
    ("", ""), (" ", ""), ("\t \t", ""), ("a", "a"), (" a b\t", "a b"), ("\u{a0}a", "\u{a0}a"),
    ("\ra\n", "\ra\n"),
  ])
  func `spaces and tabs are trimmed, nothing else`(text: String, expected: String) {
    let trimmed = withSlice(text) {
      String(decoding: ASCII.trimmed($0).buffer, as: UTF8.self)
    }
    #expect(trimmed == expected)
  }
}

@Suite struct ByteWriterTests {
  @Test(arguments: [0, 1, 9, 10, 99, 100, 999, 1_000, 12_345, 9_999_999, .max] as [UInt64])
  func `decimal numbers are written as they read`(value: UInt64) {
    #expect(written(capacity: 20) { $0.appendDecimal(value) } == ("\(value)", false))
    #expect(ASCII.decimalCount(value) == "\(value)".utf8.count)
  }

  @Test func `negative numbers and padded ones`() {
    #expect(written(capacity: 30) { $0.appendDecimal(-7) } == ("-7", false))
    #expect(written(capacity: 30) { $0.appendDecimal(Int.min) } == ("\(Int.min)", false))
    #expect(written(capacity: 30) { $0.appendDecimal(42, digits: 6) } == ("000042", false))
    #expect(written(capacity: 30) { $0.appendDecimal(1_234, digits: 3) } == ("234", false))
  }

  @Test func `three digits are written with their zeros`() {
    let room = UnsafeMutablePointer<UInt8>.allocate(capacity: 3)
    defer { room.deallocate() }
    for value in UInt32(0)..<1_000 {
      ASCII.writeThreeDigits(value, to: room)
      let text = String(decoding: UnsafeBufferPointer(start: room, count: 3), as: UTF8.self)
      #expect(text == String("\(1_000 + value)".dropFirst()))
    }
  }

  @Test func `hexadecimal numbers are written as they read`() {
    var random = SplitMix64(seed: 21)
    for shift in 0..<64 as Range<UInt64> {
      for value: UInt64 in [random.next() >> shift, 1 << shift, (1 << shift) - 1] {
        let text = String(value, radix: 16)
        #expect(written(capacity: 16) { $0.appendHex(value) } == (text, false))
        let padded = String(repeating: "0", count: 16 - text.count) + text
        #expect(written(capacity: 16) { $0.appendHex16(value) } == (padded, false))
      }
    }
  }

  @Test func `texts follow one another`() {
    let result = written(capacity: 64) { writer in
      writer.append("GET ")
      withSlice("/path") { writer.append($0) }
      writer.append(0x20)
      withSlice("") { writer.append($0) }
      writer.appendDecimal(7 as Int)
    }
    #expect(result == ("GET /path 7", false))
  }

  @Test func `a slice of any length arrives whole, and nothing is written behind it`() {
    func copy(_ bytes: [UInt8], capacity: Int) -> (text: String, overflowed: Bool) {
      written(capacity: capacity) { writer in withSlice(bytes) { writer.append($0) } }
    }
    let letters = (0..<300).map { UInt8(0x61 + $0 % 26) }
    for length in 0...300 {
      let text = String(decoding: letters[..<length], as: UTF8.self)
      #expect(copy(Array(letters[..<length]), capacity: length) == (text, false))
      guard length > 0 else { continue }
      #expect(copy(Array(letters[..<length]), capacity: length - 1) == ("", true))
    }
  }

  @Test func `parts behind one check are written all or not at all`() {
    func line(capacity: Int) -> (text: String, overflowed: Bool) {
      written(capacity: capacity) { writer in
        writer.append("> ")
        writer.append(together: 9) { pen in
          pen.put(status: 204)
          pen.put(" ")
          withSlice("phras") { pen.put($0) }
        }
      }
    }
    for capacity in 2..<11 { #expect(line(capacity: capacity) == ("> ", true)) }
    #expect(line(capacity: 11) == ("> 204 phras", false))
  }

  @Test func `what does not fit is left out whole, and nothing after it is written`() {
    for capacity in 0...12 {
      let result = written(capacity: capacity) { writer in
        writer.append("four")
        writer.append("four")
        writer.appendDecimal(12 as UInt64)
        writer.append(0x21)
      }
      let whole = ["four", "four", "12", "!"]
      var expected = ""
      for part in whole {
        if expected.count + part.count > capacity { break }
        expected += part
      }
      #expect(result == (expected, capacity < 11))
    }
  }

  @Test func `every kind of writing keeps inside its room`() {
    for capacity in 0...25 {
      _ = written(capacity: capacity) { $0.appendDecimal(UInt64.max) }
      _ = written(capacity: capacity) { $0.appendHex(.max) }
      _ = written(capacity: capacity) { $0.appendHex16(.max) }
      _ = written(capacity: capacity) { $0.appendDecimal(1, digits: 19) }
      _ = written(capacity: capacity) { $0.append("0123456789012345678901") }
      for _ in 0..<30 { _ = written(capacity: capacity) { $0.append(1) } }
    }
  }

  @Test func `rewinding forgets what came after, and the overflow`() {
    let result = written(capacity: 6) { writer in
      writer.append("abc")
      let mark = writer.cursor
      writer.append("defghij")
      writer.rewind(to: mark)
      writer.append("xyz")
    }
    #expect(result == ("abcxyz", false))
  }
}
