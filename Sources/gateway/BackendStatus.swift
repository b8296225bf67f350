// Why this file exists: somebody who looks at /status wants to know of a backend whether it works,
// why not, since when, and when that will change; in that order.

import Admin
import CircuitBreaking
import Forwarding
import Health
import Primitives
import Probing

extension JSONWriter {
  /// One backend: what it is, how it is, what it has to do.
  mutating func backend(
    _ backend: SurveyedBackend, check: ProbeReport?, workers: Int, _ clocks: ClockReading
  ) {
    member("address", backend.label)
    member("name", backend.name)
    member("state", backend.health.state.word)
    member("reason", backend.health.cause.word)
    member("since", clocks.known(backend.health.since))
    member("until", backend.health.until.map(clocks.time(of:)))
    member("weight", backend.weight)
    member("requests_in_flight", backend.shared.active.load())
    member("connections_open", backend.shared.open.load())
    member("connections_idle", backend.shared.idleTotal(workers: workers))
    key("health_check")
    healthCheck(check, clocks)
    key("circuit_breaker")
    if let breaker = backend.breaker {
      self.breaker(breaker, clocks)
    } else {
      null()
    }
  }

  private mutating func breaker(_ report: BreakerReport, _ clocks: ClockReading) {
    beginObject()
    member("state", report.phase.word)
    member("reason", report.cause?.word)
    member("since", clocks.known(report.since))
    member("until", report.until.map(clocks.time(of:)))
    member("trips_in_a_row", report.tripsInRow)
    member("failures_in_a_row", report.failuresInRow)
    key("window")
    beginObject()
    member("requests", report.window.total)
    member("failed", report.window.failed)
    member("slow", report.window.slow)
    endObject()
    if report.phase == .halfOpen {
      key("trials")
      beginObject()
      member("taken", report.trialsTaken)
      member("succeeded", report.trialsSucceeded)
      endObject()
    }
    endObject()
  }
}
