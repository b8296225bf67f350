// Why this file exists: eight bytes are looked at in one word; every byte at every place in runs of
// every short length must be seen.
import Primitives
import Testing

@testable import HTTPSemantics

@Suite struct FieldBytesTests {
  /// Puts each byte at each place of runs of `filler`, and asks.
  private func sweep(
    filler: UInt8, _ question: (ByteSlice) -> Bool, expected: (UInt8) -> Bool
  ) {
    for length in 1...19 {
      var bytes = [UInt8](repeating: filler, count: length)
      for place in 0..<length {
        for byte in UInt8.min...UInt8.max {
          bytes[place] = byte
          let answer = withBytes(bytes, question)
          #expect(answer == expected(byte), "byte \(byte) at \(place) of \(length)")
        }
        bytes[place] = filler
      }
    }
  }

  @Test func `a value holds no control byte but the tab`() {
    sweep(filler: 0x61, FieldBytes.isValue) { $0 == 0x09 || ($0 >= 0x20 && $0 != 0x7f) }
    sweep(filler: 0x09, FieldBytes.isValue) { $0 == 0x09 || ($0 >= 0x20 && $0 != 0x7f) }
  }

  @Test func `an empty value is a value`() {
    #expect(withBytes("", FieldBytes.isValue))
  }

  @Test func `a target is visible ASCII without a number sign`() {
    sweep(filler: 0x61, FieldBytes.isTarget) { $0 > 0x20 && $0 < 0x7f && $0 != 0x23 }
  }

  @Test func `a name is a token, and an underscore is noticed`() {
    let tokens = Set("!#$%&'*+-.^_`|~".utf8)
    func isToken(_ byte: UInt8) -> Bool {
      ASCII.isDigit(byte) || ASCII.isLetter(byte) || tokens.contains(byte)
    }
    sweep(filler: 0x61, { FieldBytes.nameShape($0) != .invalid }, expected: isToken)
    sweep(filler: 0x2d, { FieldBytes.nameShape($0) == .withUnderscore }) { $0 == 0x5f }
    #expect(withBytes("", FieldBytes.nameShape) == .invalid)
    #expect(withBytes("a_b c", FieldBytes.nameShape) == .invalid)
  }

  @Test func `control bytes are counted wherever a run begins and ends`() {
    var random = SplitMix64(seed: 3)
    for length in Array(0...70) + [4_063, 4_064, 4_080, 4_096, 8_200, 20_000] {
      let bytes = (0..<length + 16).map { _ in
        Int.random(in: 0..<4, using: &random) == 0
          ? [0x00, 0x09, 0x0d, 0x1f, 0x7f].randomElement(using: &random)!
          : [0x20, 0x61, 0x7e, 0x80, 0xff].randomElement(using: &random)!
      } as [UInt8]
      let expected = bytes.dropFirst(16).count { $0 < 0x20 || $0 == 0x7f }
      let found = withBytes(bytes) {
        FieldBytes.controlCount($0.base + 16, $0.base + $0.count)
      }
      #expect(found == expected, "\(length)")
    }
    let all = [UInt8](repeating: 0, count: 10_016)
    #expect(withBytes(all) { FieldBytes.controlCount($0.base + 16, $0.base + 10_016) } == 10_000)
  }

  @Test func `a short plain name and a plain host are what they say`() {
    func isName(_ byte: UInt8) -> Bool { ASCII.isLetter(byte) || byte == 0x2d }
    func isHost(_ byte: UInt8) -> Bool { isName(byte) || ASCII.isDigit(byte) || byte == 0x2e }
    for length in 4...16 {
      var bytes = [UInt8](repeating: 0x61, count: length)
      for place in 0..<length {
        for byte in UInt8.min...UInt8.max {
          bytes[place] = byte
          #expect(withBytes(bytes, FieldBytes.isShortAndPlain) == isName(byte))
          #expect(withBytes(bytes, FieldBytes.isPlainHost) == isHost(byte))
        }
        bytes[place] = 0x61
      }
    }
    for length in [0, 1, 3, 17, 40] {
      let bytes = [UInt8](repeating: 0x61, count: length)
      #expect(!withBytes(bytes, FieldBytes.isShortAndPlain))
      #expect(!withBytes(bytes, FieldBytes.isPlainHost))
    }
  }

  @Test func `what is skipped at the beginning of a path is plain`() {
    func isPlain(_ byte: UInt8) -> Bool {
      ASCII.isLetter(byte) || ASCII.isDigit(byte) || byte == 0x2f || byte == 0x2d || byte == 0x5f
    }
    for length in 1...40 {
      var bytes = [UInt8](repeating: 0x61, count: length)
      for place in 0..<length {
        for byte in UInt8.min...UInt8.max {
          bytes[place] = byte
          let skipped = withBytes(bytes, FieldBytes.plainPathPrefix)
          #expect(skipped <= (isPlain(byte) ? length : place))
          if isPlain(byte), length >= 4 { #expect(skipped == length) }
        }
        bytes[place] = 0x61
      }
    }
  }
}
