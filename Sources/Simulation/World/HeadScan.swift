// Why this file exists: the lines of a head, as far as a simulated client or backend has to know
// them.

import HTTPSemantics
import Primitives

extension MessageReader {
  static func scan(_ base: UnsafePointer<UInt8>, _ count: Int) -> SeenHead {
    var head = SeenHead()
    var place = startLine(base, count, &head)
    while place < count {
      var end = place
      while end < count, base[end] != 0x0a { end += 1 }
      if end >= count || end == place || base[end - 1] != 0x0d {
        head.isBroken = true
        break
      }
      let length = end - 1 - place
      if length > 0 {
        head.lines += 1
        field(ByteSlice(base + place, length), &head)
      }
      place = end + 1
    }
    return head
  }

  /// Gives where the fields begin.
  private static func startLine(
    _ base: UnsafePointer<UInt8>, _ count: Int, _ head: inout SeenHead
  ) -> Int {
    var end = 0
    while end < count, base[end] != 0x0a { end += 1 }
    let isAnswer = count > 12 && base[0] == 0x48 && base[4] == 0x2f  // "HTTP/"
    if isAnswer {
      head.isHTTP10 = base[7] == 0x30
      head.status =
        UInt16(base[9] &- 0x30) * 100 + UInt16(base[10] &- 0x30) * 10
        + UInt16(base[11] &- 0x30)
    } else {
      head.method = base[0] == 0x50 ? base[1] : base[0]  // POST and PUT begin alike
      head.isHTTP10 = end > 9 && base[end - 2] == 0x30
      if end < 12 || base[end - 1] != 0x0d { head.isBroken = true }
    }
    return end + 1
  }

  private static func field(_ line: ByteSlice, _ head: inout SeenHead) {
    var colon = 0
    while colon < line.count, line.base[colon] != 0x3a { colon += 1 }
    if colon == line.count || colon == 0 {
      head.isBroken = true
      return
    }
    var start = colon + 1
    while start < line.count, line.base[start] == 0x20 { start += 1 }
    let value = ByteSlice(line.base + start, line.count - start)
    let name = ByteSlice(line.base, colon)
    switch colon {
    case 6: if name.isWord("expect") { head.expectsContinue = true }
    case 7: if name.isWord("upgrade") { head.upgrades = true }
    case 10:
      if name.isWord("connection") {
        if value.isWord("close") { head.closes = true }
        if value.isWord("keep-alive") { head.keepsAlive = true }
      }
    case 11: if name.isWord("x-simulated") { simulated(value, &head) }
    case 14:
      if name.isWord("content-length") {
        if head.length >= 0 { head.isBroken = true }
        head.length = Int(ASCII.decimal(value) ?? 0)
      }
    case 16: if name.isWord("x-gateway-reason") { head.reason = reason(value) }
    case 17: if name.isWord("transfer-encoding") { head.isChunked = value.isWord("chunked") }
    default: break
    }
  }

  /// The number of the request, and behind a dash that of the attempt.
  private static func simulated(_ value: ByteSlice, _ head: inout SeenHead) {
    var id: UInt64 = 0
    var place = 0
    while place < min(16, value.count) {
      let digit = value.base[place]
      id = id << 4 | UInt64(digit < 0x40 ? digit &- 0x30 : digit &- 0x57) & 15
      place += 1
    }
    head.id = id
    if value.count == 18 { head.attempt = Int(value.base[17]) - 0x30 }
  }

  private static func reason(_ value: ByteSlice) -> Reason {
    for reason in Reason.allCases where value.isWord(reason.word) { return reason }
    return .none
  }
}

extension ByteSlice {
  /// The same letters, in any case; `word` is in small ones.
  @inline(__always)
  fileprivate func isWord(_ word: StaticString) -> Bool {
    if count != word.utf8CodeUnitCount { return false }
    for index in 0..<count {
      let byte = base[index]
      let small = byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte
      if small != word.utf8Start[index] { return false }
    }
    return true
  }
}
