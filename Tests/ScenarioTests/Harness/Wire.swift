// Why this file exists: one TCP or unix connection as both scripted sides use it: every byte that
// came in is kept, reads wait for conditions, and FIN and RST are told apart.

import Glibc

/// How the other side ended its stream.
enum StreamEnd: Sendable, Equatable {
  case fin
  case reset
}

/// A connection owned by one thread at a time; what it has received may be read from any.
final class Wire: @unchecked Sendable {
  private struct Inbound {
    var bytes: [UInt8] = []
    var end: StreamEnd?
    var isClosed = false
  }

  private let descriptor: Int32
  private let inbound = Monitor(Inbound())
  /// How far reads by this object have got in `received`.
  private var cursor = 0

  init(adopting descriptor: Int32) { self.descriptor = descriptor }

  deinit { close() }

  static func connect(
    to address: Address, receiveBuffer: Int32? = nil, line: UInt = #line
  ) throws -> Wire {
    let descriptor = Socket.make(address)
    if let receiveBuffer {
      Socket.set(descriptor, SOL_SOCKET, SO_RCVBUF, receiveBuffer)
    }
    let deadline = Deadline.after()
    var code = Socket.startConnecting(descriptor, to: address)
    while code == EAGAIN && !deadline.hasPassed {  // a unix listener whose queue is full
      poll(nil, 0, 3)
      code = Socket.startConnecting(descriptor, to: address)
    }
    if code == EINPROGRESS {
      let ready = Socket.wait(descriptor, for: POLLOUT, until: deadline)
      code = ready ? Socket.pendingError(descriptor) : ETIMEDOUT
    }
    guard code == 0 else {
      Glibc.close(descriptor)
      throw ScenarioFailure("connect to \(address): \(errorText(code))", line: line)
    }
    if address.port != 0 {
      Socket.set(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
    }
    return Wire(adopting: descriptor)
  }

  // MARK: What has come in

  /// Every byte received so far.
  var received: [UInt8] { inbound.value.bytes }
  var receivedText: String { String(decoding: received, as: UTF8.self) }
  var end: StreamEnd? { inbound.value.end }
  /// The bytes received and not yet taken by a read.
  var unread: [UInt8] { Array(received[cursor...]) }
  var unreadCount: Int { inbound.update { $0.bytes.count } - cursor }

  func byte(at index: Int) -> UInt8 { inbound.update { $0.bytes[cursor + index] } }
  func bytes(_ range: Range<Int>) -> [UInt8] {
    inbound.update { Array($0.bytes[cursor + range.lowerBound..<cursor + range.upperBound]) }
  }
  func skip(_ count: Int) { cursor += count }

  /// Waits for more bytes or the end of the stream. False when the stream has ended.
  func receiveMore(until deadline: Deadline, keep: Bool = true) throws -> Bool {
    if end != nil { return false }
    // By now the number may be another connection's.
    if inbound.value.isClosed { throw ScenarioFailure("read after the close", line: 0) }
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = recv(descriptor, &buffer, buffer.count, 0)
      let code = errno
      if count > 0 {
        inbound.update { if keep { $0.bytes += buffer[..<count] } }
        return true
      }
      if count == 0 {
        inbound.update { $0.end = .fin }
        return false
      }
      guard code == EAGAIN || code == EINTR else {
        inbound.update { $0.end = .reset }
        return false
      }
      guard Socket.wait(descriptor, for: POLLIN, until: deadline) else {
        throw ScenarioFailure("no byte came in time", line: 0)
      }
    }
  }

  /// The unread bytes up to and including the marker; nil when the stream ended before it.
  func read(through marker: String, until deadline: Deadline) throws -> [UInt8]? {
    let marker = Array(marker.utf8)
    var searched = 0
    while true {
      let pending = unread
      if let index = pending.firstIndex(of: marker, from: max(0, searched - marker.count)) {
        skip(index + marker.count)
        return Array(pending[..<(index + marker.count)])
      }
      searched = pending.count
      guard try receiveMore(until: deadline) else { return nil }
    }
  }

  /// Exactly that many bytes, or what there was before the stream ended.
  func read(exactly count: Int, until deadline: Deadline) throws -> [UInt8] {
    while unreadCount < count {
      guard try receiveMore(until: deadline) else { break }
    }
    let taken = bytes(0..<min(count, unreadCount))
    skip(taken.count)
    return taken
  }

