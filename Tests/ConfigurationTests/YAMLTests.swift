// Why this file exists: YAML has more ways to surprise than any other part of this room; each of
// them is met here, and explained.
import Primitives
import Testing

@testable import Configuration

@Suite struct YAMLTests {
  /// The one complaint about a text, without the name of the file.
  private func complaint(_ text: String) -> String {
    String(printed(text).split(separator: "\n").first?.dropFirst("g.yaml:".count) ?? "none")
  }

  @Test(arguments: [
    ("a:\n\tb: 1\n", "2:1: error: a tab is used for indentation; indent with spaces"),
    ("a:\n  - x\n\t- y\n", "3:1: error: a tab is used for indentation; indent with spaces"),
    ("a: |\n\tx\n", "2:1: error: a tab is used for indentation; indent with spaces"),
    (
      "a: b: c\n",
      "1:5: error: a ':' is not allowed here; check the indentation, or put a value that holds "
        + "': ' in quotes"
    ),
    (
      "a:\n  b: 1\n c: 2\n",
      "3:2: error: this line is indented like none of those above it; align it with its siblings"
    ),
    (
      "a:\n  - 1\n - 2\n",
      "3:2: error: this line is indented like none of those above it; align it with its siblings"
    ),
    ("a: 1\nfoo\nb: 2\n", "2:1: error: this is a key without a ':'; write 'key: value'"),
    ("a: \"x\nb: 1\n", "1:4: error: the quote that opens here is not closed"),
    ("a: 'x\n", "1:4: error: the quote that opens here is not closed"),
    (
      "a: [1, 2\nb: 3\n",
      "2:2: error: the '[' of line 1 is not closed, or a comma is missing before this"
    ),
    (
      "a: {x: 1\nb: 3\n",
      "2:2: error: the '{' of line 1 is not closed, or a comma is missing before this"
    ),
    (
      "a: {x: ${B}}\n",
      "1:9: error: '{' has a meaning of its own here; put a value that holds ${…} in quotes"
    ),
    (
      "a: [::1]:8080\n",
      "1:5: error: '[', ']' and ':' have a meaning of their own here; put an IPv6 address in quotes"
    ),
    (
      "a: [10.0.0.0/8, ::1/128]\n",
      "1:17: error: '[', ']' and ':' have a meaning of their own here; put an IPv6 address in "
        + "quotes"
    ),
    ("a: @x\n", "1:4: error: a value cannot begin with '@'; put it in quotes"),
    ("a: `x\n", "1:4: error: a value cannot begin with '`'; put it in quotes"),
    ("a: %x\n", "1:4: error: a value cannot begin with '%'; put it in quotes"),
    (
      "# x\n%TAG !a! b\na: 1\n",
      "2:1: error: a line that begins with '%' is a directive, and only %YAML is allowed; put a "
        + "value that begins with '%' in quotes"
    ),
    (
      "%YAML 2.0\n---\na: 1\n",
      "1:1: error: this is not valid YAML: found incompatible YAML document"
    ),
    (
      "a: \"\\q\"\n",
      "1:5: error: this escape does not exist in a double-quoted text; write \\\\ for a backslash, "
        + "or use single quotes"
    ),
    (
      "a: - b\n",
      "1:4: error: a list cannot begin on the line of its key; begin it on the next line, or write "
        + "[a, b]"
    ),
    (
      "- a\nb: 1\n",
      "2:1: error: this stands among the entries of the list of line 1 but is none; begin it with "
        + "'- ', or indent it under the entry it belongs to"
    ),
    (
      "a: 'it's'\n",
      "1:8: error: text follows the end of a value; put the whole value in one pair of quotes"
    ),
    (
      "a: ]\n",
      "1:4: error: a value is missing before this; put a value that holds [ ] { } or , in quotes"
    ),
    ("{a: 1}}\n", "1:7: error: text follows the end of the document"),
    (
      "a: *\n",
      "1:4: error: '*' and '&' begin an alias or an anchor; put the value in quotes"
    ),
    (
      "a: *x\n",
      "1:4: error: there is no anchor '&x' above this; put a value that begins with '*' in quotes"
    ),
    ("a: &x [*x]\n", "1:8: error: the alias '*x' stands inside its own anchor"),
    (
      "a: !h!x y\n",
      "1:4: error: tags are not used: the schema says what a value is; put the value in quotes"
    ),
    (
      "a: 1\n---\nb: 2\n",
      "2:1: error: a second document begins here; a configuration file holds one"
    ),
    (
      "a: 1\n...\n---\n",
      "3:1: error: a second document begins here; a configuration file holds one"
    ),
    ("", " error: the file holds no configuration"),
    ("# nothing\n", " error: the file holds no configuration"),
    ("---\n", " error: the file holds no configuration"),
    ("hello\n", "1:1: error: the file must be a mapping of keys, not 'hello'; its keys are"),
    ("- a\n", "1:1: error: the file must be a mapping of keys; its keys are"),
  ])
  func `what YAML does not allow is explained`(text: String, expected: String) {
    let complaint = complaint(text)
    #expect(complaint.hasPrefix(expected), "\(complaint)")
  }

