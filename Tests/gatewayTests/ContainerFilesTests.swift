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

  @Test(arguments: [
    "docker/grafana/dashboards/gateway.json", "docker/prometheus/rules.yml",
    "docker/prometheus/rules.test.yml",
  ])
  func `what is asked for exists`(file: String) throws {
    let bytes = try #require(Descriptor.contents(of: "\(root)/\(file)", limit: 16 << 20))
    let words = String(decoding: bytes, as: UTF8.self).split {
      !($0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_"))
    }
    let asked = words.map(String.init)
      .filter { $0.hasPrefix("gateway_") || $0.hasPrefix("process_") }
    #expect(asked.count > 5)
    #expect(Set(asked).subtracting(try known()) == [])
  }
}