  /// Reads, keeping everything, until the other side ends its stream.
  @discardableResult
  func readToEnd(within seconds: Double = 10, line: UInt = #line) throws -> StreamEnd {
    let deadline = Deadline.after(seconds)
    do {
      while try receiveMore(until: deadline) {}
    } catch {
      throw ScenarioFailure(
        "the stream did not end in time; unread: \(readable(unread))", line: line)
    }
    return end!
  }

  /// Reads and forgets until the stream ends; how many bytes there were.
  func drain(within seconds: Double = 30) throws -> Int {
    let deadline = Deadline.after(seconds)
    var buffer = [UInt8](repeating: 0, count: 262_144)
    var total = unreadCount
    skip(total)
    while true {
      let count = recv(descriptor, &buffer, buffer.count, 0)
      let code = errno
      if count > 0 {
        total += count
      } else if count == 0 {
        inbound.update { $0.end = .fin }
        return total
      } else if code == EAGAIN {
        guard Socket.wait(descriptor, for: POLLIN, until: deadline) else {
          throw ScenarioFailure("the stream did not end in time after \(total) bytes", line: 0)
        }
      } else if code != EINTR {
        inbound.update { $0.end = .reset }
        return total
      }
    }
  }

  // MARK: Sending

  func send(_ text: String, line: UInt = #line) throws {
    try send(bytes: Array(text.utf8), line: line)
  }

  func send(bytes: [UInt8], within seconds: Double = 10, line: UInt = #line) throws {
    let deadline = Deadline.after(seconds)
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      let code = errno
      if count >= 0 {
        sent += count
      } else if code == EAGAIN {
        guard Socket.wait(descriptor, for: POLLOUT, until: deadline) else {
          throw ScenarioFailure("only \(sent) of \(bytes.count) bytes were taken", line: line)
        }
      } else if code != EINTR {
        noteReset(code)
        throw ScenarioFailure("send: \(errorText(code))", line: line)
      }
    }
  }

  /// Sends the same block again and again until the other side has taken nothing for half a
  /// second, or the limit is reached; how many bytes were taken.
  func sendUntilBlocked(_ block: [UInt8], limit: Int) -> Int {
    var total = 0
    var offset = 0
    while total < limit {
      let count = block[offset...].withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      if count > 0 {
        total += count
        offset = (offset + count) % block.count
      } else if errno != EAGAIN {
        noteReset(errno)
        break
      } else if !Socket.wait(descriptor, for: POLLOUT, until: .after(0.5)) {
        break
      }
    }
    return total
  }

  /// A write that fails takes the reset with it: the next read would only see an end.
  private func noteReset(_ code: Int32) {
    if code == ECONNRESET { inbound.update { $0.end = .reset } }
  }

  // MARK: Ending

  func halfClose() { shutdown(descriptor, Int32(SHUT_WR)) }

  /// Wakes a thread that waits on this wire: its reads and writes end.
  func interrupt() {
    inbound.update { if !$0.isClosed { shutdown(descriptor, Int32(SHUT_RDWR)) } }
  }

  func close() {
    inbound.update {
      if !$0.isClosed { Glibc.close(descriptor) }
      $0.isClosed = true
    }
  }

  /// Ends with RST.
  func reset() {
    inbound.update {
      guard !$0.isClosed else { return }
      var option = linger(l_onoff: 1, l_linger: 0)
      setsockopt(
        descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
      Glibc.close(descriptor)
      $0.isClosed = true
    }
  }
}

extension [UInt8] {
  func firstIndex(of marker: [UInt8], from start: Int) -> Int? {
    guard count >= marker.count else { return nil }
    var index = start
    while index + marker.count <= count {
      if self[index] == marker[0], self[index..<index + marker.count].elementsEqual(marker) {
        return index
      }
      index += 1
    }
    return nil
  }
}

/// Bytes as a line for people: CR, LF and what is not ASCII are escaped; long ones are cut.
func readable(_ bytes: [UInt8], limit: Int = 600) -> String {
  var text = ""
  for byte in bytes.prefix(limit) {
    switch byte {
    case 13: text += "\\r"
    case 10: text += "\\n"
    case 32...126: text.unicodeScalars.append(Unicode.Scalar(byte))
    default: text += "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
  }
  return bytes.count > limit ? text + "… (\(bytes.count) bytes)" : text
}