  @Test(arguments: [
    ("<<: {workers: 2}", "1:1: error: merge keys ('<<') are not supported"),
    ("? [a]\n: b", "1:3: error: a key must be a plain word"),
    ("{a: b}: c", "1:1: error: a key must be a plain word"),
    ("'': c", "1:1: error: a key must not be empty"),
    ("workers: !!int 3", "1:10: error: tags are not used: the schema says what a value is"),
    ("workers: 3\nworkers: 4", "2:1: error: duplicate key 'workers'; it is first given in line 1"),
  ])
  func `what only this gateway refuses does not hide the rest`(text: String, expected: String) {
    let result = load(minimal(text + "\nlimits: {x: 1}"))
    let printed = DiagnosticRenderer.text(result, isColoured: false)
    #expect(printed.hasPrefix("g.yaml:" + expected), "\(printed)")
    #expect(result.diagnostics.contains { $0.path == "limits.x" })
  }

  @Test func `a duplicate key is found at every level, with the first one's line`() {
    let text = """
      listeners: [{address: 127.0.0.1:80, address: 127.0.0.1:81}]
      services:
        a: {backends: []}
        b: {backends: []}
        a: {backends: []}
      routes:
        - match: {path: /a, path: /b}
          service: a
          "service": b
      """
    #expect(
      load(text).diagnostics.filter { $0.code == .duplicateKey }.map { "\($0.line) \($0.message)" }
        == [
          "1 duplicate key 'address'; it is first given in line 1",
          "5 duplicate key 'a'; it is first given in line 3",
          "7 duplicate key 'path'; it is first given in line 7",
          "9 duplicate key 'service'; it is first given in line 8",
        ])
  }

  @Test func `anchors and aliases stand for what they name`() throws {
    let text = """
      listeners: [{address: 127.0.0.1:80}]
      services:
        a: &pool
          backends: &backends [127.0.0.1:9001, 127.0.0.1:9002]
          timeouts: {connect: &wait 3s}
        b: *pool
        c: {backends: *backends, timeouts: {idle: *wait}}
      routes:
        - {match: {path: /a}, service: a}
        - {match: {path: /b}, service: b}
        - {match: {path: /c}, service: c}
      """
    let services = try configuration(text).services
    #expect(services[1].backends == services[0].backends)
    #expect(services[1].timeouts.connect.nanoseconds == 3_000_000_000)
    #expect(services[2].timeouts.idle.nanoseconds == 3_000_000_000)
    #expect(services[2].backends.count == 2)
  }

  @Test func `every style of a scalar is the same value`() throws {
    for written in ["abc", "'abc'", "\"abc\"", "\"a\\x62c\"", ">-\n    abc", "|-\n    abc"] {
      let gateway = try configuration(minimal("admin:\n  token: \(written)"))
      #expect(gateway.admin?.token?.text == "abc", "\(written)")
    }
  }

  @Test func `a document may say that it is YAML`() throws {
    #expect(try configuration("%YAML 1.2\n---\n" + minimal("workers: 2")).workers == .exactly(2))
  }

  @Test func `JSON is YAML`() throws {
    let text = """
      {"listeners": [{"address": "127.0.0.1:80"}], "workers": 3, "limits": {"body_size": "1MiB"},
       "services": {"a": {"backends": ["127.0.0.1:1"]}},
       "routes": [{"match": {"path": "/*"}, "service": "a"}]}
      """
    #expect(try configuration(text).workers == .exactly(3))
  }

  @Test func `line ends of every kind and a byte order mark keep the places right`() {
    for end in ["\n", "\r\n", "\r"] {
      let text = "\u{FEFF}" + ["workers: 2", "", "limits: {x: 1}"].joined(separator: end)
      let diagnostic = load(text).diagnostics.first { $0.code == .unknownKey }
      #expect(diagnostic?.line == 3 && diagnostic?.column == 10)
      #expect(diagnostic?.excerpt == "limits: {x: 1}")
    }
    #expect(load("\u{FEFF}x: 1").diagnostics.first?.excerpt == "x: 1")
  }

  @Test func `columns count characters, not bytes`() {
    let result = load("{\"日本語 é\": 1, listeners: {}}")
    let diagnostic = result.diagnostics.first { $0.code == .wrongShape }
    #expect(diagnostic?.column == 25)
  }

  // MARK: Encoding

  @Test(arguments: [
    ([0xFF, 0xFE, 0x61, 0x00], "1:1: error: the file is UTF-16; save it as UTF-8"),
    ([0xFE, 0xFF, 0x00, 0x61], "1:1: error: the file is UTF-16; save it as UTF-8"),
    (
      [0x61, 0x0A, 0x62, 0xFF],
      "2:2: error: byte 0xFF does not belong to valid UTF-8; save the file as UTF-8"
    ),
    ([0xC3], "1:1: error: byte 0xC3 does not belong to valid UTF-8; save the file as UTF-8"),
    ([0xC0, 0xAF], "1:1: error: byte 0xC0 does not belong to valid UTF-8; save the file as UTF-8"),
    (
      [0xE0, 0x80, 0x80],
      "1:1: error: byte 0xE0 does not belong to valid UTF-8; save the file as UTF-8"
    ),
    (
      [0xED, 0xA0, 0x80],
      "1:1: error: byte 0xED does not belong to valid UTF-8; save the file as UTF-8"
    ),
    (
      [0xF4, 0x90, 0x80, 0x80],
      "1:1: error: byte 0xF4 does not belong to valid UTF-8; save the file as UTF-8"
    ),
    ([0x61, 0x00], "1:2: error: control character U+0000 is not allowed"),
    ([0x61, 0x1B], "1:2: error: control character U+001B is not allowed"),
    ([0x61, 0x7F], "1:2: error: control character U+007F is not allowed"),
    ([0xC2, 0x85], "1:1: error: control character U+0085 is not allowed"),
    ([0xE2, 0x80, 0xA8], "1:1: error: the line separator U+2028 is not allowed"),
    (
      [0x61, 0xEF, 0xBB, 0xBF],
      "1:2: error: a byte order mark is allowed only at the beginning of the file"
    ),
    ([0xEF, 0xBF, 0xBF], "1:1: error: U+FFFF is not a character"),
  ] as [([UInt8], String)])
  func `bytes that are no text are told by their place`(bytes: [UInt8], expected: String) {
    let result = ConfigurationLoader.load(bytes, fileName: "g.yaml", environment: environment())
    let printed = DiagnosticRenderer.text(result, isColoured: false)
    #expect(printed.hasPrefix("g.yaml:" + expected), "\(printed)")
    #expect(result.diagnostics.count == 1)
  }

  @Test func `the judgement of bytes agrees with the standard library`() {
    // Every sequence of two bytes, and every third byte behind the interesting leads.
    for first in 0...255 as ClosedRange<UInt8> {
      for second in 0...255 as ClosedRange<UInt8> {
        let bytes = [0x61, first, second, 0x80, 0x80]
        let isText = String(validating: bytes, as: UTF8.self) != nil
        let problem = SourceText(bytes).firstProblem()
        let isRefused = problem?.message.contains("UTF-8") == true
        // What is text may still be refused, and then something else may come first.
        let agrees = isText ? !isRefused : problem != nil
        if !agrees { Issue.record("\(bytes): \(problem as Any)") }
      }
    }
  }
}
