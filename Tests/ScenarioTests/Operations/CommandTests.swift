// Why this file exists: the commands beside `run` answer scripts by exit code and people by text
// that says where and what.

import Testing

private let valid = """
  listeners:
    - address: 127.0.0.1:8080
  services:
    users:
      backends: [127.0.0.1:9001]
  routes:
    - match:
        path: /api/*
      service: users

  """

extension Operations {
  @Suite struct Commands {
    /// Runs `check` on these texts, each in a file of its own.
    private func check(
      _ texts: String..., arguments: [String] = [], environment: [String: String] = [:]
    ) throws -> (end: ProcessEnd, output: String, errors: String, paths: [String]) {
      let directory = makeDirectory()
      defer { removeDirectory(directory) }
      let paths = texts.indices.map { "\(directory)/\($0).yaml" }
      for (path, text) in zip(paths, texts) { writeFile(path, text) }
      let result = try runGateway(["check"] + arguments + paths, environment: environment)
      return (result.end, result.output, result.errors, paths)
    }

    @Test func `a valid file is exit code 0`() throws {
      let result = try check(valid)
      #expect(result.end == .exited(0))
      #expect(!result.output.contains("error"))
    }

    @Test func `an unknown key reads as a compiler's error does`() throws {
      let text = valid.replacing("path: /api/*", with: "pathh: /api/*")
      let result = try check(text)
      #expect(result.end == .exited(1))
      let expected = """
        \(result.paths[0]):8:7: error: unknown key 'pathh' in match; did you mean 'path'?
            8 |       pathh: /api/*
              |       ^~~~~
        """
      #expect(result.output.contains(expected), "\(result.output)")
    }

    @Test func `a number without a unit is explained`() throws {
      let result = try check(valid + "timeouts:\n  head: 5\nlimits:\n  body_size: 100\n")
      #expect(result.end == .exited(1))
      #expect(
        result.output.contains(":11:9: error: timeouts.head: '5' has no unit; write 5s or 5ms"),
        "\(result.output)")
      #expect(result.output.contains(":13:14: error: limits.body_size: '100' has no unit"))
    }

    @Test func `all errors are reported at once, in file order`() throws {
      let text = """
        listeners:
          - address: 127.0.0.1
        workers: many
        limits:
          connections: -1
          body_sise: 1MiB
        timeouts:
          head: soon
        services:
          users:
            backends: [127.0.0.1:99999]
        routes:
          - match: {path: api}
            service: userz
        """
      let result = try check(text)
      #expect(result.end == .exited(1))
      let lines = result.output.split(separator: "\n").compactMap { line -> Int? in
        guard line.contains(": error: ") else { return nil }
        return Int(line.dropFirst(result.paths[0].count + 1).prefix { $0 != ":" })
      }
      #expect(lines == [2, 3, 5, 6, 8, 11, 13, 14], "\(result.output)")
      #expect(result.output.contains("did you mean 'body_size'?"))
      #expect(result.output.contains("did you mean 'users'?"))
    }

    @Test(arguments: [
      ("workers: 012", "workers"), ("http:\n  underscore_fields: on", "underscore_fields"),
      ("workers: 1\nworkers: 2", "workers"), ("limits:\n  body_size: 22:22", "body_size"),
      ("timeouts: *b", "anchor"), ("limits:\n\tbody_size: 1MiB", "tab"),
      ("health: {}", "health"), ("circuit_breaker: none", "circuit_breaker"),
      ("plugins: {}", "plugins"),
    ])
    func `surprises of YAML and keys that are not there are errors`(text: String, about: String)
      throws
    {
      let result = try check(valid + text + "\n")
      #expect(result.end == .exited(1))
      #expect(result.output.contains(about), "\(result.output)")
      #expect(result.output.contains("\(result.paths[0]):"))
    }

    @Test func `a bomb of aliases is refused quickly`() throws {
      var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
      for level in 1..<12 {
        let inner = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
        text += "a\(level): &a\(level) [\(inner)]\n"
      }
      let result = try check(valid + text)
      #expect(result.end == .exited(1))
      #expect(result.output.utf8.count < 1_000_000)
    }

    @Test func `a file that is too large or cannot be read is exit code 2`() throws {
      let missing = try runGateway(["check", "/nowhere/gateway.yaml"])
      #expect(missing.end == .exited(2))
      #expect((missing.output + missing.errors).contains("/nowhere/gateway.yaml"))
      let directory = try runGateway(["check", "/tmp"])
      #expect(directory.end == .exited(2))
      let folder = makeDirectory()
      defer { removeDirectory(folder) }
      writeFile(folder + "/large.yaml", bytes: [UInt8](repeating: 35, count: 17 << 20))
      let large = try runGateway(["check", folder + "/large.yaml"])
      #expect(large.end == .exited(2))
      #expect((large.output + large.errors).contains("16"))
    }

    @Test func `several files are checked in one run`() throws {
      let result = try check(valid, valid + "nope: 1\n", valid + "nada: 1\n")
      #expect(result.end == .exited(1))
      #expect(result.output.contains("\(result.paths[1]):10:1: error: unknown key 'nope'"))
      #expect(result.output.contains("\(result.paths[2]):10:1: error: unknown key 'nada'"))
      #expect(!result.output.contains(result.paths[0] + ":"))
    }

