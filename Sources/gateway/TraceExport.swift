// Why this file exists: the exporter knows no configuration and the configuration no exporter; here
// the one is told what the other says, and its troubles become lines of the log.

import Admin
import Configuration
import EventLoop
import Exporting
import Logging
import Primitives
import Proxy
import Telemetry

/// The export of spans, as the process has it. Control loop only.
final class TraceExport {
  private let exporter: SpanExporter
  /// Held for what the exporter reads from: the workers' rings go with it.
  private let dataPlane: DataPlane
  private let log: Logger
  /// The collector's host and port; nil while nothing is exported.
  private var collector: String?

  /// Before the workers start.
  init(_ loop: Loop, _ dataPlane: DataPlane, _ log: Logger) throws(EventLoopError) {
    self.dataPlane = dataPlane
    self.log = log
    var seed = SystemRandomNumberGenerator()
    let program = TracedProgram(
      version: Version.number, instance: String(seed.next() | 1 << 63, radix: 16))
    exporter = try SpanExporter(loop, dataPlane.traces, program, seed: seed.next())
    if let wake = exporter.wake { dataPlane.wakeForTraces(wake) }
    exporter.onEvent = { [unowned self] in tell($0) }
    follow(dataPlane.live)
  }

  /// Exports what this configuration says from now on, to where its names are.
  func follow(_ live: LiveConfiguration) {
    let url = live.configuration.tracing.export
    collector = url?.address.text ?? collector
    exporter.follow(url.map { TraceExport.target($0, live.names) })
    if url == nil { collector = nil }
  }

  private static func target(_ url: HTTPURL, _ names: [String: [IPAddress]]) -> ExportTarget {
    let endpoints: [Endpoint] =
      switch url.address.form {
      case .endpoint(let endpoint): [endpoint]
      case .name(let host, let port):
        (names[host] ?? []).map { Endpoint(address: $0, port: port) }
      case .unix: preconditionFailure("a URL names no path of a socket")
      }
    return ExportTarget(authority: url.authority, path: url.target, endpoints: endpoints)
  }

  /// Sends what is left and closes. After the workers have ended.
  func end(within limit: Duration) {
    let lost = exporter.flush(atMost: limit)
    exporter.close()
    if lost == 0 { return }
    log.warning("spans were not delivered before the end", metadata: ["spans": "\(lost)"])
  }

  private func tell(_ event: SpanExporter.Event) {
    var metadata: Logger.Metadata = ["collector": "\(collector ?? "")"]
    switch event {
    case .failing(let why):
      metadata["reason"] = "\(why)"
      log.warning("the collector takes no spans", metadata: metadata)
    case .recovered: log.notice("the collector takes spans again", metadata: metadata)
    }
  }

  // MARK: Reading

  func write(to json: inout JSONWriter) {
    let report = exporter.report
    json.beginObject()
    switch report.state {
    case .off: json.member("state", "off")
    case .working: json.member("state", "exporting")
    case .failing(let why): json.member("state", "failing: \(why)")
    }
    json.member("spans_exported", report.exported)
    json.member("spans_dropped", report.queueFull + report.refused + report.undelivered)
    json.member("exchanges_waiting", report.waiting)
    json.endObject()
  }

  /// For the metrics.
  var samples: SpanSamples {
    let report = exporter.report
    return SpanSamples(
      exported: report.exported, queueFull: report.queueFull, refused: report.refused,
      undelivered: report.undelivered)
  }
}
