// Why this file exists: somebody who looks at /status or /metrics wants to know of a limit whom it
// meets, and how often. The counters are read here, on the control loop; no request waits for it.

import Admin
import Configuration
import Forwarding
import Limiting
import Primitives
import Proxy
import Telemetry

/// The limits of the configuration in use. For the control loop.
final class LimitSurvey {
  private let dataPlane: DataPlane
  /// How far the keys of each limit have been looked through, by name.
  private var cursors: [String: Int] = [:]

  /// Places that are looked through each time: half a millisecond, or some more when all are taken.
  private static let places = 1 << 17
  static let shownKeys = 10

  init(_ dataPlane: DataPlane) { self.dataPlane = dataPlane }

  private func forEach(_ body: (RateLimitConfiguration, LimitEntry) -> Void) {
    let snapshot = dataPlane.snapshot
    for (index, limit) in dataPlane.live.configuration.rateLimits.enumerated() {
      body(limit, snapshot.pointee.limits[index])
    }
  }

  /// Forgets keys that are as good as new: nobody else does, until their places are wanted.
  private func sweep(_ limit: RateLimitConfiguration, _ entry: LimitEntry, now: Instant) {
    let table = entry.counters.table
    if table.count == 0 { return }
    cursors[limit.name] = table.sweep(
      from: cursors[limit.name] ?? 0, places: LimitSurvey.places, entry.rule, now: now)
  }

  // MARK: For /metrics

  func samples(now: Instant) -> [LimitSample] {
    var samples: [LimitSample] = []
    forEach { limit, entry in
      sweep(limit, entry, now: now)
      samples.append(
        LimitSample(
          limit: limit.name, keys: entry.counters.table.count,
          evictions: entry.counters.table.evictions))
    }
    return samples
  }

  /// Routes' requests that were above a limit, by what became of them. In the mode that a limit
  /// has they are told from 0 on; in another one that it had before, when there were any.
  var limited: [LimitedSample] {
    let limits = dataPlane.live.configuration.rateLimits
    let modes = Dictionary(uniqueKeysWithValues: limits.map { ($0.name, $0.mode.rawValue) })
    return dataPlane.limitUses.flatMap { use in
      [LimitMode.shadow, .enforce].compactMap { mode in
        let word = mode == .shadow ? "shadow" : "enforce"
        let count = use.use.total(mode, workers: dataPlane.settings.workers)
        if count == 0, modes[use.limit] != word { return nil }
        return LimitedSample(limit: use.limit, route: use.route, mode: word, count: count)
      }
    }
  }

  // MARK: For /status

  func write(to json: inout JSONWriter, now: Instant) {
    var refused: [String: UInt64] = [:]
    var shadowed: [String: UInt64] = [:]
    for use in dataPlane.limitUses {
      let workers = dataPlane.settings.workers
      refused[use.limit, default: 0] += use.use.total(.enforce, workers: workers)
      shadowed[use.limit, default: 0] += use.use.total(.shadow, workers: workers)
    }
    json.beginArray()
    forEach { limit, entry in
      sweep(limit, entry, now: now)
      json.beginObject()
      json.member("name", limit.name)
      json.limit(limit)
      json.member("keys", entry.counters.table.count)
      json.member("max_keys", entry.counters.table.capacity)
      json.member("evictions", entry.counters.table.evictions)
      json.member("refused", refused[limit.name] ?? 0)
      json.member("would_have_refused", shadowed[limit.name] ?? 0)
      json.key("busiest")
      json.beginArray()
      let busiest = entry.counters.busiest(LimitSurvey.shownKeys, entry.rule, now: now)
      for key in busiest { write(key, limit, to: &json) }
      json.endArray()
      json.endObject()
    }
    json.endArray()
  }

  private func write(_ key: BusyKey, _ limit: RateLimitConfiguration, to json: inout JSONWriter) {
    json.beginObject()
    json.member("key", shown(key, limit))
    json.member("used", key.used)
    json.member("allowed", UInt64(key.allowed))
    json.member("refused", UInt64(key.refused))
    json.endObject()
  }

  /// An address as it is; of any other key the first characters and a short hash, since it may be
  /// somebody's secret.
  private func shown(_ key: BusyKey, _ limit: RateLimitConfiguration) -> String {
    let digits = String(key.hash, radix: 16)
    let hash = "#" + String(repeating: "0", count: 8 - digits.count) + digits
    if let (text, address) = ShownKey.text(key.shown, of: limit) {
      return "\(text)…\(hash)" + (address.map { " \(client($0, limit, most: 64))" } ?? "")
    }
    if let address = ShownKey.address(key.shown, of: limit) {
      return client(address, limit, most: 128)
    }
    if let route = ShownKey.route(key.shown, of: limit) {
      let known = dataPlane.layout.route(route)
      return known ?? hash
    }
    return limit.key.contains { $0.isClients } ? "(none)" : "(all)"
  }

  private func client(
    _ address: IPAddress, _ limit: RateLimitConfiguration, most: Int
  ) -> String {
    let bits = min(limit.ipv6Prefix, most)
    return address.isV4 || bits == 128 ? "\(address)" : "\(address)/\(bits)"
  }
}

extension JSONWriter {
  /// What a limit allows, in the words of the file.
  mutating func limit(_ limit: RateLimitConfiguration) {
    member("mode", limit.mode.rawValue)
    member("algorithm", limit.algorithm.rawValue)
    member("rate", limit.rateText)
    key("burst")
    if limit.algorithm == .tokenBucket { integer(limit.burst) } else { null() }
    member("key", limit.keyText)
  }
}