    @Test func `errors are a JSON array on request`() throws {
      let result = try check(valid + "wrokers: 2\n", arguments: ["--format", "json"])
      #expect(result.end == .exited(1))
      let json = try JSON(parsing: result.output)
      let first = try #require(json[0])
      #expect(json.items.count == 1)
      #expect(
        first.names.sorted() == [
          "code", "column", "end_column", "file", "line", "message", "path", "severity",
          "suggestion",
        ])
      #expect(first["file"]?.text == result.paths[0])
      #expect(first["line"]?.integer == 10)
      #expect(first["column"]?.integer == 1)
      #expect(first["end_column"]?.integer == 8)
      #expect(first["severity"]?.text == "error")
      #expect(first["suggestion"]?.text?.contains("workers") == true)
      let fine = try check(valid, arguments: ["--format", "json"])
      #expect(fine.end == .exited(0))
      #expect(try JSON(parsing: fine.output).items.isEmpty)
    }

    @Test func `variables are expanded, missing ones are errors, secrets are not shown`() throws {
      let text = valid.replacing("127.0.0.1:9001", with: "\"${BACKEND}\"")
      let environment = ["BACKEND": "127.0.0.1:9001"]
      #expect(try check(text, environment: environment).end == .exited(0))
      let missing = try check(text)
      #expect(missing.end == .exited(1))
      #expect(missing.output.contains("BACKEND"))
      let wrong = try check(text, environment: ["BACKEND": "hunter2-very-secret"])
      #expect(wrong.end == .exited(1))
      #expect(!(wrong.output + wrong.errors).contains("hunter2"))
      let fallback = valid.replacing("127.0.0.1:9001", with: "\"${NOPE:-127.0.0.1:9001}\"")
      #expect(try check(fallback).end == .exited(0))
      let file = valid.replacing("127.0.0.1:9001", with: "\"${file:/nowhere/secret}\"")
      #expect(try check(file).output.contains("warning"))
    }

    @Test func `a backend that is one of our own addresses is an error`() throws {
      let text = valid.replacing("127.0.0.1:9001", with: "127.0.0.1:8080")
      let result = try check(text)
      #expect(result.end == .exited(1))
      #expect(result.output.contains(":5:16: error:"), "\(result.output)")
      let admin = try check(valid.replacing("127.0.0.1:9001", with: "127.0.0.1:9901"))
      #expect(admin.end == .exited(1))
      #expect(admin.output.contains(":5:16: error:"), "\(admin.output)")
    }

    @Test func `the schema is JSON Schema and the committed copy is fresh`() throws {
      let result = try runGateway(["schema"])
      #expect(result.end == .exited(0))
      let schema = try JSON(parsing: result.output)
      #expect(schema["$schema"]?.text == "https://json-schema.org/draft/2020-12/schema")
      #expect(schema["properties"]?["listeners"] != nil)
      #expect(schema["additionalProperties"] == .bool(false))
      let root = #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
      #expect(readFile("/\(root)/config/gateway.schema.json") == result.output)
    }

    @Test func `health asks the admin listener`() throws {
      try withGateway(configuration(), [ScriptedBackend.answering()]) { gateway in
        let ready = try runGateway(["health", "--config", gateway.configurationPath])
        #expect(ready.end == .exited(0))
        gateway.signal(9)
        _ = try gateway.waitForEnd()
        let gone = try runGateway(["health", "--config", gateway.configurationPath])
        #expect(gone.end == .exited(1))
      }
    }

    @Test func `health asks a gateway whose file has become wrong all the same`() throws {
      let backends = [ScriptedBackend.answering()]
      try withGateway(configuration(), backends) { gateway in
        func health() throws -> (end: ProcessEnd, output: String, errors: String) {
          try runGateway(["health", "--config", gateway.configurationPath])
        }
        let wrong = "foo: 1\nlogging: {level: '${GATEWAY_TEST_UNSET}'}"
        gateway.edit(configuration(top: wrong), backends)
        let ready = try health()
        #expect(ready.end == .exited(0))
        #expect(ready.output == "ready\n")
        #expect(ready.errors.split(separator: "\n").count == 1, "\(ready.errors)")
        #expect(ready.errors.contains("gateway.yaml:6:1: error: unknown key 'foo'"))
        #expect(ready.errors.hasSuffix(" (and 1 more error)\n"), "\(ready.errors)")
        gateway.signal(9)
        _ = try gateway.waitForEnd()
        #expect(try health().end == .exited(1))
      }
    }

    @Test func `health has nobody to ask where there is no admin listener`() throws {
      let directory = makeDirectory()
      defer { removeDirectory(directory) }
      writeFile(directory + "/g.yaml", "admin: none\n" + valid)
      let result = try runGateway(["health", "--config", directory + "/g.yaml"])
      #expect(result.end == .exited(1))
      #expect(result.errors.contains("there is nobody to ask"), "\(result.errors)")
    }

    @Test(arguments: [
      ["bogus"], ["run", "--nope"], ["check"], ["--nope"], ["run", "--config"],
      ["check", "--format", "xml", "a.yaml"], ["schema", "extra"],
    ])
    func `wrong usage is exit code 64`(arguments: [String]) throws {
      let result = try runGateway(arguments)
      #expect(result.end == .exited(64))
      #expect(!result.errors.isEmpty)
    }

    @Test(arguments: [["--version"], ["--help"], ["run", "--help"], ["check", "--help"]])
    func `version and help are exit code 0`(arguments: [String]) throws {
      let result = try runGateway(arguments)
      #expect(result.end == .exited(0))
      #expect(!result.output.isEmpty)
    }
  }
}
