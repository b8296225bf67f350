// Why this file exists: an alert on a backend's state must fire for the right one, and a breaker
// that is not there must not look closed.
import ScrapeReading
import Telemetry
import Testing

@Suite struct BackendConditionTests {
  private func scrape(_ conditions: [BackendCondition?]) -> Scrape {
    let backends = conditions.indices.map {
      MetricsLayout.Backend(index: $0, service: 1, name: "10.0.0.\($0):80")
    }
    var gauges = conditions.map { _ in BackendGauges(active: 0, open: 0, idle: 0) }
    for (index, condition) in conditions.enumerated() { gauges[index].condition = condition }
    let shard = MetricsShard.create(
      MetricsRoom(routes: 1, services: 2, backends: backends.count))
    defer { shard.destroy() }
    return read(
      MetricsReport(
        layout: MetricsLayout(
          routes: [], services: [.init(index: 1, name: "users")], backends: backends),
        shards: [shard], gauges: gauges, panics: [PanicSample(service: "users", count: 7)],
        configuration: ConfigurationStatus(
          isLastReloadSuccessful: true, lastReload: 0, successes: 0, failures: 0, hash: "",
          generation: 1),
        process: ProcessSample(
          cpuSeconds: nil, residentBytes: nil, virtualBytes: nil, openDescriptors: nil,
          maximumDescriptors: nil, startTimeSeconds: nil),
        version: "1.0.0", clocks: anyClocks
      ))
  }

  private func labels(_ index: Int, _ more: [String: String] = [:]) -> [String: String] {
    ["service": "users", "backend": "10.0.0.\(index):80"].merging(more) { _, new in new }
  }

  @Test func `every state is a series, and one of them is 1`() {
    let down = BackendCondition(
      isHealthy: false, states: [.init("up", 0), .init("down", 1), .init("draining", 0)],
      ejections: [.init("failure_rate", 3)], circuit: nil)
    let scrape = scrape([down])
    #expect(scrape.faults == [])
    #expect(scrape.value("gateway_backend_healthy", labels(0)) == 0)
    #expect(scrape.value("gateway_backend_state", labels(0, ["state": "up"])) == 0)
    #expect(scrape.value("gateway_backend_state", labels(0, ["state": "down"])) == 1)
    #expect(scrape.value("gateway_backend_state", labels(0, ["state": "draining"])) == 0)
    #expect(scrape.value("gateway_ejections_total", labels(0, ["reason": "failure_rate"])) == 3)
    #expect(scrape.value("gateway_circuit_state", labels(0)) == nil)
    #expect(scrape.value("gateway_panics_total", ["service": "users"]) == 7)
  }

  @Test func `a breaker tells its state and how it came there`() {
    let open = BackendCondition(
      isHealthy: true, states: [.init("up", 1)], ejections: [],
      circuit: .init(
        state: 1, transitions: [.init("closed", 4), .init("open", 5), .init("half_open", 6)]))
    let scrape = scrape([nil, open])
    #expect(scrape.faults == [])
    #expect(scrape.value("gateway_backend_healthy", labels(1)) == 1)
    #expect(scrape.value("gateway_circuit_state", labels(1)) == 1)
    #expect(scrape.value("gateway_circuit_transitions_total", labels(1, ["to": "open"])) == 5)
    #expect(scrape.value("gateway_circuit_transitions_total", labels(1, ["to": "half_open"])) == 6)
    #expect(scrape.value("gateway_backend_healthy", labels(0)) == nil)
    #expect(scrape.value("gateway_backend_state", labels(0, ["state": "up"])) == nil)
  }
}
