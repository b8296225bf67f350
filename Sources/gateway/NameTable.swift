// Why this file exists: what is known of the backends' host names, as a value that is told answers
// and the time: when each is asked again, what counts as a change, and what is worth a line.

import Primitives

/// What an answer has changed. One of these is one line of the log; an answer that changes nothing
/// is none.
enum NameEvent: Equatable {
  /// The first answer, or the first after a time without any address.
  case found(addresses: [IPAddress])
  case changed(added: [IPAddress], removed: [IPAddress])
  /// The first failure after an answer, or after nothing; `kept` addresses stay in use.
  case failing(why: String, kept: Int)
  /// An answer again, and the same one as before.
  case recovered
}

/// The names that backends are given by. Control loop only.
struct NameTable {
  private struct Entry {
    /// The shortest `resolve_every` of the services that name it.
    var every: Duration
    /// The last answer; nil before the first.
    var addresses: [IPAddress]?
    var failures = 0
    var isAsked = false
    var due: Instant
  }
  private var entries: [String: Entry] = [:]

  /// After the first failure; doubled with each that follows.
  static let firstRetry = Duration.milliseconds(250)
  /// A name that fails is asked at least this often, however seldom a healthy one is.
  static let longestRetry = Duration.seconds(30)

  /// Keeps these names and no others, each with the time between two questions. One that is new is
  /// due at once.
  mutating func watch(_ names: [String: Duration], now: Instant) {
    var kept: [String: Entry] = [:]
    for (name, every) in names {
      var entry = entries[name] ?? Entry(every: every, due: now)
      if every < entry.every { entry.due = min(entry.due, now + every) }
      entry.every = every
      kept[name] = entry
    }
    entries = kept
  }

  /// The names whose time has come, in alphabetical order. Each is to be asked now, and answered
  /// before it is given again.
  mutating func takeDue(now: Instant) -> [String] {
    let due = entries.filter { !$0.value.isAsked && $0.value.due <= now }.keys.sorted()
    for name in due { entries[name]?.isAsked = true }
    return due
  }

  /// When `takeDue` will next give something; `.distantFuture` while everything is being asked.
  var nextDue: Instant {
    entries.values.reduce(.distantFuture) { $1.isAsked ? $0 : min($0, $1.due) }
  }

  /// Some name has neither an answer nor a failure yet.
  var isWaitingForFirst: Bool {
    entries.values.contains { $0.addresses == nil && $0.failures == 0 }
  }

  /// The addresses of every name that has some.
  var addresses: [String: [IPAddress]] { entries.compactMapValues(\.addresses) }

  /// An answer came; none of a name without addresses, which is a failure. The same addresses in
  /// another order are no change: name servers turn the order to spread load, and we do that
  /// ourselves.
  mutating func answered(
    _ name: String, _ answer: [IPAddress], now: Instant, random: inout some RandomNumberGenerator
  ) -> NameEvent? {
    if answer.isEmpty { return failed(name, "it has no address", now: now, random: &random) }
    guard var entry = entries[name] else { return nil }
    let sorted = Array(Set(answer)).sorted(by: NameTable.precedes)
    let before = entry.addresses
    let wasFailing = entry.failures > 0
    entry.isAsked = false
    entry.failures = 0
    entry.addresses = sorted
    entry.due = now + NameTable.jittered(entry.every, &random)
    entries[name] = entry
    guard let before else { return .found(addresses: sorted) }
    if before == sorted { return wasFailing ? .recovered : nil }
    return .changed(
      added: sorted.filter { !before.contains($0) },
      removed: before.filter { !sorted.contains($0) })
  }

  /// It could not be found out; the last answer stays.
  mutating func failed(
    _ name: String, _ why: String, now: Instant, random: inout some RandomNumberGenerator
  ) -> NameEvent? {
    guard var entry = entries[name] else { return nil }
    entry.isAsked = false
    entry.failures += 1
    entry.due = now + NameTable.jittered(NameTable.retry(entry.every, entry.failures), &random)
    entries[name] = entry
    if entry.failures > 1 { return nil }
    return .failing(why: why, kept: entry.addresses?.count ?? 0)
  }

  /// Soon at first, at the usual pace in the end.
  private static func retry(_ every: Duration, _ failures: Int) -> Duration {
    let doubled = firstRetry.nanoseconds << Int64(min(failures - 1, 10))
    return min(Duration(nanoseconds: doubled), min(every, longestRetry))
  }

  /// 10 % more or less, so that many gateways do not ask in step.
  private static func jittered(
    _ period: Duration, _ random: inout some RandomNumberGenerator
  ) -> Duration {
    let tenth = period.nanoseconds / 10
    return Duration(nanoseconds: period.nanoseconds + .random(in: -tenth...tenth, using: &random))
  }

  /// IPv4 first, then by value: the same set is always the same list.
  private static func precedes(_ left: IPAddress, _ right: IPAddress) -> Bool {
    if left.isV4 != right.isV4 { return left.isV4 }
    return (left.high, left.low) < (right.high, right.low)
  }
}
