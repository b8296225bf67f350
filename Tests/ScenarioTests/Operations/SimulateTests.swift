// Why this file exists: `gateway simulate` and the ten scenarios that come with it: each tells a
// story that must hold, and no story is worth telling that holds with any configuration.

import Glibc
import Testing

private let root = "/" + #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
private let folder = "\(root)/config/examples/scenarios"

/// A shipped scenario, what makes its configuration a worse one, and what breaks then.
private struct Story: CustomTestStringConvertible {
  var name: String
  /// In words.
  var without: String
  /// Which file, below the scenarios' folder, says what instead of what.
  var file: String
  var change: KeyValuePairs<String, String>
  var breaks: String

  var testDescription: String { "\(name), with \(without)" }
}

private let unwatched: KeyValuePairs = [
  "active: {path: /healthz, interval: 2s, timeout: 500ms}": "",
  "passive: {consecutive_failures: 3, ejection: 10s}": "passive: none",
]
private let unbounded: KeyValuePairs = [
  "connections: {max: 6, queue: 15, queue_timeout: 200ms}": ""
]

private let stories = [
  Story(
    name: "backend-dies", without: "nobody watching backends", file: "configs/watched.yaml",
    change: unwatched, breaks: "✗ p99 <= 150ms"),
  Story(
    name: "breaker", without: "no breaker", file: "configs/breakers.yaml",
    change: [
      "circuit_breaker: {slow_call: 500ms, slow_call_rate: 50%, min_requests: 10, open: 5s}": ""
    ],
    breaks: "✗ p99 <= 300ms, from 26 s until 50 s"),
  Story(
    name: "client-over-limit", without: "no limit on the route", file: "configs/limited.yaml",
    change: [", rate_limits: [per-key]": ""], breaks: "✗ flow customers p99 <= 150ms"),
  Story(
    name: "cold-cache", without: "its whole share at once", file: "configs/cold-2-warming.yaml",
    change: ["warm_up: 60s": ""], breaks: "✗ success >= 99.9%"),
  Story(
    name: "deploy-with-drain", without: "the backend killed while it is in use",
    file: "deploy-with-drain.yaml",
    change: ["deploy-2-draining": "deploy-1-before", "deploy-3-without": "deploy-1-before"],
    breaks: "✗ success >= 100%"),
  Story(
    name: "flapping", without: "nobody watching backends", file: "configs/watched.yaml",
    change: unwatched, breaks: "✗ backend shop/10.0.0.2:9000 <= 40 requests while down"),
  Story(
    name: "retry-storm", without: "no bounds on connections and queue",
    file: "configs/bounded.yaml", change: unbounded,
    breaks: "✗ success >= 99%, from 40 s"),
  Story(
    name: "scale", without: "no health checks and no retries", file: "configs/thousand.yaml",
    change: [
      "health: {active: {path: /healthz, interval: 10s}, passive: {consecutive_failures: 3}}":
        "health: {passive: none}\n    retries: {attempts: 0}"
    ],
    breaks: "✗ success >= 99.9%"),
  Story(
    name: "slow-backend", without: "backends in turn", file: "configs/fast-first.yaml",
    change: ["peak_ewma": "round_robin"], breaks: "✗ p99 <= 200ms, from 25 s"),
  Story(
    name: "thundering-herd", without: "no bounds on connections and queue",
    file: "configs/bounded.yaml", change: unbounded,
    breaks: "✗ success >= 99.9%, from 60 s"),
]

/// The release binary plays all stories in seconds (`make scenarios`); a debug build takes a
/// minute, and a sanitizer several, for what the short runs below show too.
private let playsStories = getenv("GATEWAY_BINARY") != nil
private let playsStoriesWhy: Comment = "make scenarios plays the stories, by the release binary"

extension Operations {
  @Suite struct Simulating {
    private func simulate(
      _ arguments: String...
    ) throws -> (end: ProcessEnd, output: String, errors: String) {
      try runGateway(["simulate"] + arguments, within: 60)
    }

    /// A copy of all the shipped files in one folder; one of them says something else.
    private func withScenarios(
      changing file: String, _ change: KeyValuePairs<String, String>,
      _ body: (_ folder: String) throws -> Void
    ) throws {
      let directory = makeDirectory()
      defer { removeDirectory(directory) }
      for below in ["", "configs/"] {
        for name in fileNames(in: "\(folder)/\(below)") where name.hasSuffix(".yaml") {
          var text = try #require(readFile("\(folder)/\(below)\(name)"))
          for (old, new) in change where below + name == file {
            try #require(text.contains(old), "\(file) does not say: \(old)")
            text = text.replacing(old, with: new)
          }
          writeFile("\(directory)/\(name)", text.replacing("configs/", with: ""))
        }
      }
      try body(directory)
    }

    @Test func `every shipped scenario has its story here`() {
      #expect(
        fileNames(in: folder).filter { $0.hasSuffix(".yaml") } == stories.map { "\($0.name).yaml" })
    }

    @Test(.enabled(if: playsStories, playsStoriesWhy), arguments: stories)
    fileprivate func `a shipped scenario holds`(story: Story) throws {
      let result = try simulate("\(folder)/\(story.name).yaml")
      #expect(result.end == .exited(0), "\(result.output)\(result.errors)")
      #expect(result.errors == "")
      #expect(result.output.hasSuffix("\nEvery expectation is met.\n"))
    }

    @Test(.enabled(if: playsStories, playsStoriesWhy), arguments: stories)
    fileprivate func `a worse configuration makes the story end badly`(story: Story) throws {
      try withScenarios(changing: story.file, story.change) { folder in
        let result = try simulate("\(folder)/\(story.name).yaml")
        #expect(result.end == .exited(1), "\(result.output)\(result.errors)")
        #expect(result.output.contains(story.breaks), "\(result.output)")
      }
    }

