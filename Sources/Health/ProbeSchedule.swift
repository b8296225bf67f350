// Why this file exists: when to probe next. A thousand backends must not be probed in the same
// instant, and a state that may be about to change must be known soon.

package import Primitives

/// The instants of one backend's probes. A value: time and randomness are arguments.
package struct ProbeSchedule: Equatable, Sendable {
  /// `health.active.interval`: from the beginning of one probe to that of the next.
  package var interval: Duration

  package init(interval: Duration) {
    precondition(interval > .zero)
    self.interval = interval
  }

  package enum Pace: Sendable {
    /// Once every interval.
    case steady
    /// The state may be about to change, or has just changed: a quarter of the interval, as
    /// HAProxy's fastinter and Envoy's edge intervals have it. A dead backend with the default
    /// settings (5 s, 3 failures) is known after at most 8 s instead of 15.
    case hurried
    /// After the first probe, which came soon: the second comes within the second half of the
    /// interval, so that the load of the start is not repeated every interval.
    case spreading
  }

  /// First probes come within this time: what was taken for granted until then is soon known, and
  /// the start of a thousand backends is still no burst.
  package static let startWindow = Duration.seconds(1)

  /// A hurried probe does not come sooner than this, unless the interval itself is shorter.
  package static let leastHurried = Duration.milliseconds(100)

  /// The first probe of the backend that is the `place`th to be probed in this process.
  ///
  /// Places are spread by the golden ratio: however many there are, and whenever they are added, no
  /// two of n come closer than 1 / 2.3 n of the window (the three-gap theorem). `offset` is random
  /// and the same for the whole process, so that gateways started together differ.
  package func first(now: Instant, place: UInt64, offset: UInt64) -> Instant {
    let window = min(interval, Self.startWindow)
    // Arithmetic modulo 2^64 is the rotation; the constant is 2^64 divided by the golden ratio.
    let turn = offset &+ place &* 0x9E37_79B9_7F4A_7C15
    return now + part(turn, of: window)
  }

  /// The probe after the one that began at `begun` and whose result came at `now`; never before
  /// `now`, so a backend is asked one question at a time, however long it takes.
  ///
  /// The wait is 90 % to 110 % of what `pace` says, so that backends that fell into step by chance
  /// fall out of it again.
  package func next(
    begun: Instant, now: Instant, pace: Pace, random: inout Xoroshiro
  ) -> Instant {
    let wait = wait(pace)
    let least: Duration
    let spread: Duration
    switch pace {
    case .steady, .hurried:
      least = Duration(nanoseconds: wait.nanoseconds - wait.nanoseconds / 10)
      spread = Duration(nanoseconds: wait.nanoseconds / 5)
    case .spreading:
      least = Duration(nanoseconds: wait.nanoseconds / 2)
      spread = Duration(nanoseconds: wait.nanoseconds - wait.nanoseconds / 2)
    }
    return max(now, begun + least + part(random.next(), of: spread))
  }

  /// Without jitter.
  private func wait(_ pace: Pace) -> Duration {
    switch pace {
    case .steady, .spreading: interval
    case .hurried:
      min(interval, max(Duration(nanoseconds: interval.nanoseconds / 4), Self.leastHurried))
    }
  }

  /// `fraction` / 2^64 of a span that is not negative.
  private func part(_ fraction: UInt64, of span: Duration) -> Duration {
    let nanoseconds = fraction.multipliedFullWidth(by: UInt64(span.nanoseconds)).high
    return Duration(nanoseconds: Int64(nanoseconds))
  }
}
