// Why this file exists: breakers change faster than anybody looks, so workers note every change;
// here the notes become lines of the log, each once, with names instead of numbers.

import Balancing
import CircuitBreaking
import Configuration
import Forwarding
import Logging
import Primitives

/// Tells what workers have noted. For the control loop.
struct StateEvents {
  private struct Backend {
    var service: String
    var label: String
    var onlyWatches: Bool
  }

  private let log: Logger
  private var journal: StateJournal?
  private var next: UInt64 = 0
  /// By their numbers in the process.
  private var backends: [Int: Backend] = [:]
  private var services: [Int: String] = [:]

  init(_ log: Logger) { self.log = log }

  /// Knows the names of this snapshot's backends from now on. What is noted of others is not told:
  /// nobody has them in a configuration any more.
  mutating func follow(_ snapshot: UnsafePointer<Snapshot>, _ configuration: GatewayConfiguration) {
    journal = snapshot.pointee.journal
    backends = [:]
    services = [:]
    for (index, service) in configuration.services.enumerated() {
      services[snapshot.pointee.services[index].shared.queueIndex] = service.name
      for backend in snapshot.pointee.backends(of: index) {
        backends[backend.shared.poolIndex] = Backend(
          service: service.name, label: backend.label.text,
          onlyWatches: service.circuitBreaker?.mode == .shadow)
      }
    }
  }

  /// True when there was something to tell.
  mutating func tell() -> Bool {
    guard let journal else { return false }
    var position = next
    let result = journal.read(from: &position) { event in
      switch event {
      case .breaker(let number, let change): tell(number, change)
      case .panicBegan(let number):
        log.warning(
          "panic: too few backends are usable, health is ignored",
          metadata: ["service": "\(services[number] ?? "-")"])
      case .panicEnded(let number):
        log.notice(
          "panic is over: health counts again",
          metadata: ["service": "\(services[number] ?? "-")"])
      }
    }
    if result.lost > 0 {
      log.warning(
        "more breakers have changed than could be noted", metadata: ["lost": "\(result.lost)"])
    }
    defer { next = position }
    return position != next
  }

  private func tell(_ number: Int, _ change: BreakerTransition) {
    guard let backend = backends[number] else { return }
    let level: Logger.Level =
      switch change.to {
      case .open: .warning
      case .closed, .halfOpen: .notice
      }
    var metadata: Logger.Metadata = [
      "service": "\(backend.service)", "backend": "\(backend.label)",
      "was": "\(change.from.word)", "cause": "\(change.cause.word)",
    ]
    // One that only watches keeps nobody out; who reads its line must know.
    if backend.onlyWatches { metadata["mode"] = "shadow" }
    log.log(level: level, "circuit breaker is \(change.to.word)", metadata: metadata)
  }
}
