// Why this file exists: `gateway simulate` and the ten scenarios that come with it: each tells a
// story that must hold, and no story is worth telling that holds with any configuration.

import Testing

private let root = "/" + #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
private let folder = "\(root)/config/examples/scenarios"

extension Operations {
  @Suite struct Simulating {
    private func simulate(
      _ arguments: String...
    ) throws -> (end: ProcessEnd, output: String, errors: String) {
      try runGateway(["simulate"] + arguments)
    }

    private func text(_ name: String) throws -> String {
      try #require(readFile("\(folder)/\(name).yaml"))
    }

    /// A scenario that was changed, with the configurations of the shipped ones.
    private func simulate(
      changed text: String
    ) throws -> (end: ProcessEnd, output: String, errors: String) {
      let directory = makeDirectory()
      defer { removeDirectory(directory) }
      let path = "\(directory)/scenario.yaml"
      writeFile(path, text.replacing("config: configs/", with: "config: \(folder)/configs/"))
      return try runGateway(["simulate", path])
    }

    @Test(arguments: [
      "backend-dies", "breaker", "client-over-limit", "cold-cache", "deploy-with-drain", "flapping",
      "retry-storm", "scale", "slow-backend", "thundering-herd",
    ])
    func `a shipped scenario holds`(name: String) throws {
      let result = try simulate("\(folder)/\(name).yaml")
      #expect(result.end == .exited(0), "\(result.output)\(result.errors)")
      #expect(result.errors == "")
      #expect(result.output.hasSuffix("\nEvery expectation is met.\n"))
    }

    @Test(arguments: [
      ("retry-storm", "bounded", "plain", "✗ success >= 99%, from 40 s"),
      ("slow-backend", "fast-first", "plain", "✗ p99 <= 200ms, from 25 s"),
      ("client-over-limit", "limited", "plain", "✗ flow customers p99 <= 150ms"),
      ("breaker", "breakers", "plain", "✗ p99 <= 300ms, from 26 s until 50 s"),
      ("cold-cache", "cold-2-warming", "cold-2-at-once", "✗ success >= 99.9%"),
      ("flapping", "watched", "plain", "✗ success >= 99.9%"),
      ("backend-dies", "watched", "plain", "✗ success >= 99.9%"),
    ])
    func `a worse configuration makes the story end badly`(
      name: String, good: String, bad: String, failing: String
    ) throws {
      let worse = try text(name).replacing("configs/\(good).yaml", with: "configs/\(bad).yaml")
      let result = try simulate(changed: worse)
      #expect(result.end == .exited(1), "\(result.output)\(result.errors)")
      #expect(result.output.contains(failing), "\(result.output)")
    }

    @Test func `the same seed is the same output to the byte, another one is another`() throws {
      let path = "\(folder)/breaker.yaml"
      let directory = makeDirectory()
      defer { removeDirectory(directory) }
      var pages: [String] = []
      var outputs: [String] = []
      for _ in 0..<2 {
        let page = "\(directory)/\(pages.count).html"
        outputs.append(try simulate(path, "--format", "json", "--report", page).output)
        pages.append(try #require(readFile(page)))
      }
      #expect(outputs[0] == outputs[1])
      #expect(pages[0] == pages[1])
      #expect(pages[0].hasPrefix("<!doctype html>"))
      #expect(try simulate(path, "--format", "json", "--seed", "2").output != outputs[0])
      let json = try JSON(parsing: outputs[0])
      #expect(json["met"] == .bool(true))
    }

    @Test func `a mistake in a scenario reads as a compiler's error does`() throws {
      let result = try simulate(
        changed: try text("breaker").replacing("success >=", with: "sucess >="))
      #expect(result.end == .exited(2))
      #expect(result.output == "")
      #expect(
        result.errors.contains("error: expect: 'sucess' is no figure; did you mean 'success'?"))
    }

    @Test func `a file that is not there, and a page that cannot be written`() throws {
      let missing = try simulate("\(folder)/nothing.yaml")
      #expect(missing.end == .exited(2))
      #expect(missing.errors.contains("the file cannot be read"))
      let unwritten = try simulate("\(folder)/breaker.yaml", "--report", "/nowhere/page.html")
      #expect(unwritten.end == .exited(2))
      #expect(unwritten.errors.contains("/nowhere/page.html: No such file or directory"))
    }

    @Test func `wrong usage is 64, and help is help`() throws {
      #expect(try simulate("--formt", "json").end == .exited(64))
      let help = try simulate("--help")
      #expect(help.end == .exited(0))
      #expect(help.output.contains("USAGE: gateway simulate <scenario>"))
    }

    /// Numbers and the width of columns move with every draw that the data plane makes otherwise;
    /// what happens, and to whom, does not.
    @Test func `the output in docs/simulating.md is that of the program`() throws {
      let page = try #require(readFile("\(root)/docs/simulating.md"))
      let result = try simulate("\(folder)/backend-dies.yaml")
      let body = result.output.split(separator: "\n").dropFirst().joined(separator: "\n")
      #expect(body.count > 1_000)
      #expect(shape(of: page).contains(shape(of: body)), "\(result.output)")
    }

    private func shape(of text: String) -> String {
      text.replacing(/[0-9.,]+/, with: "0").replacing(/\s+/, with: " ").replacing("µs", with: "ms")
    }
  }
}
