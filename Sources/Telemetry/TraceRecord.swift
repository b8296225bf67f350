// Why this file exists: what is told of one exchange as a trace, in memory of a fixed size: a
// worker fills it in while the request is at hand, and somebody else makes spans of it later.
package import HTTPSemantics
package import Primitives

/// Where a text stands among a record's texts; empty = unknown. 4 bytes.
@frozen @usableFromInline
package struct TraceText: Equatable, Sendable {
  @usableFromInline package var offset: UInt16
  @usableFromInline package var count: UInt16

  @inlinable package init(offset: UInt16 = 0, count: UInt16 = 0) {
    self.offset = offset
    self.count = count
  }
}

/// One thing that an exchange did on its way: it waited in a queue, or tried a backend. 56 bytes.
package struct TraceStage {
  package enum Kind: UInt8 {
    case wait
    case attempt
  }

  package var kind: Kind
  /// Of an attempt that failed and was repeated: why.
  package var repeatedFor = RetryKind.never
  /// Of the last attempt: why the exchange was cut, or the gateway answered by itself.
  package var reason = Reason.none
  /// Of an attempt with a connection of its own: it was made.
  package var isConnected = false
  /// What the backend answered; 0 = nothing.
  package var status: UInt16 = 0
  /// The backend's label.
  package var backend = TraceText()
  /// Of an attempt: what its backend was sent as parent-id.
  package var span: UInt64 = 0
  package var begun: Instant
  package var ended: Instant
  /// Of an attempt with a connection of its own: when it was asked for, the clock's origin for one
  /// from the pool; and when it was there or refused.
  package var connectBegun = Instant(nanoseconds: 0)
  package var connectEnded = Instant(nanoseconds: 0)

  package init(_ kind: Kind, begun: Instant, ended: Instant) {
    self.kind = kind
    self.begun = begun
    self.ended = ended
  }

  /// Spans that are made of it.
  var spanCount: Int {
    kind == .attempt && connectBegun.nanoseconds != 0 ? 2 : 1
  }
}

/// What is told of the exchange as a whole.
package struct TraceHead {
  /// With the exchange's own span.
  package var trace: TraceContext
  /// The span of the caller; 0 = the trace begins here.
  package var parent: UInt64 = 0
  /// From which the ids of spans that nobody outside has seen are made.
  package var seed: UInt64 = 0
  /// The time of day at `ended`: nanoseconds since 1970.
  package var endedAt: Int64 = 0
  package var begun = Instant(nanoseconds: 0)
  package var ended = Instant(nanoseconds: 0)
  /// When the head of the backend's final answer was there; the clock's origin = it never was.
  package var answered = Instant(nanoseconds: 0)
  /// Heads and bodies.
  package var bytesIn: UInt64 = 0
  package var bytesOut: UInt64 = 0
  package var client: IPAddress?
  package var method = Method.other
  /// Nil when no head was read.
  package var version: HTTPVersion?
  package var status: UInt16 = 0
  package var reason = Reason.none
  package var methodText = TraceText()
  package var route = TraceText()
  package var service = TraceText()
  package var requestID = TraceText()
  package var host = TraceText()
  package var path = TraceText()
  /// What the backends were asked for, without the query.
  package var target = TraceText()
  package var userAgent = TraceText()
  fileprivate(set) package var stageCount: UInt8 = 0
  /// Stages that found no room.
  fileprivate(set) package var stagesLeftOut: UInt8 = 0
  fileprivate var textCount: UInt16 = 0

  package init(_ trace: TraceContext) { self.trace = trace }

  /// A failure of the gateway or of a backend, an answer cut short, or a client that went away:
  /// exported even when its trace is not sampled. What the gateway refuses for the client's own
  /// doing (4xx) is none.
  package static func isError(status: UInt16, reason: Reason) -> Bool {
    if status >= 500 { return true }
    switch reason {
    case .none: return false
    case let reason: return reason == .clientAbort || status < 400
    }
  }
}

/// A record in its memory: the head, the stages, the texts. A pointer; who made the memory frees
/// it. 2,048 bytes.
@frozen @usableFromInline
package struct TraceRecord {
  @usableFromInline package let base: UnsafeMutableRawPointer

  package static var size: Int { 2_048 }
  /// Eight attempts are the most that a service can ask for; the rest are waits.
  package static var stagesMost: Int { 16 }
  private static var stagesOffset: Int { 256 }
  private static var textsOffset: Int {
    stagesOffset + stagesMost * MemoryLayout<TraceStage>.stride
  }
  /// Bytes of all texts together.
  package static var textsMost: Int { size - textsOffset }

  package init(_ base: UnsafeMutableRawPointer) {
    precondition(MemoryLayout<TraceHead>.stride <= TraceRecord.stagesOffset)
    self.base = base
  }

  package var head: UnsafeMutablePointer<TraceHead> {
    base.assumingMemoryBound(to: TraceHead.self)
  }
  private var stages: UnsafeMutablePointer<TraceStage> {
    (base + TraceRecord.stagesOffset).assumingMemoryBound(to: TraceStage.self)
  }
  private var texts: UnsafeMutablePointer<UInt8> {
    (base + TraceRecord.textsOffset).assumingMemoryBound(to: UInt8.self)
  }

  /// Begins anew: no stages, no texts.
  package func begin(_ trace: TraceContext) { head.initialize(to: TraceHead(trace)) }

  /// Begins as a copy of another.
  package func begin(as other: TraceRecord) {
    head.initialize(to: other.head.pointee)
    stages.update(from: other.stages, count: Int(head.pointee.stageCount))
    texts.update(from: other.texts, count: Int(head.pointee.textCount))
  }

  // MARK: Texts

  /// Keeps as much of a text as there is room for, `most` bytes at most.
  package func keep(_ text: ByteSlice, atMost most: Int) -> TraceText {
    let used = Int(head.pointee.textCount)
    let count = min(text.count, most, TraceRecord.textsMost - used)
    if count == 0 { return TraceText() }
    ByteWriter.copy(text.base, count, to: texts + used)
    head.pointee.textCount = UInt16(used + count)
    return TraceText(offset: UInt16(used), count: UInt16(count))
  }

  package func text(_ text: TraceText) -> ByteSlice {
    ByteSlice(UnsafePointer(texts + Int(text.offset)), Int(text.count))
  }

  // MARK: Stages

  package var stageCount: Int { Int(head.pointee.stageCount) }
  package func stage(_ index: Int) -> TraceStage { stages[index] }

  /// The longest label that is kept whole: that of a unix socket.
  private static var labelMost: Int { 112 }

  /// Appends a stage; counts it where there is no room. An attempt's backend is kept with it.
  package func add(_ stage: TraceStage, backend: ByteSlice? = nil) {
    let count = stageCount
    guard count < TraceRecord.stagesMost else {
      head.pointee.stagesLeftOut &+= 1  // more than 255 of them are not told apart
      return
    }
    stages[count] = stage
    if let backend { stages[count].backend = keep(backend, atMost: TraceRecord.labelMost) }
    head.pointee.stageCount = UInt8(count + 1)
  }

  /// Spans that are made of the record.
  package var spanCount: Int {
    var count = head.pointee.answered.nanoseconds == 0 ? 1 : 2
    for index in 0..<stageCount { count += stages[index].spanCount }
    return count
  }
}
