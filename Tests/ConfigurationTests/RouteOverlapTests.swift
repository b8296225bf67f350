// Why this file exists: a route that no request reaches is mostly a route that somebody thinks is
// guarding something.
import Testing

@testable import Configuration

/// The matches of some routes; what is warned of, by the lines 1, 2, 3…
private func warnings(_ matches: String...) -> [String] {
  let text = """
    listeners: [{address: 127.0.0.1:8080}]
    services: {a: {backends: []}}
    routes:

    """ + matches.map { "  - {match: {\($0)}, service: a}\n" }.joined()
  return load(text).diagnostics.map { diagnostic in
    if diagnostic.severity == .error { return "\(diagnostic.line - 3) is wrong" }
    let word = diagnostic.message.contains("no request gets here") ? "shadowed" : "ambiguous"
    let other = diagnostic.message.firstMatch(of: /line (\d+)/).flatMap { Int($0.1) } ?? 0
    return "\(diagnostic.line - 3) \(word) by \(other - 3)"
  }
}

@Suite struct RouteOverlapTests {
  @Test func `the same conditions twice`() {
    #expect(warnings("path: /a", "path: /a") == ["2 shadowed by 1"])
    #expect(
      warnings("path: /a, host: X.org", "path: /a, host: x.ORG") == ["2 shadowed by 1"])
    #expect(
      warnings(
        "path: /a, methods: [GET, PUT], headers: {A: x}",
        "path: /a, methods: [PUT, GET], headers: {a: x}") == ["2 shadowed by 1"])
    #expect(
      warnings("path: /a", "path: /a/*", "path: /a, host: x.org", "path: /b").isEmpty)
  }

  @Test func `wider conditions that come first and are as many`() {
    #expect(
      warnings("path: /, headers: {A: \"*\"}", "path: /, headers: {A: x}") == ["2 shadowed by 1"])
    #expect(
      warnings("path: /, methods: [GET, PUT]", "path: /, methods: [GET]") == ["2 shadowed by 1"])
    #expect(
      warnings(
        "path: /, headers: {A: \"*\", B: x}, query: {q: \"*\"}",
        "path: /, headers: {A: y, B: x}, query: {q: z}") == ["2 shadowed by 1"])
    // The wider one comes second: each has its requests, but some meet both.
    #expect(
      warnings("path: /, headers: {A: x}", "path: /, headers: {A: \"*\"}") == ["2 ambiguous by 1"])
  }

  @Test func `more conditions are asked first, whatever the order`() {
    #expect(
      warnings("path: /", "path: /, headers: {A: x}", "path: /, methods: [GET], query: {q: x}")
        .isEmpty)
  }

  @Test func `conditions that exclude each other`() {
    #expect(
      warnings(
        "path: /, headers: {A: x}", "path: /, headers: {A: y}", "path: /, headers: {a: z}").isEmpty)
    #expect(warnings("path: /, methods: [GET]", "path: /, methods: [PUT]").isEmpty)
  }

  @Test func `conditions that a request may meet both`() {
    #expect(
      warnings("path: /, headers: {A: x}", "path: /, headers: {B: x}") == ["2 ambiguous by 1"])
    #expect(
      warnings("path: /, headers: {A: x}", "path: /, query: {A: x}") == ["2 ambiguous by 1"])
    #expect(
      warnings("path: /, methods: [GET, PUT]", "path: /, methods: [PUT, POST]")
        == ["2 ambiguous by 1"])
  }

  @Test(arguments: [
    "pathh: /b, path: /a", "path: /a, methods: [GE]", "path: /a, headers: {A: [x]}",
    "path: /a, path: /b",
  ])
  func `a route that could not be read shadows nothing and is not shadowed`(match: String) {
    #expect(warnings("path: /a", match) == ["2 is wrong"])
    #expect(warnings(match, "path: /a") == ["1 is wrong"])
  }

  @Test func `ten thousand routes on one path are compared within bounds`() {
    let text = """
      listeners: [{address: 127.0.0.1:8080}]
      services: {a: {backends: []}}
      routes:

      """
      + (0..<10_000).map { "  - {match: {path: /, headers: {T: t\($0)}}, service: a}\n" }.joined()
      + "  - {match: {path: /, headers: {T: t77}}, service: a}\n"
    let result = load(text)
    #expect(result.diagnostics.map(\.code) == [.unreachableRoute])
    #expect(result.diagnostics[0].message.contains("the route in line 81 takes"))
  }
}
