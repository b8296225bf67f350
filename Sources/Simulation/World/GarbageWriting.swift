// Why this file exists: what is no request, in the forms in which it comes.

extension Garbage {
  static func write(_ kind: Garbage, id: UInt64, into sender: inout Sender) {
    if kind == .noise {
      sender.put("\u{16}\u{3}\u{1}\u{2}nonsense\r\n\r\n")
      return
    }
    switch kind {
    case .unknownMethod: sender.put("B@EW")
    case .hugeTarget, .noise, .twoLengths, .lengthAndChunked, .noHost, .badChunk, .hugeHead,
      .bareLineFeed, .badVersion, .spaceBeforeColon, .endlessHead:
      sender.put("POST")
    }
    sender.put(" /")
    if kind == .hugeTarget { sender.fill(0x61, 70_000) }
    sender.put(kind == .badVersion ? " HTTP/3.7\r\n" : " HTTP/1.1\r\n")
    if kind != .noHost { sender.put("Host: h\r\n") }
    sender.put("X-Simulated: ")
    sender.put(hex: id)
    sender.put("\r\n")
    switch kind {
    case .twoLengths: sender.put("Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd")
    case .lengthAndChunked:
      sender.put("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
    case .badChunk: sender.put("Transfer-Encoding: chunked\r\n\r\nxyz\r\n\r\n")
    case .hugeHead:
      sender.put("X-Huge: ")
      sender.fill(0x62, 90_000)
      sender.put("\r\n\r\n")
    case .bareLineFeed: sender.put("X: a\nY: b\r\n\r\n")
    case .spaceBeforeColon: sender.put("X : a\r\n\r\n")
    case .endlessHead: sender.put("X-Never: ends")
    case .unknownMethod, .badVersion, .noHost, .hugeTarget, .noise: sender.put("\r\n")
    }
  }
}
