// Why this file exists: values from outside come in after the YAML has been read, and what they are
// never gets out.
import Configuration
import HTTPSemantics
import Primitives
import Testing

@Suite struct ExpansionTests {
  private func token(
    _ text: String, _ environment: ConfigurationEnvironment
  ) throws -> String? {
    try configuration(minimal("admin:\n  token: \(text)"), environment).admin?.token?.text
  }

  @Test(arguments: [
    ("\"${A}\"", "one"), ("'${A}'", "one"), ("${A}", "one"), ("x${A}y${B}", "xoneytwo"),
    ("\"${NO:-three}\"", "three"), ("\"${EMPTY:-three}\"", "three"), ("\"a${NO:-}b\"", "ab"),
    ("\"${A:-three}\"", "one"), ("\"${NO:-a:-b {c}\"", "a:-b {c"), ("\"$${A}\"", "${A}"),
    ("\"$$$$\"", "$$"), ("\"$$${A}\"", "$one"), ("\"${file:/run/secret}\"", "s3cret"),
    ("\"${file:/crlf}\"", "s3cret"), ("\"<${file:/run/secret}>\"", "<s3cret>"),
    ("\"${DOLLAR}\"", "a$b${A}"), ("\"${NO:-d$$e}\"", "d$e"), ("\"${NO:-d$e$}\"", "d$e$"),
    ("\"${NO:-$$$$}\"", "$$"), ("\"${NO:-$${A}\"", "${A"), ("\"${file:/cash$$}\"", "cash"),
  ])
  func `expansions take the place of what is written`(text: String, expected: String) throws {
    let outside = environment(
      ["A": "one", "B": "two", "EMPTY": "", "DOLLAR": "a$b${A}"],
      files: ["/run/secret": "s3cret\n", "/crlf": "s3cret\r\n", "/cash$": "cash"])
    #expect(try token(text, outside) == expected)
  }

  @Test func `only the last line end of a file is taken off`() throws {
    let two = environment(files: ["/f": "a\n\n"])
    #expect(load(minimal("admin: {token: \"${file:/f}\"}"), two).isValid == false)
  }

  @Test func `every scalar may be expanded`() throws {
    let text = """
      listeners: [{address: "${HOST}:${PORT}"}]
      workers: ${WORKERS}
      timeouts: {head: "${HEAD:-7}s"}
      http: {encoded_slash: "${SLASH}"}
      services: {a: {backends: ["${BACKEND}"]}}
      routes: [{match: {path: "${PATH}"}, service: "${SERVICE}"}]
      """
    let gateway = try configuration(
      text,
      environment([
        "HOST": "127.0.0.1", "PORT": "80", "WORKERS": "3", "SLASH": "keep", "PATH": "/p/*",
        "BACKEND": "unix:/b", "SERVICE": "a",
      ]))
    #expect(gateway.listeners[0].address.text == "127.0.0.1:80")
    #expect(gateway.workers == .exactly(3))
    #expect(gateway.timeouts.head == .seconds(7))
    #expect(gateway.http.encodedSlash == .keep)
    #expect(gateway.services[0].backends[0].label == "unix:/b")
    #expect(gateway.routes[0].match.path == "/p/*")
  }

  @Test func `an expansion never becomes YAML`() throws {
    let outside = environment(["A": "x, address: 9.9.9.9:9 # \"\n- "])
    #expect(try token("\"${A}z\"", environment(["A": "x, b: {c} # "])) == "x, b: {c} # z")
    #expect(load(minimal("admin: {token: \"${A}\"}"), outside).isValid == false)
  }

