// Why this file exists: the table, the JSON Schema, the reference and the samples say the same
// thing, or one of these tests fails.
import Glibc
import Testing

@testable import Configuration

@Suite struct SchemaTests {
  private static let hint =
    "is not what the schema table makes; run GATEWAY_REGENERATE=1 swift test --filter SchemaTests"

  /// Compares a generated file; with GATEWAY_REGENERATE=1 writes it.
  private func expectFresh(_ path: String, _ text: String) throws {
    if getenv("GATEWAY_REGENERATE") != nil {
      let file = try #require(fopen(projectPath(path), "w"))
      fputs(text, file)
      fclose(file)
    }
    #expect(try projectText(path) == text, "\(path) \(Self.hint)")
  }

  @Test func `the committed JSON Schema is fresh`() throws {
    try expectFresh("config/gateway.schema.json", JSONSchemaWriter.text)
  }

  @Test func `the committed reference is fresh`() throws {
    try expectFresh("docs/configuration.md", ConfigurationReference.markdown())
  }

  @Test func `every key of the table is in the reference`() {
    let text = ConfigurationReference.markdown()
    for row in Schema.gateway.rows where !row.key.isEmpty {
      let path = ConfigurationReference.written(row.path)
      #expect(text.contains("`\(path)`"), "\(row.path)")
      for word in row.words {
        #expect(text.contains("`\(word.text)`") || text.contains(": \(word.text)`"), "\(word.text)")
      }
    }
  }

  @Test func `every key of the table is in the JSON Schema with its meaning`() {
    let text = JSONSchemaWriter.text
    for row in Schema.gateway.rows {
      #expect(text.contains(JSONValue.string(row.doc).text), "\(row.path)")
      if !row.key.isEmpty { #expect(text.contains("\"\(row.key)\": {"), "\(row.path)") }
    }
  }

  @Test func `the JSON Schema refuses no value that is good, and few that are not`() throws {
    let values = ["0", "0.5", "1", "1.25", "99.9999", "100", "100.0", "101", "1000"]
      .map { $0 + "%" } + ["0s", "10s", "5m", "0B", "0B/s", "20KiB", "256B/s"]
    func takes(_ row: SchemaRow, _ value: String) throws -> Bool {
      let text = JSONSchemaWriter.text(of: Schema([row]), title: "")
      let line = try #require(
        text.split(separator: "\n").first { $0.contains("\"pattern\": \"^") }, "\(row.path)")
      let quoted = try #require(line.firstMatch(of: /"pattern": "(.*)"/)).1
      let pattern = String(quoted.replacing("\\\\", with: "\\"))
      return value.contains(try Regex(pattern))
    }
    var refused: Set<String> = []
    for row in Schema.gateway.rows {
      switch row.kind {
      case .duration, .size, .byteRate, .share: break
      default: continue
      }
      let bare = SchemaRow("x", row.kind, .required, "A value.")
      for value in values {
        let isGood = (try? ScalarReader.read(value, as: bare)) != nil
        let isTaken = try takes(bare, value)
        #expect(isTaken || !isGood, "\(row.path): \(value)")
        if !isTaken { refused.insert("\(row.path): \(value)") }
      }
    }
    for value in [
      "timeouts.head: 0s", "tracing.sample: 101%", "limits.min_rate: 0B/s", "limits.head_size: 0B",
      "services.*.circuit_breaker.failure_rate: 0.5%", "routes[].service.*: 1000%",
    ] {
      #expect(refused.contains(value), "\(value)")
    }
  }

  @Test func `every row has a meaning that ends in a full stop`() {
    for row in Schema.gateway.rows {
      #expect(row.doc.hasSuffix("."), "\(row.path)")
      for word in row.words { #expect(!word.doc.hasSuffix("."), "\(row.path): \(word.text)") }
    }
  }

  @Test func `every default and every example is valid for its row`() throws {
    for row in Schema.gateway.rows {
      var texts: [String] = []
      if case .byDefault(let text) = row.presence { texts.append(text) }
      if let example = row.example, !example.contains("${") { texts.append(example) }
      for text in texts { _ = try ScalarReader.read(text, as: row) }
      if case .inherited(let path) = row.presence {
        #expect(Schema.gateway.rows.contains { $0.path == path }, "\(row.path)")
      }
    }
  }

  // MARK: Samples

  @Test func `the sample says what the defaults are, and takes every key`() throws {
    let sample = try projectText("config/gateway.yaml")
    let plain = try configuration(sample)
    #expect(plain.listeners.map(\.address.text) == ["0.0.0.0:8080"])
    #expect(plain.admin?.address.text == "127.0.0.1:9901")
    #expect(
      plain.services[0].backends.map(\.label)
        == ["127.0.0.1:9001", "127.0.0.1:9002", "127.0.0.1:9003"])
    let lines = sample.split(separator: "\n", omittingEmptySubsequences: false)
    let text = lines.map(uncommented).joined(separator: "\n")
    #expect(try configuration(text) == plain, "a default in the sample is not the default")
    let values = try #require(load(text).values)
    for row in Schema.gateway.rows where row.presence != .required && !row.key.isEmpty {
      // What the sample has in words only: some timeouts of a route, settings of some balancers.
      let words =
        ["connect", "response", "idle"].map { "routes[].timeouts.\($0)" }
        + ["key", "max_load"].map { "services.*.balancer.\($0)" }
      if words.contains(row.path) { continue }
      #expect(origin(of: row.path, in: values) == .file, "\(row.path) is not in the sample")
    }
  }

