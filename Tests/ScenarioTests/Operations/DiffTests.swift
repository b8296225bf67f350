// Why this file exists: scripts branch on what `gateway diff` exits with, and people decide by what
// it prints whether to reload.

import Testing

private let text = """
  listeners: [{address: 127.0.0.1:8080}]
  admin: {token: "${DIFF_TOKEN:-none}"}
  services:
    users: {backends: [10.0.0.1:80, 10.0.0.2:80], warm_up: 30s}
  routes:
    - {name: api, match: {path: /api/*}, service: users}

  """

extension Operations {
  @Suite struct Diff {
    /// Runs `diff` on two texts, each in a file of its own.
    private func diff(
      _ old: String, _ new: String, _ arguments: String...,
      environment: [String: String] = [:]
    ) throws -> (end: ProcessEnd, output: String, errors: String) {
      let directory = makeDirectory()
      defer { removeDirectory(directory) }
      let paths = ["\(directory)/old.yaml", "\(directory)/new.yaml"]
      for (path, text) in zip(paths, [old, new]) { writeFile(path, text) }
      let result = try runGateway(["diff"] + paths + arguments, environment: environment)
      return (result.end, result.output.replacing(directory + "/", with: ""), result.errors)
    }

    @Test func `files that mean the same are exit code 0`() throws {
      let result = try diff(text, "# The same.\n" + text.replacing("30s", with: "30000ms"))
      #expect(result.end == .exited(0))
      #expect(result.output == "no difference: a reload would change nothing\n")
      #expect(result.errors == "")
    }

    @Test func `what a reload would change and keep is told, with exit code 1`() throws {
      let new =
        text.replacing("10.0.0.1:80", with: "10.0.0.3:80").replacing("/api/*", with: "/v2/*")
        + "workers: 3\n"
      let result = try diff(text, new)
      #expect(result.end == .exited(1))
      #expect(
        result.output == """
          ~ workers: auto → 3; needs a restart
          + backend users/10.0.0.3:80: warms up over 30s
          - backend users/10.0.0.1:80: gets no new requests, finishes those it has
          ~ route api: match.path /api/* → /v2/*
          kept: 1 listener; connections, health and breaker of 1 backend
          1 setting, 2 backends and 1 route change; 1 change needs a restart

          """)
      let json = try JSON(parsing: try diff(text, new, "--format", "json").output)
      #expect(json["changes"]?[1]?["kind"]?.text == "added")
      #expect(json["changes"]?[1]?["part"]?.text == "backend")
      #expect(json["changes"]?[1]?["new_line"]?.integer == 4)
      #expect(json["kept"]?["backends"]?.integer == 1)
    }

    @Test func `what stands in for a secret is not shown`() throws {
      let new = text.replacing("DIFF_TOKEN", with: "DIFF_OTHER")
      let result = try diff(
        text, new, environment: ["DIFF_TOKEN": "hidden-one", "DIFF_OTHER": "hidden-two"])
      #expect(result.end == .exited(1))
      #expect(
        result.output.hasPrefix(
          "~ admin.token: (redacted): what it stands for differs\n"))
      #expect(!result.output.contains("hidden"))
    }

    @Test func `an invalid file is explained as by check, with exit code 2`() throws {
      let result = try diff(text, text.replacing("service: users", with: "service: user"))
      #expect(result.end == .exited(2))
      #expect(result.output.hasPrefix("new.yaml:6:"), "\(result.output)")
      #expect(result.output.contains("did you mean 'users'?"))
      let both = try diff("x: 1\n", "y: 2\n", "--format", "json")
      #expect(both.end == .exited(2))
      let json = try JSON(parsing: both.output)
      #expect(json[0]?["file"]?.text == "old.yaml" && json[0]?["severity"]?.text == "error")
      // A reload would stop at a missing file too.
      let secret = text.replacing("${DIFF_TOKEN:-none}", with: "${file:/nowhere/token}")
      #expect(try diff(text, secret).end == .exited(2))
      #expect(try runGateway(["diff", "/nowhere/a.yaml", "/nowhere/b.yaml"]).end == .exited(2))
    }

    @Test func `two files are what it takes`() throws {
      #expect(try runGateway(["diff", "one.yaml"]).end == .exited(64))
      #expect(try runGateway(["--help"]).output.contains("  diff "))
    }
  }
}
