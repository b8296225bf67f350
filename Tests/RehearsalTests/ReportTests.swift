// Why this file exists: reports are read by people and programs, and hold names that somebody else
// has chosen.

import HTTPSemantics
import Primitives
import Testing

@testable import Configuration
@testable import Rehearsal

@Suite struct Reports {
  private func result(name: String = "x.yaml") throws -> RunResult {
    let scenario = try #require(played(["success >= 50%", "p99 <= 1ms"]))
    let records = try records(["success >= 50%", "p99 <= 1ms"])
    records.request(0, at: 1, takes: 20)
    records.request(1, at: 2, .reason(.connectRefused), status: 502, route: 1)
    records.attempt(backend: 0, at: .seconds(1), whileDown: false, isMissed: false)
    records.answered(backend: 0, status: 200, after: .milliseconds(19))
    records.tell(.gateway, at: .milliseconds(2_100), "s/10.0.0.2:80 down: <script>x</script>")
    records.changed(backend: 1, at: .milliseconds(2_100), state: "down")
    return RunResult(name: name, scenario: scenario, records: records)
  }

  @Test func `the text tells what happened, who got what and what is not met`() throws {
    let text = TextReport.text(try result(), isColoured: false)
    #expect(text.hasPrefix("x.yaml: 10 s, seed 1, 2 requests, at most 1 at a time\n"))
    #expect(text.contains("      2.1 s  gateway   s/10.0.0.2:80 down"))
    #expect(text.contains("  ✓ success >= 50%  50.00% (1 of 2)\n"))
    #expect(text.contains("  ✗ p99 <= 1ms      20.0 ms of 1 requests\n"))
    #expect(text.contains("  other         1  50.00%       0%"), "\(text)")
    #expect(
      text.contains("\nRate limits\n  limit  refused  share  in shadow\n  few          0     0%"))
    #expect(text.hasSuffix("\n1 of 2 expectations is not met.\n"))
    #expect(!text.contains("\u{1B}"))
    #expect(TextReport.text(try result(), isColoured: true).contains("\u{1B}[1;31m✗"))
  }

  @Test func `nothing of the user's is markup in the page`() throws {
    let page = HTMLReport.text(try result(name: "<img src=x onerror='a&b'>.yaml"))
    #expect(!page.contains("<img"))
    #expect(!page.contains("<script"))
    #expect(!page.contains("<i>"))
    #expect(page.contains("<th scope=\"row\">&lt;i&gt;&amp;</th>"))
    #expect(page.contains("&lt;img src=x onerror=&#39;a&amp;b&#39;&gt;.yaml"))
    #expect(page.contains("&lt;script&gt;x&lt;/script&gt;"))
  }

  @Test func `the page has a plot or a table of each thing that is asked about a run`() throws {
    let page = HTMLReport.text(try result())
    for title in [
      "Requests and attempts a second", "Failures a second, by reason", "Time to a whole answer",
      "Share of all attempts, by backend", "Health and breakers",
    ] {
      #expect(page.contains("<figcaption>\(title)</figcaption>"), "\(title)")
    }
    for title in [
      "Expectations", "Flows", "Routes", "Rate limits", "Backends", "How requests ended",
      "Timeline",
    ] {
      #expect(page.contains("<h2>\(title)</h2>"), "\(title)")
    }
    #expect(page.contains("<th scope=\"row\">s/10.0.0.1:80</th><td class=\"number\">1</td>"))
    // Names and axes of time are the same for the bars as for the curves.
    #expect(page.contains("<title>down from 2.1 s</title>"))
  }

  @Test func `of very many backends those that changed have bars`() throws {
    let run = try result()
    let changed = run.records.backends[1]
    run.records.backends = (0..<100).map { BackendRecord(service: "s", address: "host-\($0):80") }
    run.records.backends[70].states = [
      StateChange(at: .zero, state: "up"), changed.states[0],
    ]
    let bars = StateBars.figure(run.records)
    #expect(bars.contains(">s/host-70:80</text>"))
    #expect(!bars.contains("host-69"))
    #expect(bars.contains("… and 99 more"))
  }

  @Test func `what the scenario does is a line through every plot`() throws {
    let run = try result()
    run.records.tell(.scenario, at: .seconds(5), "s vanishes")
    run.records.tell(.scenario, at: .seconds(5), "t, too")
    let page = HTMLReport.text(run)
    let marks = page.matches(of: /<line class="mark"[^>]*><title>5 s: s vanishes; t, too<\/title>/)
    #expect(marks.count == 4)
  }

  @Test func `the page asks nobody for anything`() throws {
    let page = HTMLReport.text(try result())
    for foreign in ["http:", "https:", "url(", "@import", "src=", "href="] {
      #expect(!page.contains(foreign), "\(foreign)")
    }
    #expect(page.contains("prefers-color-scheme:dark"))
    #expect(page.contains("class=\"state-down\""))
  }

  @Test func `the JSON has every part`() throws {
    let text = JSONReport.text(try result(name: "a\"b\\c\u{1}"))
    #expect(text.hasPrefix("{\"scenario\":\"a\\\"b\\\\c\\u0001\",\"seed\":1,\"duration_s\":10.0,"))
    #expect(text.contains("\"met\":false"))
    #expect(text.contains("\"met\":true,\"value\":50.0,\"bound\":50.0,\"unit\":\"%\","))
    #expect(text.contains("\"value\":20.0,\"bound\":1.0,\"unit\":\"ms\","))
    #expect(text.contains("\"max_ms\":20.0,\"attempts\":[1,0]}"), "\(text)")
    #expect(
      text.contains("{\"that\":\"p99 <= 1ms\",\"from_s\":0.0,\"until_s\":null,\"met\":false,"))
    #expect(text.contains("\"ends\":{\"connect_refused\":1}"))
    #expect(
      text.contains("\"routes\":[{\"route\":\"one\",\"requests\":1,\"ends\":{\"success\":1},"))
    #expect(text.contains("\"limits\":[{\"limit\":\"few\",\"refused\":0,\"in_shadow\":0}]"))
    #expect(text.contains("\"states\":[{\"at_s\":2.1,\"state\":\"down\"}]"))
    #expect(text.hasSuffix("}\n"))
  }

  @Test func `numbers read the same everywhere`() {
    #expect(Figures.count(1_234_567) == "1,234,567")
    #expect(Figures.count(999) == "999")
    #expect(Figures.share(9_999_999, of: 10_000_000) == "99.99%")
    #expect(Figures.share(1, of: 10_000_000) == "0.01%")
    #expect(Figures.share(3, of: 3) == "100%")
    #expect(Figures.share(0, of: 0) == "-")
    #expect(Figures.time(.microseconds(412)) == "412 µs")
    #expect(Figures.time(.microseconds(5_260)) == "5.3 ms")
    #expect(Figures.time(.milliseconds(1_204)) == "1.20 s")
    #expect(Figures.seconds(.milliseconds(31_200)) == "31.2")
  }
}

