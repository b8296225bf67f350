// Why this file exists: whoever opens the page in the middle of an incident wants to see how it
// began, and a page can only remember what it has seen itself.

import Admin
import EventLoop
import Primitives
import Telemetry

/// The counters of the last minutes, for the charts of a page that was opened just now. On the
/// control loop.
final class TrafficHistory {
  struct Sample: Equatable {
    var at: Instant
    var sum: TrafficSum
    /// Attempts made again, of all services.
    var retries: UInt64
  }

  /// As long as a chart is wide; a sample is some 300 bytes.
  static let interval = Duration.seconds(5)
  static let length = 61

  private let read: () -> TrafficSums
  /// The oldest first.
  private(set) var samples: [Sample] = []
  private var timer: Timer?

  init(read: @escaping () -> TrafficSums) { self.read = read }

  func start(on loop: Loop) {
    let owner = Unmanaged.passUnretained(self).toOpaque()
    timer = Timer.create(loop, owner: owner) { owner in
      Unmanaged<TrafficHistory>.fromOpaque(owner).takeUnretainedValue().tick()
    }
    tick()
  }

  func close() {
    timer?.close()
    timer = nil
  }

  private func tick() {
    let now = Loop.clock()
    take(now: now)
    timer?.start(at: now + Self.interval)
  }

  func take(now: Instant) {
    let sums = read()
    let retries = sums.services.flatMap(\.retries).reduce(UInt64(0)) { $0 &+ $1.count }
    samples.append(Sample(at: now, sum: sums.overall, retries: retries))
    if samples.count > Self.length { samples.removeFirst() }
  }

  /// The answer to /history.
  var json: [UInt8] {
    var json = JSONWriter()
    json.beginObject()
    json.key("samples")
    json.beginArray()
    for sample in samples {
      json.beginObject()
      json.member("clock_ms", Double(sample.at.nanoseconds / 1_000) / 1_000)
      json.counts(sample.sum)
      json.member("retries", sample.retries)
      json.endObject()
    }
    json.endArray()
    json.endObject()
    return json.finished
  }
}
