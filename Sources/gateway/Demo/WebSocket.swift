// Why this file exists: the demo backend's side of WebSocket (RFC 6455): the handshake's key, and
// an echo of frames. The gateway itself passes these bytes through and knows nothing of them.

import Primitives

/// WebSocket as far as an echo needs it.
enum WebSocket {
  /// What Sec-WebSocket-Accept must say for that Sec-WebSocket-Key (section 1.3).
  static func accept(key: String) -> String {
    Base64.text(SHA1.hash(Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8)))
  }

  /// The answer to the frames at the beginning of some bytes.
  struct Echo: Equatable {
    var reply: [UInt8] = []
    /// Bytes of whole frames; those of a frame that is not complete are left.
    var consumed = 0
    /// The close handshake is done, or the peer broke the protocol: send the reply, then close.
    var closes = false
  }

  /// The largest payload of one frame; a larger one ends the connection with status 1009.
  static let maximumPayload = 32 * 1024

  static func echo(_ bytes: UnsafeBufferPointer<UInt8>) -> Echo {
    var echo = Echo()
    while !echo.closes, let frame = Frame(bytes, from: echo.consumed) {
      guard frame.isMasked, frame.length <= maximumPayload else {
        // 1002: a client must mask; 1009: too big.
        echo.reply += [0x88, 2] + (frame.isMasked ? [0x03, 0xF1] : [0x03, 0xEA])
        echo.closes = true
        break
      }
      guard bytes.count - echo.consumed >= frame.headLength + frame.length else { break }
      let start = echo.consumed + frame.headLength
      let payload = (0..<frame.length).map { bytes[start + $0] ^ frame.mask[$0 & 3] }
      echo.consumed = start + frame.length
      switch frame.opcode {
      case 8:
        echo.reply += head(first: 0x88, length: payload.count) + payload
        echo.closes = true
      case 9: echo.reply += head(first: 0x8A, length: payload.count) + payload
      case 10: break
      default: echo.reply += head(first: frame.first, length: payload.count) + payload
      }
    }
    return echo
  }

  /// The head of a frame (section 5.2).
  private struct Frame {
    var first: UInt8
    var isMasked: Bool
    var length: Int
    var headLength: Int
    var mask: [UInt8]
    var opcode: UInt8 { first & 15 }

    /// Nil while the head is not complete.
    init?(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int) {
      guard bytes.count - start >= 2 else { return nil }
      first = bytes[start]
      isMasked = bytes[start + 1] & 0x80 != 0
      let short = Int(bytes[start + 1] & 0x7F)
      let lengthBytes = short == 127 ? 8 : short == 126 ? 2 : 0
      headLength = 2 + lengthBytes + (isMasked ? 4 : 0)
      guard bytes.count - start >= headLength else { return nil }
      length = short
      if lengthBytes > 0 {
        let value = (0..<lengthBytes).reduce(UInt64(0)) { $0 << 8 | UInt64(bytes[start + 2 + $1]) }
        length = Int(clamping: value)
      }
      mask = isMasked ? Array(bytes[(start + headLength - 4)..<(start + headLength)]) : []
    }
  }

  private static func head(first: UInt8, length: Int) -> [UInt8] {
    length < 126
      ? [first, UInt8(length)]
      : [first, 126, UInt8(length >> 8), UInt8(truncatingIfNeeded: length)]
  }
}

/// SHA-1 (FIPS 180-4), which RFC 6455 asks for in the handshake; not for secrets.
enum SHA1 {
  static func hash(_ message: [UInt8]) -> [UInt8] {
    var state: [UInt32] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0]
    var bytes = message + [0x80]
    bytes += [UInt8](repeating: 0, count: (120 - bytes.count % 64) % 64)
    let bits = UInt64(message.count) * 8
    bytes += (0..<8).map { UInt8(truncatingIfNeeded: bits >> (56 - 8 * UInt64($0))) }
    for block in stride(from: 0, to: bytes.count, by: 64) {
      mix(bytes[block..<(block + 64)], into: &state)
    }
    return state.flatMap { word in
      (0..<4).map { UInt8(truncatingIfNeeded: word >> (24 - 8 * UInt32($0))) }
    }
  }

  private static func mix(_ block: ArraySlice<UInt8>, into state: inout [UInt32]) {
    var words = (0..<16).map { index in
      (0..<4).reduce(UInt32(0)) { $0 << 8 | UInt32(block[block.startIndex + 4 * index + $1]) }
    }
    for index in 16..<80 {
      words.append(
        rotate(words[index - 3] ^ words[index - 8] ^ words[index - 14] ^ words[index - 16], 1))
    }
    var (a, b, c, d, e) = (state[0], state[1], state[2], state[3], state[4])
    for index in 0..<80 {
      let (function, constant): (UInt32, UInt32) =
        switch index {
        case 0..<20: (b & c | ~b & d, 0x5A82_7999)
        case 20..<40: (b ^ c ^ d, 0x6ED9_EBA1)
        case 40..<60: (b & c | b & d | c & d, 0x8F1B_BCDC)
        default: (b ^ c ^ d, 0xCA62_C1D6)
        }
      // The algorithm adds modulo 2^32.
      let next = rotate(a, 5) &+ function &+ e &+ constant &+ words[index]
      (a, b, c, d, e) = (next, a, rotate(b, 30), c, d)
    }
    for (index, word) in [a, b, c, d, e].enumerated() { state[index] = state[index] &+ word }
  }

  private static func rotate(_ word: UInt32, _ count: UInt32) -> UInt32 {
    word << count | word >> (32 - count)
  }
}
