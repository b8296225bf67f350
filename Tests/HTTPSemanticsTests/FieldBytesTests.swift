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
}
