// Why this file exists: what really happened to each request, noted where it happened: what its
// client sent, which backends it reached, what they answered. Whatever the gateway claims is held
// against it.

import Primitives

/// What an attempt was, as its backend saw it.
struct AttemptNote {
  var backend: Int16 = -1
  /// Of the final head that was sent; 0 = none.
  var status: UInt16 = 0
  /// The answer left whole, and as it should be.
  var isWhole = false
  var bodyLength: Int32 = 0
  var fault: AnswerFault?
  /// A reset has come behind it.
  var mayBeOvertaken = false
  /// It was whole and good when it left, and its request is not over.
  var isOnTheWay = false
  var pickedBy = Instant(nanoseconds: 0)
  var leftAt = Instant(nanoseconds: 0)
}

/// One request.
struct RequestRecord {
  static let attemptsKept = 8

  var id: UInt64 = 0
  var begun: UInt64 = 0
  var ended = Instant(nanoseconds: 0)
  /// The number of the service that its path goes to, when it begins; -1 = none.
  var service: Int32 = -1
  var traffic: Int32 = -1
  var kind: Int32 = 0
  var isOver = true
  var method = RequestMethod.get
  /// May reach a second backend after bytes have left.
  var mayRepeat = true
  var isUpgrade = false
  /// By the limit that is watched.
  var isLimited = false
  /// Of its body, as planned, and as far as it has left.
  var bodyLength = 0
  var bodySent = 0
  var tunnelBytes = 0
  var attempts = 0
  var notes =
    (
      AttemptNote(), AttemptNote(), AttemptNote(), AttemptNote(), AttemptNote(), AttemptNote(),
      AttemptNote(), AttemptNote()
    )

  mutating func withNote<Result>(
    _ attempt: Int, _ body: (inout AttemptNote) -> Result
  ) -> Result {
    withUnsafeMutableBytes(of: &notes) {
      body(&$0.bindMemory(to: AttemptNote.self)[attempt & (RequestRecord.attemptsKept - 1)])
    }
  }
}

typealias RecordRef = UnsafeMutablePointer<RequestRecord>

/// The records of the requests that are under way, and some more.
struct RequestLedger {
  private let records: RecordRef
  private static let capacity: UInt64 = 1 << 16
  private(set) var lastID: UInt64 = 0
  private(set) var underWay = 0
  private(set) var isOverrun = false

  init() {
    records = .allocate(capacity: Int(RequestLedger.capacity))
    records.initialize(repeating: RequestRecord(), count: Int(RequestLedger.capacity))
  }

  func destroy() { records.deallocate() }

  mutating func begin(at now: Instant) -> RecordRef {
    lastID += 1
    let record = records + Int(lastID & (RequestLedger.capacity - 1))
    if !record.pointee.isOver { isOverrun = true }
    record.initialize(to: RequestRecord(id: lastID, begun: now.nanoseconds, isOver: false))
    underWay += 1
    return record
  }

  /// nil when there never was such a request, or long ago.
  func record(_ id: UInt64) -> RecordRef? {
    let record = records + Int(id & (RequestLedger.capacity - 1))
    return record.pointee.id == id && id != 0 ? record : nil
  }

  /// One that is under way.
  var someUnderWay: UInt64? {
    (0..<Int(RequestLedger.capacity)).first { !records[$0].isOver }.map { records[$0].id }
  }

  mutating func end(_ record: RecordRef, at now: Instant) {
    precondition(!record.pointee.isOver)
    record.pointee.isOver = true
    record.pointee.ended = now
    underWay -= 1
  }
}
