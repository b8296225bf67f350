// Why this file exists: the echo of the demo backends against the examples of RFC 6455 and FIPS
// 180.

import Testing

@testable import gateway

@Suite struct `The demo's WebSocket` {
  private func hex(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  private func echo(_ bytes: [UInt8]) -> WebSocket.Echo {
    bytes.withUnsafeBufferPointer { WebSocket.echo($0) }
  }

  /// A client's frame: masked with 1 2 3 4.
  private func frame(_ first: UInt8, _ payload: [UInt8]) -> [UInt8] {
    let mask: [UInt8] = [1, 2, 3, 4]
    let length: [UInt8] =
      payload.count < 126
      ? [0x80 | UInt8(payload.count)]
      : [0x80 | 126, UInt8(payload.count >> 8), UInt8(payload.count & 255)]
    return [first] + length + mask + payload.enumerated().map { $1 ^ mask[$0 & 3] }
  }

  @Test(
    arguments: [
      ("", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
      ("abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
      (
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "84983e441c3bd26ebaae4aa1f95129e5e54670f1"
      ),
    ])
  func `SHA-1 gives what FIPS 180 says`(message: String, digest: String) {
    #expect(hex(SHA1.hash(Array(message.utf8))) == digest)
  }

  @Test func `SHA-1 is right at every length around a block`() {
    // Each hash is the input of the next, so one wrong length makes the end differ.
    var chain: [UInt8] = []
    for length in 0...130 {
      chain = SHA1.hash([UInt8](repeating: 0x61, count: length) + chain)
    }
    #expect(hex(chain) == "e880a210a270545c290ce4993436f560ccd2c95f")
  }

  @Test func `the handshake answers the key of the RFC's example`() {
    #expect(WebSocket.accept(key: "dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
  }

  @Test func `text comes back unmasked`() {
    let bytes = frame(0x81, Array("Hello".utf8))
    let answer = echo(bytes)
    #expect(answer.reply == [0x81, 5] + Array("Hello".utf8))
    #expect(answer.consumed == bytes.count)
    #expect(!answer.closes)
  }

  @Test func `a frame of more than 125 bytes has its length in two bytes, both ways`() {
    let payload = [UInt8](repeating: 7, count: 300)
    #expect(echo(frame(0x82, payload)).reply == [0x82, 126, 1, 44] + payload)
  }

  @Test func `a frame is answered only when it is whole, at every cut`() {
    let bytes = frame(0x81, Array("ab".utf8)) + frame(0x82, [1, 2, 3])
    for cut in 0...bytes.count {
      let first = echo(Array(bytes[..<cut]))
      let second = echo(Array(bytes[first.consumed...]))
      #expect(first.reply + second.reply == [0x81, 2, 0x61, 0x62, 0x82, 3, 1, 2, 3])
    }
  }

  @Test func `a ping is answered with a pong and a pong with nothing`() {
    #expect(echo(frame(0x89, [9])).reply == [0x8A, 1, 9])
    let pong = echo(frame(0x8A, [9]))
    #expect(pong.reply == [])
    #expect(pong.consumed == 7)
  }

  @Test func `a close is answered and ends the echo`() {
    let answer = echo(frame(0x88, [3, 232]) + frame(0x81, [1]))
    #expect(answer.reply == [0x88, 2, 3, 232])
    #expect(answer.closes)
  }

  @Test func `a frame that is not masked, or too large, ends the echo with a status`() {
    #expect(echo([0x81, 1, 0x61]).reply == [0x88, 2, 0x03, 0xEA])
    let large = echo([0x82, 0xFF, 0, 0, 0, 0, 0, 1, 0, 0, 1, 2, 3, 4])
    #expect(large.reply == [0x88, 2, 0x03, 0xF1])
    #expect(large.closes)
  }
}
