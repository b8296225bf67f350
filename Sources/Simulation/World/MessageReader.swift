// Why this file exists: what the gateway writes is read by a second parser, which shares not a line
// with the first one: what both take for the same message is the same message.

package import HTTPSemantics
package import Primitives

/// What a head says.
package struct SeenHead {
  /// Of an answer; 0 for a request.
  package internal(set) var status: UInt16 = 0
  /// The first letters of a request's method.
  package internal(set) var method: UInt8 = 0
  package internal(set) var isHTTP10 = false
  package internal(set) var id: UInt64 = 0
  package internal(set) var attempt = -1
  /// -1 = none.
  package internal(set) var length = -1
  package internal(set) var isChunked = false
  package internal(set) var closes = false
  package internal(set) var keepsAlive = false
  package internal(set) var upgrades = false
  package internal(set) var expectsContinue = false
  package internal(set) var reason = Reason.none
  package internal(set) var lines = 0
  package internal(set) var isBroken = false
}

/// Reads heads and bodies, one message after the other.
package struct MessageReader {
  package enum Mode: UInt8 {
    case head, length, chunkSize, chunk, chunkEnd, trailers, untilClose, tunnel, done
  }

  package private(set) var mode = Mode.head
  /// A head, or a line, that has not come whole.
  private var kept: [UInt8] = []
  private var left = 0
  package private(set) var bodyCount = 0
  private var key: UInt64 = 0
  private var isKnown = false
  /// A byte of the body is not the one that it should be.
  private(set) var hasForeignByte = false
  private(set) var isMalformed = false
  /// Bytes of the present head have come.
  var hasBegun: Bool { !kept.isEmpty || mode != .head }

  package init() {}

  package mutating func beginMessage() {
    mode = .head
    bodyCount = 0
    left = 0
  }

  // MARK: Heads

  /// Takes bytes of a head: how many, and the head when it is complete.
  package mutating func takeHead(_ bytes: ByteSlice) -> (used: Int, head: SeenHead?) {
    if kept.isEmpty, let end = MessageReader.endOfHead(bytes.base, bytes.count, from: 0) {
      return (end, MessageReader.scan(bytes.base, end))
    }
    let before = kept.count
    kept.append(contentsOf: UnsafeBufferPointer(start: bytes.base, count: bytes.count))
    let found = kept.withUnsafeBufferPointer { all in
      MessageReader.endOfHead(
        all.baseAddress.unsafelyUnwrapped, all.count, from: max(0, before - 3))
    }
    guard let end = found else {
      if kept.count > 1 << 20 { isMalformed = true }
      return (bytes.count, nil)
    }
    let head = kept.withUnsafeBufferPointer {
      MessageReader.scan($0.baseAddress.unsafelyUnwrapped, end)
    }
    kept.removeAll(keepingCapacity: true)
    return (end - before, head)
  }

  private static func endOfHead(
    _ base: UnsafePointer<UInt8>, _ count: Int, from: Int
  ) -> Int? {
    var place = from
    while place + 3 < count {
      // The last byte of four tells how far to go on.
      switch base[place + 3] {
      case 0x0a:
        if base[place] == 0x0d, base[place + 1] == 0x0a, base[place + 2] == 0x0d {
          return place + 4
        }
        place += 2
      case 0x0d: place += 1
      default: place += 4
      }
    }
    return nil
  }

  /// - Parameter known: whose bytes the body should have; nil = nobody's.
  package mutating func beginBody(_ mode: Mode, length: Int = 0, key: UInt64?) {
    self.mode = mode == .length && length == 0 ? .done : mode
    left = length
    bodyCount = 0
    isKnown = key != nil
    self.key = key ?? 0
  }

  // MARK: Bodies

  /// Takes bytes of a body, up to its end: how many.
  package mutating func takeBody(_ bytes: ByteSlice) -> Int {
    var used = 0
    while used < bytes.count, mode != .done, mode != .head, !isMalformed {
      let rest = ByteSlice(bytes.base + used, bytes.count - used)
      switch mode {
      case .length, .chunk, .untilClose, .tunnel: used += takeBytes(rest)
      case .chunkSize, .chunkEnd, .trailers: used += takeLine(rest)
      case .head, .done: break
      }
    }
    return used
  }

  private mutating func takeBytes(_ bytes: ByteSlice) -> Int {
    let isBounded = mode == .length || mode == .chunk
    let count = isBounded ? min(bytes.count, left) : bytes.count
    if isKnown, !BodyPattern.matches(key, from: bodyCount, bytes.base, count) {
      hasForeignByte = true
    }
    bodyCount += count
    left -= count
    if isBounded && left == 0 { mode = mode == .chunk ? .chunkEnd : .done }
    return count
  }

  private mutating func takeLine(_ bytes: ByteSlice) -> Int {
    var used = 0
    while used < bytes.count {
      let byte = bytes.base[used]
      used += 1
      if byte != 0x0a {
        kept.append(byte)
        if kept.count > 65_536 { isMalformed = true }
        continue
      }
      guard kept.last == 0x0d else {
        isMalformed = true
        return used
      }
      endLine()
      kept.removeAll(keepingCapacity: true)
      return used
    }
    return used
  }

  private mutating func endLine() {
    let length = kept.count - 1
    switch mode {
    case .chunkSize:
      var size = 0
      for digit in kept[..<length] {
        guard let value = MessageReader.hex(digit), size < 1 << 40 else {
          isMalformed = true
          return
        }
        size = size << 4 | value
      }
      if length == 0 { isMalformed = true }
      left = size
      mode = size == 0 ? .trailers : .chunk
    case .chunkEnd:
      if length != 0 { isMalformed = true }
      mode = .chunkSize
    case .trailers: if length == 0 { mode = .done }
    case .head, .length, .chunk, .untilClose, .tunnel, .done: break
    }
  }

  private static func hex(_ digit: UInt8) -> Int? {
    switch digit {
    case 0x30...0x39: Int(digit - 0x30)
    case 0x61...0x66: Int(digit - 0x57)
    case 0x41...0x46: Int(digit - 0x37)
    default: nil
    }
  }
}