  @Test(arguments: [
    (
      "${NO}", "2:10", "^~~~~",
      "the environment variable 'NO' is not set; set it, or write ${NO:-default}"
    ),
    (
      "\"a${NO}\"", "2:12", "^~~~~",
      "the environment variable 'NO' is not set; set it, or write ${NO:-default}"
    ),
    (
      "\"a${A\"", "2:12", "^~~",
      "'${' is not closed; write '${NAME}', or '$$' for a dollar"
    ),
    (
      "\"a$b\"", "2:12", "^",
      "a '$' begins an expansion; write '$$' for a dollar, or '${NAME}'"
    ),
    (
      "\"a$\"", "2:12", "^",
      "a '$' begins an expansion; write '$$' for a dollar, or '${NAME}'"
    ),
    (
      "\"${}\"", "2:11", "^~~",
      "'${}' is not an expansion; write ${NAME}, ${NAME:-default} or ${file:/path}"
    ),
    (
      "\"${1A}\"", "2:11", "^~~~~",
      "'${1A}' is not an expansion; write ${NAME}, ${NAME:-default} or ${file:/path}"
    ),
    (
      "\"${A-x}\"", "2:11", "^~~~~~",
      "'${A-x}' is not an expansion; write ${NAME}, ${NAME:-default} or ${file:/path}"
    ),
    (
      "\"${A:x}\"", "2:11", "^~~~~~",
      "'${A:x}' is not an expansion; write ${NAME}, ${NAME:-default} or ${file:/path}"
    ),
    (
      "\"${A:-${B}}\"", "2:11", "^~~~~~~~~~",
      "an expansion stands inside another; set one variable to the value"
    ),
    (
      "\"${file:run/x}\"", "2:11", "^~~~~~~~~~~~~",
      "'run/x' is not an absolute path; write ${file:/path}"
    ),
    (
      "\"${file:/no}\"", "2:11", "^~~~~~~~~~~",
      "the file '/no' cannot be read: No such file or directory"
    ),
    (
      "\"${file:/binary}\"", "2:11", "^~~~~~~~~~~~~~~",
      "the file '/binary' does not hold valid UTF-8"
    ),
  ])
  func `an expansion that is not right is explained at its place`(
    text: String, place: String, mark: String, expected: String
  ) {
    var outside = environment(["A": "a"])
    let files = outside.file
    outside.file = { $0 == "/binary" ? .success([0xFF]) : files($0) }
    let printed = printed(minimal("admin:\n  token: \(text)"), outside)
    #expect(printed.hasPrefix("g.yaml:\(place): error: admin.token: \(expected)\n"), "\(printed)")
    #expect(printed.hasSuffix(" \(mark)\n"), "\(printed)")
  }

  @Test func `several expansions of one value are all told`() {
    let result = load(minimal("admin: {token: \"${NO}${NEITHER}\"}"))
    #expect(result.diagnostics.map(\.column) == [17, 22])
  }

  // MARK: Secrets

  @Test func `what comes from outside is never shown`() {
    let secret = "hunter2"
    let text = """
      listeners: [{address: "${S}"}, {address: "${S}:x"}]
      admin: {address: "${S}"}
      workers: ${S}
      http: {encoded_slash: "${S}"}
      limits: {connections: "${S}", head_size: "${S}", min_rate: "${S}"}
      timeouts: {head: "${S}"}
      trusted_proxies: ["${S}"]
      logging: {access: {output: "${S}", sample: "${S}"}}
      services:
        a:
          backends: ["${S}", {address: "${S}"}]
          host: "${S} "
          retries: {budget_floor: "${S}", when: ["${S}"]}
      routes:
        - {match: {path: "${S}"}, service: "${S}", upgrades: ["${S} "], name: "${S}"}
        - {match: "${S}", service: a, name: "${S}"}
        - {match: {path: /x}, service: a, upgrades: "${S}"}
      """
    let result = load(text, environment(["S": secret]))
    #expect(result.diagnostics.count >= 20)
    for diagnostic in result.diagnostics {
      #expect("\(diagnostic)".contains(secret) == false, "\(diagnostic)")
    }
    #expect(DiagnosticRenderer.text(result, isColoured: true).contains(secret) == false)
    #expect(DiagnosticRenderer.json([result]).contains(secret) == false)
  }

  @Test func `a secret that suggests what to write is not given away by it`() {
    let printed = printed(
      minimal("timeouts: {head: \"${S}\"}"), environment(["S": "1234567"]))
    #expect(printed.hasPrefix("g.yaml:1:18: error: timeouts.head: '${S}' has no unit\n"))
    #expect(printed.contains("1234567") == false)
  }

  @Test func `a token in the file is hidden where its line is shown`() {
    let printed = printed(minimal("admin: {token: hunter2, adress: 1.1.1.1:1}"))
    #expect(printed.contains("hunter2") == false)
    #expect(printed.contains("    1 | admin: {token: *******, adress: 1.1.1.1:1}\n"))
  }

  @Test func `the typed document remembers what is secret and where values come from`() throws {
    let text = minimal("admin: {token: abc}\nworkers: \"${W}\"\nlimits: {connections: 5}")
    let values = try #require(load(text, environment(["W": "2"])).values)
    let workers = try #require(values.field("workers"))
    #expect(workers.isSecret && workers.origin == .expansion && workers.shown == "${W}")
    let token = try #require(values.field("admin")?.field("token"))
    #expect(token.isSecret && token.origin == .file && token.shown == "(redacted)")
    let connections = try #require(values.field("limits")?.field("connections"))
    #expect(!connections.isSecret && connections.origin == .file)
    let size = try #require(values.field("limits")?.field("head_size"))
    #expect(!size.isSecret && size.origin == .byDefault && size.shown == "32KiB")
  }