    @Test func `routes and limits in expectations are those that the gateway chose`() throws {
      let directory = makeDirectory()
      defer { removeDirectory(directory) }
      writeFile(
        "\(directory)/gateway.yaml",
        """
        listeners: [{address: 127.0.0.1:8080}]
        logging: {access: {output: none}}
        services: {fast: {backends: [10.0.0.1:80]}, slow: {backends: [10.0.0.2:80]}}
        rate_limits:
          enforced: {rate: 1/h, burst: 5, key: client_ip}
          watched: {rate: 1/h, burst: 7, key: client_ip, mode: shadow}
        routes:
          - {name: free, match: {path: /free}, service: fast}
          - {name: limited, match: {path: /limited}, service: fast, rate_limits: [enforced]}
          - {name: in shadow, match: {path: /shadow}, service: fast, rate_limits: [watched]}
          - {name: late, match: {path: /late}, service: slow}

        """)
      writeFile(
        "\(directory)/scenario.yaml",
        """
        config: gateway.yaml
        duration: 10s
        traffic:
          one: {rate: 10/s, arrivals: even, clients: 1, requests: /limited}
          two: {rate: 10/s, arrivals: even, clients: 1, requests: /shadow}
          many:
            {rate: 50/s, clients: 50, patience: 1s, requests: [/free, /late, /nowhere]}
        backends: [{backend: slow, latency: 3s}]
        expect:
          - route free success >= 100%
          - route late reason client_abort >= 100%
          - flow one limit enforced <= 94 requests
          - flow one limit enforced >= 94 requests
          - route "in shadow" limit watched >= 92 requests
          - route "in shadow" success >= 100%
          - flow many limit enforced <= 0%
          - flow many route limited requests <= 0

        """)
      let result = try simulate("\(directory)/scenario.yaml")
      #expect(result.end == .exited(0), "\(result.output)\(result.errors)")
      // What no route takes has a row of its own.
      #expect(result.output.contains(#/\n  - +\d+ /#), "\(result.output)")
    }

    @Test func `the same seed is the same output to the byte, another one is another`() throws {
      let short: KeyValuePairs = [
        "duration: 80s": "duration: 10s", "20s": "2s", "50s": "5s", "26s": "3s", "75s": "7s",
      ]
      try withScenarios(changing: "breaker.yaml", short) { folder in
        let path = "\(folder)/breaker.yaml"
        var pages: [String] = []
        var outputs: [String] = []
        for _ in 0..<2 {
          let page = "\(folder)/\(pages.count).html"
          outputs.append(try simulate(path, "--format", "json", "--report", page).output)
          pages.append(try #require(readFile(page)))
        }
        #expect(outputs[0] == outputs[1])
        #expect(pages[0] == pages[1])
        #expect(pages[0].hasPrefix("<!doctype html>"))
        #expect(try simulate(path, "--format", "json", "--seed", "2").output != outputs[0])
        let json = try JSON(parsing: outputs[0])
        #expect(json["seed"] == .number("1"))
      }
    }

    @Test func `a mistake in a scenario reads as a compiler's error does`() throws {
      try withScenarios(changing: "breaker.yaml", ["success >=": "sucess >="]) { folder in
        let result = try simulate("\(folder)/breaker.yaml")
        #expect(result.end == .exited(2))
        #expect(result.output == "")
        #expect(
          result.errors.contains("error: expect: 'sucess' is no figure; did you mean 'success'?"))
      }
    }

    @Test func `a file that is not there, and a page that cannot be written`() throws {
      let missing = try simulate("\(folder)/nothing.yaml")
      #expect(missing.end == .exited(2))
      #expect(missing.errors.contains("the file cannot be read"))
      try withScenarios(changing: "breaker.yaml", ["duration: 80s": "duration: 1s"]) { folder in
        let page = "/nowhere/page.html"
        let unwritten = try simulate("\(folder)/breaker.yaml", "--report", page)
        #expect(unwritten.end == .exited(2))
        #expect(unwritten.errors.contains("\(page): No such file or directory"))
      }
    }

    /// As in the gateway's image, which does not hold the player.
    @Test func `without the player beside it, the gateway says where to get one`() throws {
      let binary = GatewayProcess.binary
      let alone = "\(binary)-alone-\(getpid())"
      try #require(mkdir(alone, 0o700) == 0)
      defer { removeDirectory(alone) }
      try #require(link(binary, "\(alone)/gateway") == 0)
      let child = try Child("\(alone)/gateway", ["simulate", "x.yaml"], directory: alone)
      #expect(try child.waitForEnd() == .exited(2))
      // The folder as the system names it: the way to the binary may lead over links.
      let place = try #require(realpath(alone, nil))
      defer { free(place) }
      let told = "there is no gateway-simulate beside this program, in \(String(cString: place))"
      #expect(child.errors.contains(told))
      #expect(child.errors.contains("`docker build -f docker/Dockerfile --target simulate .`"))
    }

    @Test func `wrong usage is 64, and help is help`() throws {
      #expect(try simulate("--formt", "json").end == .exited(64))
      let help = try simulate("--help")
      #expect(help.end == .exited(0))
      #expect(help.output.contains("USAGE: gateway simulate <scenario>"))
    }

    /// Numbers and the width of columns move with every draw that the data plane makes otherwise;
    /// what happens, and to whom, does not.
    @Test(.enabled(if: playsStories, playsStoriesWhy))
    func `the output in docs/simulating.md is that of the program`() throws {
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
