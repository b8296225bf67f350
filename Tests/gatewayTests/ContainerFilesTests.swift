// Why this file exists: a dashboard or an alert that asks for a metric which does not exist is
// silent for ever, and looks like a system without trouble.

import EventLoop
import Testing

@testable import gateway

@Suite struct `Files beside the container` {
  private var root: String {
    "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
  }

  /// As the table of docs/metrics.md has them, with the three names of each histogram.
  private func known() throws -> Set<String> {
    let page = try #require(GeneratedPage.all.first { $0.path == "docs/metrics.md" })
    var names: Set<String> = []
    for line in page.text.split(separator: "\n") where line.hasPrefix("| `") {
      let cells = line.split(separator: "|").map { $0.drop { $0 == " " }.prefix { $0 != " " } }
      let name = cells[0].filter { $0 != "`" }
      let suffixes = cells[1] == "histogram" ? ["_bucket", "_sum", "_count"] : [""]
      names.formUnion(suffixes.map { name + $0 })
    }
    return names
  }

  private func asked(in file: String) throws -> Set<String> {
    let bytes = try #require(Descriptor.contents(of: "\(root)/\(file)", limit: 16 << 20))
    let words = String(decoding: bytes, as: UTF8.self).split {
      !($0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_"))
    }
    return Set(words.map(String.init))
      .filter { $0.hasPrefix("gateway_") || $0.hasPrefix("process_") }
  }

  @Test(arguments: [
    "docker/grafana/dashboards/gateway.json", "docker/prometheus/rules.yml",
    "docker/prometheus/rules.test.yml", "docs/operating.md",
  ])
  func `what is asked for exists`(file: String) throws {
    let asked = try asked(in: file)
    #expect(asked.count > 5)
    let known = try known()
    // People speak of a histogram by the name that its parts begin with.
    let unknown = asked.filter {
      !known.contains($0) && !(file.hasSuffix(".md") && known.contains("\($0)_bucket"))
    }
    #expect(unknown.isEmpty, "\(unknown)")
  }

  @Test func `one service of compose builds the image, the others wait for it`() throws {
    let text = try DocumentedPage.contents(of: "docker/compose.yaml")
    let shared = try #require(text.firstRange(of: "x-gateway:"))
    let services = try #require(text.firstRange(of: "\nservices:"))
    let anchor = text[shared.lowerBound..<services.lowerBound]
    #expect(anchor.contains("\n  image: gateway\n  pull_policy: never"))
    #expect(!anchor.contains("build:"))
    #expect(text[services.lowerBound...].matches(of: /\n +build:/).count == 1)
  }

  @Test func `who is woken by an alert finds what it measured on the dashboard`() throws {
    let measured = try asked(in: "docker/prometheus/rules.yml")
    let shown = try asked(in: "docker/grafana/dashboards/gateway.json")
    #expect(measured.count > 5)
    #expect(measured.subtracting(shown).isEmpty, "\(measured.subtracting(shown))")
  }

  @Test func `what to do about each alert is written down, and about no other`() throws {
    let rules = try DocumentedPage.contents(of: "docker/prometheus/rules.yml")
    let alerts = rules.matches(of: /- alert: (\w+)/).map { String($0.1) }
    let severities = rules.matches(of: /severity: (\w+)/).map { String($0.1) }
    #expect(alerts.count > 5 && alerts.count == severities.count)
    let rows = try DocumentedPage("docs/operating.md").rows.map(\.cells)
      .filter { $0[0].hasPrefix("`Gateway") }
    let expected = zip(alerts, severities).map { ["`\($0)`", $1] }
    #expect(Set(rows.map { Array($0.prefix(2)) }) == Set(expected))
    #expect(rows.allSatisfy { $0.count == 4 && $0[2].count > 10 && $0[3].count > 20 })
  }
}
