// Why this file exists: what the shell keeps beside the machine of one exchange: who takes part,
// the request head as it is sent (and sent again), the bytes kept for a repeat, and what the record
// at the end will say.
import Balancing
import CircuitBreaking
import Forwarding
import HTTPParsing
import HTTPSemantics
import Primitives
import Telemetry

/// One exchange of one worker, in its slab from the request's head to the record.
struct ExchangeNode {
  var machine: Exchange
  var client: ClientRef
  var worker: WorkerRef
  var snapshot: UnsafePointer<Snapshot>
  /// The lease; nil between attempts.
  var backend: BackendRef?
  /// Position of the route and of the service in the snapshot; -1 = none.
  var route: Int32 = -1
  var service: Int32 = -1
  /// nil: the route changes nothing on the way.
  var extras: UnsafePointer<RouteExtras>?
  /// What the route sets in the answer.
  var responseLines = EditedLines()
  /// Position, counted from 1, in the route's list of the limit that refuses, or would have
  /// refused; 0 = none.
  var limit: UInt32 = 0
  /// Seconds that a limit told the client to wait.
  var retryAfter: UInt32 = 0
  /// Position in the snapshot of the backend of the present or last attempt; -1 = none yet.
  var picked: Int32 = -1
  var tried = TriedBackends()
  var permit = Permit.none
  /// What a keyed balancer places the request by; nil = it has no key.
  var key: UInt64?
  /// Held from the pick until the attempt is judged.
  var breakerPermit = BreakerPermit.none
  /// The present attempt has said what it says of its backend.
  var isJudged = true

  /// Texts for the record, then the request head for the backend.
  var buffer: PooledBuffer
  /// Where in the buffer the texts end.
  var textEnd = 0
  var sentHead = SentHead()
  /// The head has not been written to the lease yet; it leaves together with the first body bytes.
  var headIsUnsent = false
  /// Request body kept for a repeat.
  var tee: PooledBuffer?
  var teeCount = 0
  /// Tee bytes that are still to be written to the lease, behind the head.
  var replayCount = 0
  /// A `TraceRecord` with the waits and attempts that are over, in a buffer of the pool's smallest;
  /// nil while there is none.
  var stages: UnsafeMutableRawPointer?

  // The queue for connections
  var nextWaiting: ExchangeRef?
  var previousWaiting: ExchangeRef?
  var waitsSince = Instant(nanoseconds: 0)

  /// The framing of the request body on the way to the backend.
  var framing = Framing.none
  /// A write to the client failed; the end of the callback says so to the machine.
  var clientIsGone = false
  var responseIsChunked = false
  /// Trailers of the request end here.
  var dropsTrailers = false
  /// It began while spans were exported: its trace is kept to the end, and told or not.
  var isTraced = false
  var upgrade = ByteRange.empty
  var record = ExchangeRecord()
}

extension ExchangeRef {
  /// The number of the exchange's route, which it has one of, with its service.
  @inline(__always)
  var routeNumber: Int32 {
    if let number = pointee.extras?.pointee.number(of: pointee.service) { return number }
    return pointee.snapshot.pointee.routes[Int(pointee.route)].number
  }

  var record: RecordRef { pointer(to: \.record).unsafelyUnwrapped }
}

/// Whole lines for the answer, written out in the exchange's buffer: what its route sets, or Allow.
/// Of answers of the gateway's own only the first ones are part. 16 bytes.
struct EditedLines {
  var offset: UInt32 = 0
  var length: UInt32 = 0
  var faultLength: UInt32 = 0
  var answerLength: UInt32 = 0

  var all: ByteRange { ByteRange(offset: offset, length: length) }
  var ofFaults: ByteRange { ByteRange(offset: offset, length: faultLength) }
  var ofRouteAnswers: ByteRange { ByteRange(offset: offset, length: answerLength) }
}

/// Where the request head for the backend lies in the exchange's buffer.
struct SentHead {
  var range = ByteRange.empty
  /// The value of Host, to be replaced when another backend is tried.
  var hostValue = ByteRange.empty
  /// The span id in traceparent.
  var spanIDOffset: UInt32 = 0
  /// Neither the client nor the service names a host: each attempt writes its backend's.
  var namesBackend = false
}

/// What is written to the log and the metrics at the end.
struct ExchangeRecord {
  var method = Method.other
  /// A head was read; without one method, version and path are unknown.
  var headIsKnown = false
  var version = HTTPVersion.http11
  var status: UInt16 = 0
  var detail = BadRequestDetail.none
  // Texts in the exchange's buffer; empty = unknown
  var methodText = ByteRange.empty
  var host = ByteRange.empty
  var path = ByteRange.empty
  var userAgent = ByteRange.empty
  var requestID = ByteRange.empty
  /// Where in the exchange's buffer the traceparent of the first attempt stands.
  var traceparentOffset: UInt32 = 0
  var clientAddress = IPAddress(v4: 0)
  var hasClientAddress = false
  /// With the exchange's own span.
  var trace = TraceContext(traceHigh: 0, traceLow: 0, span: 0, isSampled: false)
  /// The span of the caller whose traceparent was valid and believed; 0 = the trace begins here.
  var parentSpan: UInt64 = 0
  /// What the present attempt's backend is sent as parent-id; 0 = the exchange's own span: while
  /// nothing is exported nobody sees the first attempt and the exchange apart.
  var attemptSpan: UInt64 = 0
  var responseBytes: UInt64 = 0
  /// Of the request, beside its body: the head, and what a tunnel took.
  var otherBytesIn: UInt64 = 0
  // Instants of the precise clock
  var begun = Instant(nanoseconds: 0)
  var connectBegun = Instant(nanoseconds: 0)
  var connectEnded = Instant(nanoseconds: 0)
  var headSent = Instant(nanoseconds: 0)
  var answered = Instant(nanoseconds: 0)
  var ended = Instant(nanoseconds: 0)
  /// The callbacks in which the head and the end of the answer came.
  var answeredIn: UInt64 = 0
  var endedIn: UInt64 = 0
  var queueTime = Duration.zero
  var connectTime = Duration.zero
  /// Until the head was whole, and what attempts that were repeated took at their backends.
  var lostTime = Duration.zero
}
