// Why this file exists: an expectation is measured while the run goes on, by itself, so that its
// window may begin and end anywhere and nothing has to be kept for it.

package import Configuration
import Primitives

/// An expectation and what has been measured for it.
package struct Judgement: Sendable {
  package let expectation: Expectation
  private let flow: Int?
  private let backend: Int?
  private let kind: Int
  /// What is counted, and out of how many.
  private var part = 0
  private var whole = 0
  private var latency = LatencyHistogram()

  init(_ expectation: Expectation, flow: Int?, backend: Int?) {
    self.expectation = expectation
    self.flow = flow
    self.backend = backend
    if case .reason(let word) = expectation.figure {
      kind = EndKind.named(word)?.index ?? -1
    } else {
      kind = -1
    }
  }

  static func backend(of expectation: Expectation, among backends: [BackendRecord]) -> Int? {
    guard case .backend(let service, let address) = expectation.figure else { return nil }
    return backends.firstIndex { $0.service == service && $0.address == address }
  }

  // MARK: Measuring

  private func counts(_ flow: Int, _ time: Duration) -> Bool {
    if let own = self.flow, own != flow { return false }
    return isWithin(time)
  }

  private func isWithin(_ time: Duration) -> Bool {
    if time < expectation.from { return false }
    guard let until = expectation.until else { return true }
    return time < until
  }

  mutating func sent(flow: Int, at time: Duration) {
    guard counts(flow, time) else { return }
    switch expectation.figure {
    case .requests: part += 1
    case .attempts: whole += 1
    case .success, .quantile, .reason, .status, .backend: break
    }
  }

  mutating func ended(
    flow: Int, sentAt time: Duration, after duration: Duration, _ end: EndKind, status: UInt16
  ) {
    guard counts(flow, time) else { return }
    switch expectation.figure {
    case .success:
      whole += 1
      if end == .success { part += 1 }
    case .reason:
      whole += 1
      if end.index == kind { part += 1 }
    case .status(let statuses):
      whole += 1
      if statuses.contains(status) { part += 1 }
    case .quantile: if end == .success { latency.record(duration) }
    case .requests, .attempts, .backend: break
    }
  }

  mutating func attempted(backend: Int, at time: Duration, whileDown: Bool) {
    guard isWithin(time) else { return }
    switch expectation.figure {
    case .attempts: part += 1
    case .backend:
      if expectation.whileDown && !whileDown { return }
      whole += 1
      if backend == self.backend { part += 1 }
    case .success, .quantile, .reason, .status, .requests: break
    }
  }

  // MARK: Judging

  /// Whether the bound is kept. What could not be measured at all is not kept.
  package var isMet: Bool {
    switch expectation.bound {
    case .time(let bound):
      guard case .quantile(let thousandths) = expectation.figure,
        let measured = latency.quantile(thousandths)
      else { return false }
      return holds(Double(measured.nanoseconds), Double(bound.nanoseconds))
    case .share(let bound):
      if whole == 0 { return false }
      // Whole numbers: a share that looks like its bound is equal to it.
      return holds(Double(part) * 1e6, Double(whole) * Double(bound.partsPerMillion))
    case .count(let bound): return holds(Double(part), Double(bound))
    }
  }

  private func holds(_ measured: Double, _ bound: Double) -> Bool {
    switch expectation.comparison {
    case .atMost: measured <= bound
    case .atLeast: measured >= bound
    case .below: measured < bound
    case .above: measured > bound
    }
  }

  /// `99.98% (17,996 of 18,000)`
  package var measured: String {
    switch expectation.bound {
    case .time:
      guard case .quantile(let thousandths) = expectation.figure,
        let measured = latency.quantile(thousandths)
      else { return "nothing to measure" }
      return Figures.time(measured) + " of \(Figures.count(latency.count)) requests"
    case .share:
      if whole == 0 { return "nothing to measure" }
      return Figures.share(part, of: whole)
        + " (\(Figures.count(part)) of \(Figures.count(whole)))"
    case .count: return Figures.count(part)
    }
  }

  /// ` from 30 s until 60 s`; empty for the whole run.
  package var window: String {
    var text = expectation.from == .zero ? "" : "from \(Figures.seconds(expectation.from)) s"
    if let until = expectation.until {
      text += (text.isEmpty ? "" : " ") + "until \(Figures.seconds(until)) s"
    }
    return text
  }
}
