// Why this file exists: an expectation is measured while the run goes on, by itself, so that its
// window may begin and end anywhere and nothing has to be kept for it.

package import Configuration
import Primitives

/// An expectation and what has been measured for it.
package struct Judgement: Sendable {
  package let expectation: Expectation
  /// Positions among the records of what it names; nil = all of them.
  private let flow: Int?
  private let route: Int?
  private let limit: Int?
  private let backend: Int?
  private let kind: Int
  /// What is counted, and out of how many.
  private var part = 0
  private var whole = 0
  private var latency = LatencyHistogram()
  /// What is not among the part, by how it ended.
  private var others = [Int](repeating: 0, count: EndKind.count)

  init(_ expectation: Expectation, _ records: RunRecords) {
    self.expectation = expectation
    flow = expectation.flow.flatMap { name in records.flows.firstIndex { $0.name == name } }
    route = expectation.route.flatMap { name in records.routes.firstIndex { $0.name == name } }
    switch expectation.figure {
    case .reason(let word):
      (kind, limit, backend) = (EndKind.named(word)?.index ?? -1, nil, nil)
    case .limit(let name):
      (kind, limit, backend) = (-1, records.limits.firstIndex { $0.name == name }, nil)
    case .backend(let service, let address):
      let place = records.backends.firstIndex { $0.service == service && $0.address == address }
      (kind, limit, backend) = (-1, nil, place)
    case .success, .quantile, .status, .requests, .attempts:
      (kind, limit, backend) = (-1, nil, nil)
    }
  }

  // MARK: Measuring

  private func isWithin(_ time: Duration) -> Bool {
    if time < expectation.from { return false }
    guard let until = expectation.until else { return true }
    return time < until
  }

  mutating func sent(flow: Int, at time: Duration) {
    if let own = self.flow, own != flow { return }
    guard isWithin(time) else { return }
    switch expectation.figure {
    // Which route takes a request shows later.
    case .requests: if route == nil { part += 1 }
    case .attempts: whole += 1
    case .success, .quantile, .reason, .status, .limit, .backend: break
    }
  }

  mutating func ended(_ ending: Ending) {
    if let flow, flow != ending.flow { return }
    if let route, route != ending.passage.route { return }
    guard isWithin(ending.sentAt) else { return }
    switch expectation.figure {
    case .success: count(ending, ending.kind == .success)
    case .reason: count(ending, ending.kind.index == kind)
    case .status(let statuses): count(ending, statuses.contains(ending.status))
    case .limit: count(ending, ending.passage.limit == limit)
    case .quantile: if ending.kind == .success { latency.record(ending.latency) }
    case .requests: if route != nil { part += 1 }
    case .attempts, .backend: break
    }
  }

  private mutating func count(_ ending: Ending, _ isPart: Bool) {
    whole += 1
    if isPart { part += 1 } else { others[ending.kind.index] += 1 }
  }

  mutating func attempted(backend: Int, at time: Duration, whileDown: Bool) {
    guard isWithin(time) else { return }
    switch expectation.figure {
    case .attempts: part += 1
    case .backend:
      if expectation.whileDown && !whileDown { return }
      whole += 1
      if backend == self.backend { part += 1 }
    case .success, .quantile, .reason, .status, .limit, .requests: break
    }
  }

  // MARK: Judging

  /// Whether the bound is kept. What could not be measured at all is not kept.
  package var isMet: Bool {
    switch expectation.bound {
    case .time(let bound):
      guard let measured = quantile else { return false }
      return holds(Double(measured.nanoseconds), Double(bound.nanoseconds))
    case .share(let bound):
      if whole == 0 { return false }
      // Whole numbers: a share that looks like its bound is equal to it.
      return holds(Double(part) * 1e6, Double(whole) * Double(bound.partsPerMillion))
    case .count(let bound): return holds(Double(part), Double(bound))
    }
  }

  private var quantile: Duration? {
    guard case .quantile(let thousandths) = expectation.figure else { return nil }
    return latency.quantile(thousandths)
  }

  /// For programs: what was measured, nil when nothing could be, and the bound, in that unit.
  package var number: (value: Double?, bound: Double, unit: String) {
    switch expectation.bound {
    case .time(let bound):
      (quantile.map { Double($0.nanoseconds) / 1e6 }, Double(bound.nanoseconds) / 1e6, "ms")
    case .share(let bound):
      (
        whole == 0 ? nil : Double(part) * 100 / Double(whole),
        Double(bound.partsPerMillion) / 10_000, "%"
      )
    case .count(let bound): (Double(part), Double(bound), "requests")
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
      guard let measured = quantile else { return "nothing to measure" }
      return Figures.time(measured) + " of \(Figures.count(latency.count)) requests"
    case .share:
      if whole == 0 { return "nothing to measure" }
      return Figures.share(part, of: whole)
        + " (\(Figures.count(part)) of \(Figures.count(whole)))"
    case .count: return Figures.count(part)
    }
  }

  /// Of a `success` that is not met, what stood in its way, most first: `8,390 rate_limited, 148
  /// backend_error`; else empty.
  package var failures: String {
    guard case .success = expectation.figure, !isMet else { return "" }
    return others.indices.filter { others[$0] > 0 }.sorted { (others[$1], $0) < (others[$0], $1) }
      .map { "\(Figures.count(others[$0])) \(EndKind.words[$0])" }.joined(separator: ", ")
  }

  /// `from 30 s until 60 s`; empty for the whole run.
  package var window: String {
    var text = expectation.from == .zero ? "" : "from \(Figures.seconds(expectation.from)) s"
    if let until = expectation.until {
      text += (text.isEmpty ? "" : " ") + "until \(Figures.seconds(until)) s"
    }
    return text
  }
}
