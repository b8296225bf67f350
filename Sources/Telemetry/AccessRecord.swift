// Why this file exists: one line of the access log, its fields in the order of the contract,
// written without allocating and in one piece or not at all.
public import HTTPSemantics
public import Primitives

/// How loud a log line is.
@frozen @usableFromInline
package enum AccessLevel: UInt8, Sendable {
  case info, warning, error
}

/// Texts of a record of which it is known that nothing has to be escaped, nor cut.
@frozen @usableFromInline
package struct PlainTexts: OptionSet, Sendable {
  @usableFromInline package let rawValue: UInt8
  @inlinable package init(rawValue: UInt8) { self.rawValue = rawValue }

  package static var requestID: PlainTexts { @inlinable get { PlainTexts(rawValue: 1) } }
  package static var route: PlainTexts { @inlinable get { PlainTexts(rawValue: 2) } }
  package static var service: PlainTexts { @inlinable get { PlainTexts(rawValue: 4) } }
  package static var backend: PlainTexts { @inlinable get { PlainTexts(rawValue: 8) } }
  package static var method: PlainTexts { @inlinable get { PlainTexts(rawValue: 16) } }
  package static var host: PlainTexts { @inlinable get { PlainTexts(rawValue: 32) } }
}

/// What is told of one exchange. Nil is written as null. Slices must hold until `write` returns.
@frozen @usableFromInline
package struct AccessRecord {
  /// When the request began: nanoseconds since 1970.
  @usableFromInline package var time: Int64
  @usableFromInline package var requestID: ByteSlice?
  /// Its 32 digits: they have been written for the backend, and are copied from there.
  @usableFromInline package var traceID: ByteSlice?
  /// The gateway's own span in it.
  @usableFromInline package var span: UInt64
  @usableFromInline package var client: IPAddress?
  /// The same as text, where somebody has it.
  @usableFromInline package var clientText: ByteSlice?
  @usableFromInline package var method: ByteSlice?
  @usableFromInline package var host: ByteSlice?
  /// Without the query, which is not logged.
  @usableFromInline package var path: ByteSlice?
  @usableFromInline package var version: HTTPVersion?
  @usableFromInline package var route: ByteSlice?
  @usableFromInline package var service: ByteSlice?
  @usableFromInline package var backend: ByteSlice?
  @usableFromInline package var attempts: UInt32
  /// What the client was sent, 499 when it went away.
  @usableFromInline package var status: UInt16?
  @usableFromInline package var reason: Reason
  @usableFromInline package var bytesIn: UInt64
  @usableFromInline package var bytesOut: UInt64
  @usableFromInline package var latency: Duration?
  @usableFromInline package var upstream: Duration?
  @usableFromInline package var queue: Duration?
  @usableFromInline package var connect: Duration?
  @usableFromInline package var userAgent: ByteSlice?
  /// The rate limit that refused the request, or in shadow would have; nil is not written.
  @usableFromInline package var limit: ByteSlice?
  @usableFromInline package var plain: PlainTexts = []

  /// All unknown.
  @inlinable package init(time: Int64) {
    self.time = time
    span = 0
    attempts = 0
    reason = .none
    bytesIn = 0
    bytesOut = 0
  }

  /// Error for what is the gateway's or a backend's failure, warning for what the gateway refused
  /// or the client broke off, else info.
  @inlinable package var level: AccessLevel {
    if let status, status >= 500 { return .error }
    switch reason {
    case .none: return .info
    case _: return .warning
    }
  }

  /// No line is longer: the texts at their bounds, every byte escaped, and the rest.
  package static var maximumLength: Int {
    AccessLine.longest
  }
}

/// Written from where it is: to hand on a value of its size costs some fifty instructions.
extension UnsafePointer where Pointee == AccessRecord {
  /// Appends the line with its line feed. False, and nothing appended, when it may not fit: the
  /// room that is asked for is that of the worst escaping.
  package func write(to writer: inout ByteWriter, _ timestamp: inout Timestamp) -> Bool {
    let fits =
      AccessLine.longest <= writer.room || AccessLine.worstCase(of: self) <= writer.room
    guard fits, !writer.overflowed else {
      writer.overflowed = true
      return false
    }
    var line = AccessLine(at: writer.cursor)
    line.begin(self, &timestamp)
    line.request(self)
    line.outcome(self)
    writer.cursor = line.cursor
    return true
  }
}
