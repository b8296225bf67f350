// Why this file exists: /status tells of each backend what its last health check found and when the
// next one comes, in the time of day, because a person reads it.

import Admin
import Health
import Primitives
import Probing

extension JSONWriter {
  /// `null` for a backend that is not checked; members are null that are not known yet.
  mutating func healthCheck(_ report: ProbeReport?, _ clocks: ClockReading) {
    guard let report else { return null() }
    beginObject()
    member("result", report.last?.verdict.result)
    member("detail", report.last?.verdict.detail)
    member("at", report.last.map { clocks.time(of: $0.at) })
    key("took_ms")
    if let last = report.last {
      number(Double(last.took.nanoseconds / 1_000) / 1_000)
    } else {
      null()
    }
    member("against_state", report.resultsAgainst)
    // Null while a check is under way.
    member("next", report.next.map(clocks.time))
    endObject()
  }
}
