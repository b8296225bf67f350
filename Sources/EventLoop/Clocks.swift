// Why this file exists: the time of day, for log lines and Date fields. Policies never see it; they
// take an `Instant`.

import Glibc

/// The time of day.
package enum WallClock {
  /// Nanoseconds since 1970-01-01T00:00:00 UTC. May jump when the machine's clock is set.
  package static func nanoseconds() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}