  // MARK: Templates

  private func edits(
    _ value: String, _ environment: ConfigurationEnvironment
  ) -> ConfigurationResult {
    let edits = "request_headers: {set: {X-A: \"\(value)\"}}"
    return load(minimal().replacing("service: a}", with: "service: a, \(edits)}"), environment)
  }

  @Test(arguments: [
    "{client_ip}", "{", "{{", "{{}", "a}b", "{nobody}", "\u{600}{client_ip}", "{\u{301}",
  ])
  func `what an expansion brings is no template`(secret: String) throws {
    let outside = environment(["S": secret], files: ["/s": secret + "\n"])
    let result = edits("${S} {method}{{${file:/s}", outside)
    let value = try #require(result.configuration).routes[0].requestHeaders.set[0].value
    let template = try FieldTemplate.parse(value).get()
    #expect(
      template.pieces == [
        .literal(Array("\(secret) ".utf8)), .variable(.method), .literal(Array("{\(secret)".utf8)),
      ])
  }

  @Test func `the text that stands in for a variable is no template either`() throws {
    let result = edits("${NO:-{host}}", environment())
    let value = try #require(result.configuration).routes[0].requestHeaders.set[0].value
    #expect(try FieldTemplate.parse(value).get().pieces == [.literal(Array("{host}".utf8))])
  }

  @Test func `a brace that an expansion brings is as long as it is`() {
    let braces = String(repeating: "{", count: 1_024)
    #expect(edits("${S}", environment(["S": braces])).diagnostics.isEmpty)
    #expect(
      edits("${S}", environment(["S": braces + "{"])).diagnostics.map(\.message) == [
        "request_headers.set: '${S}' is too long"
      ])
  }

  // MARK: Missing files

  @Test func `a missing file is an error at start and a warning in a check`() {
    let text = minimal("admin: {token: \"${file:/no}\"}")
    #expect(load(text).isValid == false)
    let check = load(text, environment(warns: true))
    #expect(check.isValid)
    #expect(check.diagnostics.map(\.severity) == [.warning])
    #expect(check.configuration?.admin?.token == nil)
  }

  @Test func `a check without a value that must be there is valid but incomplete`() {
    let text = """
      listeners: [{address: 127.0.0.1:8080}]
      services: {a: {backends: [{address: "${file:/no}"}]}}
      routes: [{match: {path: "${file:/no}"}, service: "${file:/no}"}]
      """
    let check = load(text, environment(warns: true))
    #expect(check.isValid)
    #expect(check.configuration == nil)
  }

  // MARK: Bounds

  @Test func `a value may not grow above a mebibyte`() {
    let large = String(repeating: "a", count: 600_000)
    let result = load(minimal("admin: {token: \"${A}${A}\"}"), environment(["A": large]))
    #expect(
      result.diagnostics.map(\.message) == ["admin.token: the value becomes larger than 1 MiB"])
  }

  @Test func `a value may not be written larger than a mebibyte`() {
    let large = String(repeating: "1", count: (1 << 20) + 1)
    let result = load(minimal("workers: \(large)"))
    #expect(result.diagnostics.map(\.message) == ["workers: the value is larger than 1 MiB"])
  }

  @Test func `all values together may not grow above sixteen mebibytes`() {
    let large = String(repeating: "a", count: 1_000_000)
    let proxies = Array(repeating: "\"${A}\"", count: 20).joined(separator: ", ")
    let result = load(minimal("trusted_proxies: [\(proxies)]"), environment(["A": large]))
    let tooLarge = result.diagnostics.filter { $0.code == .tooLarge }
    #expect(tooLarge.count == 4)
  }

  @Test func `one run reads one file once`() throws {
    var reads = 0
    let outside = ConfigurationEnvironment(
      variable: { _ in nil },
      file: { _ in
        reads += 1
        return .success(Array("10.0.0.\(reads)".utf8))
      })
    let text = minimal("trusted_proxies: [\"${file:/f}\", \"${file:/f}\"]")
    let proxies = try configuration(text, outside).trustedProxies
    #expect(proxies.map(\.description) == ["10.0.0.1/32", "10.0.0.1/32"])
  }

  @Test func `the process's own environment and files are read`() throws {
    let outside = ConfigurationEnvironment.process(missingFileIsWarning: false)
    #expect(outside.variable("PATH") != nil)
    #expect(outside.variable("GATEWAY_NO_SUCH_VARIABLE") == nil)
    #expect(try outside.file("/dev/null").get() == [])
    #expect(outside.file("/nonexistent") == .failure(.system(2)))
    #expect(outside.file("/dev/zero") == .failure(.tooLarge(limit: 1 << 20)))
  }
}
