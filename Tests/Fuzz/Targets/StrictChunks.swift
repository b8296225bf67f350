// Why this file exists: the chunked coding as the second opinion reads it.

/// RFC 9112 section 7.1, without white space where it is only tolerated.
struct StrictChunks {
  enum State {
    case whole, part, bad
  }

  let bytes: [UInt8]
  var at: Int
  private(set) var data: [UInt8] = []
  private(set) var trailers: [StrictField] = []

  init(_ bytes: [UInt8], from start: Int = 0) {
    self.bytes = bytes
    at = start
  }

  /// Reads one body.
  mutating func read() -> State {
    while true {
      guard let size = readSize() else { return failure }
      guard readExtensions(), readLineEnd() else { return failure }
      if size == 0 { return readTrailers() ? .whole : failure }
      let count = min(size, bytes.count - at)
      data += bytes[at..<(at + count)]
      at += count
      guard readLineEnd() else { return failure }
    }
  }

  /// Where reading stopped nothing more has come, or something that may not stand there.
  private var failure: State { at == bytes.count ? .part : .bad }

  private var next: UInt8? { at < bytes.count ? bytes[at] : nil }

  private mutating func take(_ byte: UInt8) -> Bool {
    guard next == byte else { return false }
    at += 1
    return true
  }

  private mutating func readLineEnd() -> Bool { take(0x0D) && take(0x0A) }

  private mutating func readSize() -> Int? {
    let start = at
    while let byte = next, Int(String(decoding: [byte], as: UTF8.self), radix: 16) != nil {
      at += 1
    }
    let digits = String(decoding: bytes[start..<at], as: UTF8.self)
    // 2^63 and more stop nobody from waiting; what is no number is no size.
    return UInt64(digits, radix: 16).map { Int(clamping: $0) }
  }

  private mutating func readToken() -> Bool {
    let start = at
    while let byte = next, Grammar.isToken(byte) { at += 1 }
    return at > start
  }

  private mutating func readExtensions() -> Bool {
    while take(0x3B) {
      guard readToken() else { return false }
      guard take(0x3D) else { continue }
      guard next == 0x22 ? readQuoted() : readToken() else { return false }
    }
    return true
  }

  private mutating func readQuoted() -> Bool {
    guard take(0x22) else { return false }
    while let byte = next {
      at += 1
      if byte == 0x22 { return true }
      if byte == 0x5C {
        guard let escaped = next, Grammar.isText(escaped) else { return false }
        at += 1
      } else if !Grammar.isText(byte) {
        at -= 1
        return false
      }
    }
    return false
  }

  private mutating func readTrailers() -> Bool {
    while next != 0x0D {
      let start = at
      guard readToken(), take(0x3A) else { return false }
      while let byte = next, Grammar.isText(byte) { at += 1 }
      let line = Array(bytes[start..<at])
      guard readLineEnd(), let field = Grammar.field(line) else { return false }
      trailers.append(field)
    }
    return readLineEnd()
  }
}
