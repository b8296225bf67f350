// Why this file exists: entries of a scenario lie one above the other; a backend wants to know what
// holds for it now, and when that changes.

import Configuration
import Glibc
import Primitives

/// How a backend behaves at a time.
struct Behaviour {
  var latency = BehaviourConfiguration.Latency.fixed(.milliseconds(5))
  var capacity = Int.max
  /// Of a million.
  var failures: UInt64 = 0
  var failureStatus: UInt16 = 500
  var connect = BehaviourConfiguration.Connect.accept
  var resets: UInt64 = 0
  var hangs: UInt64 = 0
  var body = 512
  var bodyTime = Duration.zero
  var health = BehaviourConfiguration.Health.follow

  var isDown: Bool { connect != .accept }

  fileprivate mutating func apply(_ entry: BehaviourConfiguration) {
    if let latency = entry.latency { self.latency = latency }
    switch entry.capacity {
    case .unbounded?: capacity = .max
    case .bounded(let count)?: capacity = count
    case nil: break
    }
    if let failures = entry.failures { self.failures = UInt64(failures.partsPerMillion) }
    if let status = entry.failureStatus { failureStatus = status }
    if let connect = entry.connect { self.connect = connect }
    if let resets = entry.resets { self.resets = UInt64(resets.partsPerMillion) }
    if let hangs = entry.hangs { self.hangs = UInt64(hangs.partsPerMillion) }
    if let body = entry.body { self.body = body }
    if let time = entry.bodyTime { bodyTime = time }
    if let health = entry.health { self.health = health }
  }

  /// From when on which behaviour holds, the first from the beginning.
  static func plan(
    _ entries: [BehaviourConfiguration], service: String, address: String
  ) -> [(from: Duration, behaviour: Behaviour)] {
    let own = entries.filter { $0.subject.covers(service: service, address: address) }
    var times: Set<Duration> = [.zero]
    for entry in own {
      times.insert(entry.from)
      if let until = entry.until { times.insert(until) }
    }
    return times.sorted().map { time in
      var behaviour = Behaviour()
      for entry in own where entry.from <= time && time < entry.until ?? .seconds(1 << 30) {
        behaviour.apply(entry)
      }
      return (time, behaviour)
    }
  }

  /// The 99th percentile of the standard normal distribution.
  private static let normalP99 = 2.326_347_874

  /// Nanoseconds.
  func drawLatency(_ random: inout Xoroshiro) -> Int64 {
    switch latency {
    case .fixed(let duration): return duration.nanoseconds
    case .uniform(let range):
      let width = UInt64((range.upperBound - range.lowerBound).nanoseconds)
      return range.lowerBound.nanoseconds + Int64(random.below(width + 1))
    case .logNormal(let median, let p99):
      let spread =
        log(Double(p99.nanoseconds) / Double(median.nanoseconds)) / Behaviour.normalP99
      let factor = exp(spread * random.normal())
      return Int64(min(Double(median.nanoseconds) * factor, 3.6e12))
    }
  }
}

extension Xoroshiro {
  /// From 0 to 1, both excluded.
  mutating func part() -> Double { (Double(next() >> 11) + 0.5) / Double(1 << 53) }

  /// The standard normal distribution, by Box and Muller.
  mutating func normal() -> Double { sqrt(-2 * log(part())) * cos(2 * Double.pi * part()) }

  /// True in so many of a million cases.
  mutating func happens(_ share: UInt64) -> Bool { share > 0 && below(1_000_000) < share }
}

extension BehaviourConfiguration {
  /// What begins, for the timeline: `refuses connections`.
  var words: String {
    var words: [String] = []
    switch connect {
    case .accept?: words.append("accepts connections")
    case .refuse?: words.append("refuses connections")
    case .ignore?: words.append("vanishes")
    case nil: break
    }
    switch latency {
    case .fixed(let time)?: words.append("answers in \(Figures.time(time))")
    case .uniform(let range)?:
      words.append(
        "answers in \(Figures.time(range.lowerBound)) to \(Figures.time(range.upperBound))")
    case .logNormal(let median, let p99)?:
      words.append("answers in \(Figures.time(median)), p99 \(Figures.time(p99))")
    case nil: break
    }
    switch capacity {
    case .unbounded?: words.append("bears everything")
    case .bounded(let count)?: words.append("works on \(count) at a time")
    case nil: break
    }
    let shares: [(Share?, String)] = [(failures, "fails"), (resets, "resets"), (hangs, "hangs")]
    for (share, verb) in shares {
      if let share {
        words.append("\(verb) \(Figures.share(Int(share.partsPerMillion), of: 1_000_000))")
      }
    }
    if let bodyTime { words.append("takes \(Figures.time(bodyTime)) for a body") }
    switch health {
    case .follow?: words.append("answers health checks as requests")
    case .up?: words.append("passes health checks")
    case .down?: words.append("fails health checks")
    case nil: break
    }
    return words.isEmpty ? "as before" : words.joined(separator: ", ")
  }
}

extension BackendSubject {
  var words: String {
    switch self {
    case .all: "all backends"
    case .service(let service): "all of \(service)"
    case .one(let service, let address): "\(service)/\(address)"
    }
  }
}
