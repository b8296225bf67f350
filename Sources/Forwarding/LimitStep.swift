// Why this file exists: the step of a request's life between knowing its client and looking for a
// backend: it is charged to every limit that its route names, or to none of them.
package import HTTPSemantics
package import Limiting
package import Primitives

/// What one limit of the route says of the request; kept while the others are asked.
package struct LimitCharge {
  fileprivate var key = LimitKey(high: 0, low: 0, shown: (0, 0))
  package fileprivate(set) var verdict = LimitVerdict(
    isAllowed: true, remaining: 0, wait: .zero, reset: .zero)
  /// It counts at this limit, and is to be given back if another one refuses it.
  fileprivate var isCharged = false
  /// The key is the client's own, and the verdict is for the client to know.
  package fileprivate(set) var isTold = false
}

/// Room for the charges of one request at a time; a worker's.
package struct LimitLedger {
  /// The most limits that a route may name.
  static let capacity = 16
  package let charges: UnsafeMutablePointer<LimitCharge>

  package static func create() -> LimitLedger {
    let charges = UnsafeMutablePointer<LimitCharge>.allocate(capacity: capacity)
    charges.initialize(repeating: LimitCharge(), count: capacity)
    return LimitLedger(charges: charges)
  }

  package func destroy() { charges.deallocate() }
}

/// What the limits of a route decided.
package struct LimitOutcome: Equatable, Sendable {
  /// The position, in the route's list, of the limit that refuses; -1 = the request may pass.
  package var refused: Int32 = -1
  /// Of a refused one: how long until every limit would let it pass, if no other came.
  package var wait = Duration.zero
  /// Others may be waiting for the same.
  package var isShared = false
  /// One bit for each position of a limit in shadow that would have refused.
  package var shadowed: UInt32 = 0

  /// The position of the limit to name: the one that refuses, else the first that would have; -1 =
  /// none.
  package var named: Int {
    if refused >= 0 { return Int(refused) }
    return shadowed == 0 ? -1 : shadowed.trailingZeroBitCount
  }
}

/// One request at the limits of its route.
package struct LimitStep {
  private let limits: UnsafeBufferPointer<RouteLimit>
  private let ledger: LimitLedger
  private let admission: UnsafePointer<Admission>
  private let head: UnsafePointer<RequestHead>
  private let snapshot: UnsafePointer<Snapshot>
  private let hasAddress: Bool
  private let now: Instant

  /// - Parameter admission: after its `admit`, of a request that goes on; it and the head must hold
  ///   as long as this does.
  /// - Parameter now: of the monotonic clock; never ahead of it.
  package init(
    _ limits: UnsafeBufferPointer<RouteLimit>, _ ledger: LimitLedger,
    _ admission: UnsafePointer<Admission>, _ head: UnsafePointer<RequestHead>,
    _ snapshot: UnsafePointer<Snapshot>, hasAddress: Bool, now: Instant
  ) {
    self.limits = limits
    self.ledger = ledger
    self.admission = admission
    self.head = head
    self.snapshot = snapshot
    self.hasAddress = hasAddress
    self.now = now
  }

  /// Charges the request to the limits, in their order; what was charged is given back when one
  /// refuses. Once for each request. Afterwards the ledger has the verdicts.
  /// - Parameter room: for keys of several field lines; nothing stays in it.
  package func charge(room: inout ByteWriter) -> LimitOutcome {
    var outcome = LimitOutcome()
    for position in 0..<limits.count {
      guard let key = begin(position, &room) else { continue }
      let limit = limits[position].entry
      let charge = ledger.charges + position
      let verdict = limit.pointee.counters.take(key.hash, limit.pointee.rule, now: now)
      charge.pointee.key = key.hash
      charge.pointee.verdict = verdict
      charge.pointee.isCharged = verdict.isAllowed
      charge.pointee.isTold = limit.pointee.isEnforced && limit.pointee.announces && key.isOwn
      if verdict.isAllowed { continue }
      if limit.pointee.isEnforced {
        outcome.refused = Int32(position)
        outcome.wait = verdict.wait
        outcome.isShared = !key.isOwn
        giveBack(before: position)
        lookAhead(after: position, &outcome, &room)
        return outcome
      }
      outcome.shadowed |= 1 &<< UInt32(position)  // a route has at most 16
    }
    return outcome
  }

  /// The key of the request at a limit that counts it.
  private func begin(_ position: Int, _ room: inout ByteWriter) -> MadeKey? {
    let charge = ledger.charges + position
    charge.pointee.isCharged = false
    charge.pointee.isTold = false
    let limit = limits[position].entry
    if case .off = limit.pointee.mode { return nil }
    return admission.limitKey(limit, head, snapshot, hasAddress: hasAddress, room: &room)
  }

  /// The request does not go on, so it counts nowhere.
  private func giveBack(before end: Int) {
    for position in 0..<end {
      let charge = ledger.charges + position
      charge.pointee.isTold = false
      if !charge.pointee.isCharged { continue }
      let limit = limits[position].entry
      limit.pointee.counters.giveBack(charge.pointee.key, limit.pointee.rule)
    }
  }

  /// The limits behind the one that refuses may have a longer wait: who is told a time must not
  /// come back too early for them. Nothing is charged.
  private func lookAhead(
    after refused: Int, _ outcome: inout LimitOutcome, _ room: inout ByteWriter
  ) {
    for position in refused + 1..<limits.count {
      guard let key = begin(position, &room) else { continue }
      let limit = limits[position].entry
      let verdict = limit.pointee.counters.look(key.hash, limit.pointee.rule, now: now)
      if !limit.pointee.isEnforced || verdict.isAllowed { continue }
      outcome.wait = max(outcome.wait, verdict.wait)
      if !key.isOwn { outcome.isShared = true }
    }
  }

  /// What each limit says, and nothing is charged; nil for one at which the request does not count.
  /// For explanations.
  package func look(room: inout ByteWriter) -> [LimitVerdict?] {
    (0..<limits.count).map { position in
      guard let key = begin(position, &room) else { return nil }
      let limit = limits[position].entry
      return limit.pointee.counters.look(key.hash, limit.pointee.rule, now: now)
    }
  }
}

// MARK: - What clients are told

extension LimitStep {
  /// Writes RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers-10), each with its
  /// line end, when there is something to tell. Of a request that passes every limit of the
  /// client's own is told; of a refused one that which refuses.
  package func writeFields(into writer: inout ByteWriter) {
    var isFirst = true
    for position in 0..<limits.count where ledger.charges[position].isTold {
      if isFirst { writer.append("RateLimit-Policy: ") } else { writer.append(", ") }
      writer.append(limits[position].entry.pointee.told)
      isFirst = false
    }
    if isFirst { return }
    writer.append("\r\nRateLimit: ")
    isFirst = true
    for position in 0..<limits.count where ledger.charges[position].isTold {
      let verdict = ledger.charges[position].verdict
      if !isFirst { writer.append(", ") }
      writer.append(limits[position].entry.pointee.quoted)
      writer.append(";r=")
      writer.appendDecimal(verdict.remaining)
      writer.append(";t=")
      writer.appendDecimal(verdict.resetSeconds)
      isFirst = false
    }
    writer.append("\r\n")
  }
}
