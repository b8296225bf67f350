// Why this file exists: complaints go to terminals, logs and programs; how they look is a contract.
import Testing

@testable import Configuration

@Suite struct RendererTests {
  private func diagnostic(
    _ excerpt: String?, column: Int = 5, endColumn: Int = 10, line: Int = 12
  ) -> Diagnostic {
    Diagnostic(
      file: "config/gateway.yaml", line: line, column: column, endColumn: endColumn,
      severity: .error, code: .unknownKey, path: "routes[0].match.pathh",
      message: "unknown key 'pathh' in match", suggestion: "did you mean 'path'?",
      excerpt: excerpt)
  }

  private func text(_ diagnostic: Diagnostic) -> String {
    DiagnosticRenderer.text(diagnostic, isColoured: false)
  }

  @Test func `text looks as the contract shows it`() {
    #expect(
      text(diagnostic("    pathh: /api/*")) == """
        config/gateway.yaml:12:5: error: unknown key 'pathh' in match; did you mean 'path'?
           12 |     pathh: /api/*
              |     ^~~~~
        """)
  }

  @Test func `colour is only added when asked for`() {
    let coloured = DiagnosticRenderer.text(diagnostic("    pathh: /api/*"), isColoured: true)
    #expect(
      coloured
        == "\u{1B}[1mconfig/gateway.yaml:12:5:\u{1B}[0m \u{1B}[1;31merror:\u{1B}[0m "
        + "\u{1B}[1munknown key 'pathh' in match; did you mean 'path'?\u{1B}[0m\n"
        + "   12 |     pathh: /api/*\n      |     \u{1B}[32m^~~~~\u{1B}[0m")
  }

  @Test func `a line number of six digits moves the margin`() {
    #expect(
      text(diagnostic("    pathh: x", line: 123_456)).hasSuffix(
        "\n123456 |     pathh: x\n       |     ^~~~~"))
  }

  @Test func `what could steer a terminal is escaped, and the mark stays under it`() {
    #expect(
      text(diagnostic("\t\u{1B}[2J\u{202E}abc: x", column: 7, endColumn: 10)).hasSuffix(
        "\n   12 | \\t\\u{1b}[2J\\u{202e}abc: x\n      |                    ^~~"))
    var steering = diagnostic(nil)
    steering.file = "a\u{1B}[2J.yaml"
    #expect(text(steering).hasPrefix("a\\u{1b}[2J.yaml:12:5: error:"))
  }

  @Test(arguments: [
    ("日本語: {pathh: 1}", 7, 12, "         ^~~~~"),
    ("- path: /日本語/*", 9, 15, "        ^~~~~~~~~"),
    ("ｆｕｌｌ한: x", 8, 9, "            ^"),
    // One accent over two letters, a syllable in three parts, an emoji and a flag.
    ("e\u{301}o\u{308}: x", 7, 8, "    ^"), ("\u{1112}\u{1161}\u{11AB}: x", 6, 7, "    ^"),
    ("🚀🇯🇵: x", 6, 7, "      ^"), ("𠀀é—€: x", 7, 8, "       ^"),
    // What is escaped is as wide as its escape.
    ("日\t\u{200D}本: x", 7, 8, "\(String(repeating: " ", count: 16))^"),
  ])
  func `a mark counts the cells of a terminal`(
    line: String, column: Int, endColumn: Int, mark: String
  ) {
    let printed = text(diagnostic(line, column: column, endColumn: endColumn))
    #expect(printed.hasSuffix("\n      | " + mark), "\(printed)")
  }

  @Test func `wide characters, a byte order mark and CR LF leave a mark in its place`() {
    let printed = printed("\u{FEFF}" + minimal("'日本語': 1\r"))
    #expect(printed.hasSuffix("\n    1 | '日本語': 1\n      | ^~~~~~~~\n"), "\(printed)")
  }

  @Test func `names from the file are escaped in messages`() {
    let printed = printed(minimal("\"a\\e[2J\\nb\": 1"))
    #expect(printed.contains("unknown key 'a\\u{1b}[2J\\nb' at the top level"))
    #expect(printed.utf8.allSatisfy { $0 >= 0x20 || $0 == 0x0A })
  }

  @Test func `of a long line the part around the mark is shown`() {
    let long = String(repeating: "x", count: 500) + "HERE" + String(repeating: "y", count: 500)
    let printed = text(diagnostic(long, column: 501, endColumn: 505)).split(separator: "\n")
    #expect(printed[1] == "   12 | …" + String(repeating: "x", count: 80) + "HERE"
      + String(repeating: "y", count: 76) + "…")
    #expect(printed[2] == "      | " + String(repeating: " ", count: 81) + "^~~~")
  }

  @Test func `a mark beyond the end of its line is one character`() {
    #expect(text(diagnostic("ab", column: 3, endColumn: 3)).hasSuffix("| ab\n      |   ^"))
    #expect(text(diagnostic("", column: 9, endColumn: 12)).hasSuffix("| \n      | ^"))
  }

  @Test func `no more than a hundred are printed, and the rest is counted`() {
    let keys = (0..<130).map { "key\($0): 1" }.joined(separator: "\n")
    let printed = printed(minimal(keys + "\ntracing: {trust: trusted_proxies}"))
    #expect(printed.split(separator: "\n").filter { $0.hasPrefix("g.yaml:") }.count == 100)
    #expect(printed.hasSuffix("… and 30 more errors and 1 more warning\n"))
  }

  @Test func `no more than a thousand are kept, and the rest is counted`() {
    let keys = (0..<1_500).map { "key\($0): 1" }.joined(separator: "\n")
    let result = load(minimal(keys))
    #expect(result.diagnostics.count == 1_000)
    #expect(result.surplusErrors == 500)
    #expect(result.isValid == false)
    #expect(
      DiagnosticRenderer.text(result, isColoured: false).hasSuffix("… and 1400 more errors\n"))
  }

  @Test func `JSON has one object per complaint with the contract's keys`() {
    let result = load(minimal("timeouts: {head: 5}\n\"k\\\"\": 1"))
    #expect(
      DiagnosticRenderer.json([result]) == """
        [
          {
            "file": "g.yaml",
            "line": 1,
            "column": 18,
            "end_column": 19,
            "severity": "error",
            "code": "no_unit",
            "path": "timeouts.head",
            "message": "timeouts.head: '5' has no unit",
            "suggestion": "write 5s or 5ms"
          },
          {
            "file": "g.yaml",
            "line": 2,
            "column": 1,
            "end_column": 6,
            "severity": "error",
            "code": "unknown_key",
            "path": "k\\"",
            "message": "unknown key 'k\\"' at the top level",
            "suggestion": "the keys here are listeners, admin, workers, http, limits, timeouts, \
        trusted_proxies, logging, tracing, shutdown, services, rate_limits, routes"
          }
        ]

        """)
  }

  @Test func `JSON of nothing is an empty array`() {
    #expect(DiagnosticRenderer.json([load(minimal())]) == "[]\n")
    #expect(DiagnosticRenderer.text(load(minimal()), isColoured: true) == "")
  }

  @Test func `JSON escapes what it must`() {
    #expect(
      JSONValue.string("a\"\\\n\r\t\u{1}\u{7F}é😀").text
        == "\"a\\\"\\\\\\n\\r\\t\\u0001\\u007fé😀\"")
    #expect(JSONValue.array([.null, .boolean(true), .integer(-1)]).text == "[null, true, -1]")
    #expect(JSONValue.array([]).text == "[]")
  }

  // MARK: Nearest names

  @Test(arguments: [
    ("pathh", "path"), ("conect", "connect"), ("tiemouts", "timeouts"), ("Retries", "retries"),
    ("max_", "max"), ("ide", "idle"), ("round-robin", "round_robin"), ("xyz", nil), ("", nil),
    ("no", nil), ("cnct", nil),
  ] as [(String, String?)])
  func `the nearest name takes at most two changes`(name: String, expected: String?) {
    let names = ["path", "connect", "timeouts", "retries", "max", "idle", "round_robin", "none"]
    #expect(NearestName.of(name, among: names) == expected)
  }

  @Test func `a very long name is near to none`() {
    let long = String(repeating: "a", count: 100_000)
    #expect(NearestName.of(long, among: ["path"]) == nil)
    #expect(printed(minimal("? \(long)\n: 1")).utf8.count < 1_000)
  }

  @Test(arguments: [
    (minimal("foo: 1"), "g.yaml:1:1: error: unknown key 'foo' at the top level; the keys here are"),
    (minimal("workers: 0\nfoo: 1\ntracing: {sample: 5%}"), " (and 1 more error)"),
    (minimal("workers: 0\nfoo: 1\nbar: 1"), " (and 2 more errors)"),
  ])
  func `in one line stands the first error, and how many more there are`(
    text: String, part: String
  ) throws {
    let line = try #require(DiagnosticRenderer.line(load(text)))
    #expect(line.contains(part) && !line.contains("\n"), "\(line)")
  }

  @Test func `a warning alone is nothing to say in one line`() {
    #expect(DiagnosticRenderer.line(load(minimal("tracing: {sample: 5%}"))) == nil)
  }
}
