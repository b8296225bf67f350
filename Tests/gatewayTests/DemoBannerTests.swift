// Why this file exists: the lines that a newcomer pastes must work with the file that was given.

import Configuration
import Testing

@testable import gateway

@Suite struct `The demo's banner` {
  private func banner(
    backends: String = "127.0.0.1:9002", path: String = "/*", admin: String = "127.0.0.1:9901",
    addresses: [String] = ["0.0.0.0:8080"]
  ) throws -> String {
    let text = """
      listeners: [{address: 0.0.0.0:8080}]
      admin: \(admin == "none" ? "none" : "{address: \(admin)}")
      services: {first: {backends: [127.0.0.1:7000]}, demo: {backends: [\(backends)]}}
      routes:
        - {match: {path: /other/*}, service: first}
        - {match: {path: \(path)}, service: demo}
      """
    return DemoBanner.text(try configuration(text: text), addresses: addresses)
  }

  @Test func `has three lines to try through the demo's route, and four for its backends`() throws {
    let lines = try banner(path: "/api/*").split(separator: "\n").filter { $0.hasPrefix("  curl ") }
    #expect(lines.count == 7)
    #expect(lines.prefix(3).allSatisfy { $0.contains(" http://127.0.0.1:8080/api/") })
    #expect(lines.dropFirst(3).allSatisfy { $0.contains(" 127.0.0.1:9001/chaos") })
  }

  @Test func `asks the loopback address where the gateway listens on all`() throws {
    #expect(try banner(addresses: ["[::]:80"]).contains(" http://[::1]:80/hello"))
    #expect(try banner(addresses: ["10.0.0.1:80"]).contains(" http://10.0.0.1:80/hello"))
    #expect(
      try banner(addresses: ["unix:/run/g.sock"])
        .contains(" --unix-socket /run/g.sock http://localhost/hello"))
  }

  @Test func `says so when nothing leads to the demo backends`() throws {
    for text in [try banner(backends: "127.0.0.1:9004"), try banner(path: "/exactly")] {
      #expect(!text.contains("  curl "))
      #expect(text.contains("nothing to try"))
    }
  }

  @Test func `names the metrics where there are any`() throws {
    #expect(try banner().contains("Metrics: curl http://127.0.0.1:9901/metrics"))
    #expect(try !banner(admin: "none").contains("Metrics"))
  }
}