  /// `  #key: value` becomes `  key: value`; prose, which begins with `# `, stays.
  private func uncommented(_ line: Substring) -> String {
    let indentation = line.prefix { $0 == " " }
    let rest = line.dropFirst(indentation.count)
    guard rest.first == "#", let next = rest.dropFirst().first, next != " " else {
      return String(line)
    }
    return String(indentation + rest.dropFirst())
  }

  /// Of several entries of a list, that of any which is written.
  private func origin(
    of path: String, in root: ConfigurationValue
  ) -> ConfigurationValue.Origin? {
    var values = [root]
    for step in path.split(separator: ".") {
      values = values.flatMap { value in
        if step == "*" { return value.named.prefix(1).map(\.value) }
        if step.hasSuffix("[]") { return value.field(String(step.dropLast(2)))?.elements ?? [] }
        return value.field(String(step)).map { [$0] } ?? []
      }
    }
    return values.contains { $0.origin == .file } ? .file : values.first?.origin
  }

  @Test(arguments: ["minimal", "api-and-site", "resilient", "websocket", "unix-socket"])
  func `every example is valid without a warning`(name: String) throws {
    let text = try projectText("config/examples/\(name).yaml")
    let outside = environment(files: ["/run/secrets/admin_token": "abc\n"])
    #expect(printed(text, outside) == "")
    #expect(load(text, outside).configuration != nil)
  }

  // MARK: Adding a key

  /// What one more row brings, without any other change.
  @Test func `a new row is decoded, documented and in the JSON Schema`() throws {
    let schema = Schema([
      SchemaRow("a", .mapping, .children, "A part."),
      SchemaRow("a.flag", .boolean, .byDefault("true"), "A switch."),
      SchemaRow("a.limit", .rate(1...100), .byDefault("10/s"), words: ["none"], "A limit."),
      SchemaRow("a.names", .list(0...2), .listByDefault(["x"]), "Some names."),
      SchemaRow("a.names[]", .name(8), .required, "One."),
    ])
    func decoded(_ text: String) throws -> (ConfigurationValue, [Diagnostic]) {
      var diagnostics = DiagnosticCollector(file: "g.yaml")
      let document = try YAMLDocument.read(SourceText(Array(text.utf8)), &diagnostics)
      let node = try #require(document)
      var decoder = SchemaDecoder(schema, environment(), diagnostics)
      let decoded = decoder.document(node)
      let value = try #require(decoded)
      return (value, decoder.diagnostics.finished(source: nil, hidden: []))
    }
    let (value, none) = try decoded("a: {flag: false, limit: none}")
    #expect(none.isEmpty)
    #expect(value.field("a")?.field("flag")?.scalar == .boolean(false))
    #expect(value.field("a")?.field("limit")?.scalar == .word("none"))
    #expect(value.field("a")?.field("names")?.elements.map(\.scalar) == [.text("x")])
    let (_, wrong) = try decoded("a: {flag: on, limit: 101/s, names: [a, b, c]}")
    #expect(
      wrong.map { "\($0.message); \($0.suggestion ?? "")" } == [
        "a.flag: 'on' is a boolean in YAML 1.1 only; write true",
        "a.limit: '101/s' is out of bounds; write a count from 1 to 100",
        "a.names has 3 entries, and 2 are allowed; ",
      ])
    #expect(ConfigurationReference.tables(of: schema).contains("| `a.flag` | `true`, `false` |"))
    #expect(JSONSchemaWriter.text(of: schema, title: "").contains("\"flag\": {"))
  }
}
