// Why this file exists: records of exchanges at literal instants, for the tests of what is made of
// them.
import HTTPSemantics
import Primitives
import Telemetry

/// The time of day at which every exchange of these tests ends: 2023-11-14T22:13:20 UTC.
let endOfDay: Int64 = 1_700_000_000_000_000_000

func at(_ microseconds: UInt64) -> Instant { Instant(nanoseconds: microseconds * 1_000) }

/// A record in memory of its own.
final class TraceFixture {
  let memory = UnsafeMutableRawPointer.allocate(byteCount: TraceRecord.size, alignment: 16)
  var record: TraceRecord { TraceRecord(memory) }

  init(isSampled: Bool = true) {
    record.begin(
      TraceContext(traceHigh: 0xa, traceLow: 0xb, span: 0xc, isSampled: isSampled))
  }

  deinit { memory.deallocate() }

  var head: UnsafeMutablePointer<TraceHead> { record.head }

  /// A GET /a of a millisecond that backend 10.0.0.1:80 answers with this status, over a connection
  /// that was made for it.
  func ordinary(status: UInt16 = 200) {
    var attempt = TraceStage(.attempt, begun: at(1_100), ended: at(1_900))
    attempt.span = 0xd
    attempt.status = status
    attempt.connectBegun = at(1_100)
    attempt.connectEnded = at(1_200)
    attempt.isConnected = true
    record.add(attempt, backend: lasting("10.0.0.1:80"))
    head.pointee.endedAt = endOfDay
    head.pointee.begun = at(1_000)
    head.pointee.answered = at(1_800)
    head.pointee.ended = at(2_000)
    head.pointee.bytesIn = 30
    head.pointee.bytesOut = 120
    head.pointee.client = IPAddress(v4: 0x0102_0304)
    head.pointee.method = .get
    head.pointee.version = .http11
    head.pointee.status = status
    head.pointee.route = keep("users")
    head.pointee.service = keep("main")
    head.pointee.host = keep("a.test:8080")
    head.pointee.path = keep("/a")
    head.pointee.target = head.pointee.path
  }

  func keep(_ text: String, atMost most: Int = 256) -> TraceText {
    record.keep(lasting(text), atMost: most)
  }
}
