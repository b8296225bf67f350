// Why this file exists: instants are told in the time of day, because a person reads them.

import Primitives

/// A pair of readings of both clocks, to tell an instant in the time of day.
struct ClockReading {
  var monotonic: Instant
  /// Nanoseconds since 1970.
  var wall: Int64

  func time(of instant: Instant) -> String {
    DiagnosticLog.time(wall + (instant - monotonic).nanoseconds)
  }

  /// Nil for the clock's origin, which means that nothing has happened yet.
  func known(_ instant: Instant) -> String? {
    instant.nanoseconds == 0 ? nil : time(of: instant)
  }
}