@Suite struct Behaviours {
  @Test func `later entries stand above earlier ones, each for its time`() {
    var base = BehaviourConfiguration(subject: .all, from: .zero, until: nil)
    base.latency = .fixed(.milliseconds(20))
    base.capacity = .bounded(8)
    var slow = BehaviourConfiguration(
      subject: .service("s"), from: .seconds(10), until: .seconds(20))
    slow.latency = .fixed(.milliseconds(900))
    var other = BehaviourConfiguration(subject: .service("t"), from: .zero, until: nil)
    other.connect = .refuse
    let plan = Behaviour.plan([base, slow, other], service: "s", address: "a")
    #expect(plan.map(\.from) == [.zero, .seconds(10), .seconds(20)])
    #expect(
      plan.map(\.behaviour.latency)
        == [20, 900, 20].map { .fixed(.milliseconds($0)) })
    #expect(plan.allSatisfy { $0.behaviour.capacity == 8 && !$0.behaviour.isDown })
  }

  @Test func `a log-normal latency has its median and its p99`() {
    var behaviour = Behaviour()
    behaviour.latency = .logNormal(median: .milliseconds(20), p99: .milliseconds(200))
    var random = Xoroshiro(seed: 7)
    let drawn = (0..<20_000).map { _ in behaviour.drawLatency(&random) }.sorted()
    #expect((18_000_000...22_000_000).contains(drawn[10_000]))
    #expect((170_000_000...235_000_000).contains(drawn[19_800]))
  }
}
