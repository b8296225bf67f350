// Why this file exists: the model says what the file says, and where the file is silent what the
// contract says.
import Glibc
import Primitives
import Testing

@testable import Configuration

/// A pipe with a name, in a folder of its own, that nobody writes to yet.
private final class NamedPipe {
  let path: String
  private let directory: String

  init() {
    var template = Array("/tmp/gateway-test-XXXXXX".utf8CString)
    precondition(mkdtemp(&template) != nil)
    directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    path = directory + "/pipe"
    precondition(mkfifo(path, 0o600) == 0)
  }

  deinit {
    unlink(path)
    rmdir(directory)
  }
}

@Suite struct ModelTests {
  private let mebibyte: UInt64 = 1_048_576

  @Test func `the defaults are those of the contract`() throws {
    let gateway = try configuration(minimal())
    #expect(gateway.admin?.address.text == "127.0.0.1:9901")
    #expect(gateway.admin?.token == nil)
    #expect(gateway.admin?.line == 0)
    #expect(gateway.workers == .auto)
    #expect(gateway.http.underscoreFields == .drop)
    #expect(gateway.http.encodedSlash == .reject)
    #expect(gateway.limits.connections == 65_536)
    #expect(gateway.limits.headSize == 32 * 1_024)
    #expect(gateway.limits.headFields == 100)
    #expect(gateway.limits.bodySize == 10 * mebibyte)
    #expect(gateway.limits.minRate == 256)
    #expect(gateway.limits.loopLag == nil)
    #expect(gateway.limits.memory == nil)
    #expect(gateway.timeouts.head == .seconds(10))
    #expect(gateway.timeouts.bodyIdle == .seconds(30))
    #expect(gateway.timeouts.writeIdle == .seconds(30))
    #expect(gateway.timeouts.keepAlive == .seconds(75))
    #expect(gateway.timeouts.tunnelIdle == .seconds(300))
    #expect(gateway.trustedProxies == [])
    #expect(gateway.logging.level == .info)
    #expect(gateway.logging.access.output == .stdout)
    #expect(gateway.logging.access.sample == .percent(100))
    #expect(gateway.logging.access.slow == .seconds(1))
    #expect(gateway.tracing.trust == .always)
    #expect(gateway.tracing.export == nil)
    #expect(gateway.tracing.sample == .percent(1))
    #expect(gateway.shutdown.acceptGrace == .zero)
    #expect(gateway.shutdown.drain == .seconds(8))
  }

  @Test func `the defaults of a service are those of the contract`() throws {
    let service = try configuration(minimal()).services[0]
    #expect(
      service.balancer
        == BalancerConfiguration(policy: .roundRobin, key: .clientIP, maxLoad: nil))
    #expect(service.backends[0].weight == 1)
    #expect(!service.backends[0].drain)
    #expect(service.resolveEvery == .seconds(10))
    #expect(service.host == .preserve)
    #expect(service.connections.max == nil)
    #expect(service.connections.idle == 64)
    #expect(service.connections.idleTimeout == .seconds(50))
    #expect(service.connections.queue == 1_024)
    #expect(service.connections.queueTimeout == .seconds(1))
    #expect(service.timeouts.connect == .seconds(1))
    #expect(service.timeouts.response == .seconds(30))
    #expect(service.timeouts.idle == .seconds(60))
    #expect(service.timeouts.request == nil)
    #expect(service.retries.attempts == 2)
    #expect(service.retries.when == [.connect, .reusedReset, .reset])
    #expect(service.retries.budget == .percent(20))
    #expect(service.retries.budgetFloor == Rate(count: 10, period: .seconds(1)))
  }

  @Test func `the defaults of a route are its service's and the limits`() throws {
    let text = """
      limits: {body_size: 2MiB}
      listeners: [{address: 127.0.0.1:8080}]
      services:
        a: {backends: [], timeouts: {connect: 2s, response: 3s, idle: 4s, request: 5s}}
      routes: [{match: {path: /*}, service: a}]
      """
    let gateway = try configuration(text)
    let route = gateway.routes[0]
    #expect(route.services[0].timeouts == gateway.services[0].timeouts)
    #expect(route.services[0].timeouts.request == .seconds(5))
    #expect(route.bodySize == 2 * mebibyte)
    #expect(route.upgrades == ["websocket"])
    #expect(route.name == "*/*")
  }

  @Test func `a route overrides one timeout and keeps the others`() throws {
    let text = """
      listeners: [{address: 127.0.0.1:8080}]
      services: {a: {backends: [], timeouts: {connect: 2s, request: 60s}}}
      routes:
        - {match: {path: /a}, service: a, timeouts: {response: 9s, request: none}, body_size: none}
        - {match: {path: /b}, service: a, timeouts: {connect: 7s, idle: 8s}, upgrades: []}
      """
    let routes = try configuration(text).routes
    #expect(routes[0].services[0].timeouts.connect == .seconds(2))
    #expect(routes[0].services[0].timeouts.response == .seconds(9))
    #expect(routes[0].services[0].timeouts.idle == .seconds(60))
    #expect(routes[0].services[0].timeouts.request == nil)
    #expect(routes[0].bodySize == nil)
    #expect(routes[1].services[0].timeouts.connect == .seconds(7))
    #expect(routes[1].services[0].timeouts.idle == .seconds(8))
    #expect(routes[1].services[0].timeouts.request == .seconds(60))
    #expect(routes[1].bodySize == 10 * mebibyte)
    #expect(routes[1].upgrades == [])
  }

  @Test func `lists keep the order of the file and every part knows its line`() throws {
    let text = """
      listeners:
        - address: 0.0.0.0:8080
        - address: "[::1]:8081"
        - address: unix:/run/g.sock
      admin:
        address: localhost:9000
        token: abc
      services:
        zebra:
          backends:
            - 10.0.0.1:80
            - address: users.internal:8080
            - unix:/run/a.sock
        ant: {backends: []}
      routes:
        - match: {path: /z/*}
          service: ant
        - {match: {path: /a}, service: zebra, upgrades: [WebSocket, foo/2]}
      """
    let gateway = try configuration(text)
    #expect(
      gateway.listeners.map(\.address.text)
        == ["0.0.0.0:8080", "[::1]:8081", "unix:/run/g.sock"])
    #expect(gateway.listeners.map(\.line) == [2, 3, 4])
    #expect(gateway.admin?.address.text == "127.0.0.1:9000")
    #expect(gateway.admin?.token?.text == "abc")
    #expect(gateway.admin?.line == 6)
    #expect(gateway.services.map(\.name) == ["zebra", "ant"])
    #expect(gateway.services.map(\.line) == [9, 14])
    #expect(
      gateway.services[0].backends.map(\.label)
        == ["10.0.0.1:80", "users.internal:8080", "unix:/run/a.sock"])
    #expect(gateway.services[0].backends.map(\.line) == [11, 12, 13])
    #expect(
      gateway.services[0].backends[1].address.form == .name("users.internal", port: 8080))
    #expect(gateway.routes.map(\.match.path) == ["/z/*", "/a"])
    #expect(gateway.routes.flatMap { $0.services.map(\.service) } == [1, 0])
    #expect(gateway.routes.map(\.line) == [16, 18])
    #expect(gateway.routes[1].upgrades == ["websocket", "foo/2"])
    #expect(gateway.service(named: "ant")?.line == 14)
    #expect(gateway.service(named: "bee") == nil)
  }

  @Test func `admin none is no admin listener`() throws {
    #expect(try configuration(minimal("admin: none")).admin == nil)
  }

  @Test func `services and routes may be empty`() throws {
    let gateway = try configuration("listeners: [{address: 127.0.0.1:0}]\nservices: {}\nroutes: []")
    #expect(gateway.services.isEmpty && gateway.routes.isEmpty)
  }

  @Test func `routes without a name are called after their path, repeated ones by number`() throws {
    let text = """
      listeners: [{address: 127.0.0.1:8080}]
      services: {a: {backends: []}}
      routes:
        - {match: {path: /x}, service: a}
        - {match: {path: /x}, service: a}
        - {match: {path: /x}, service: a, name: "*/x#2"}
        - {match: {path: /x}, service: a}
        - {match: {path: /y}, service: a, name: "*/z"}
        - {match: {path: /z}, service: a}
      """
    let result = load(text)
    #expect(
      result.configuration?.routes.map(\.name)
        == ["*/x", "*/x#3", "*/x#2", "*/x#4", "*/z", "*/z#2"])
  }

  @Test func `the service a route names is found by position`() throws {
    let text = """
      listeners: [{address: 127.0.0.1:8080}]
      services: {a: {backends: []}, b: {backends: []}, c: {backends: []}}
      routes:
        - {match: {path: /1}, service: c}
        - {match: {path: /2}, service: a}
        - {match: {path: /3}, service: b}
      """
    #expect(try configuration(text).routes.flatMap { $0.services.map(\.service) } == [2, 0, 1])
  }

  @Test func `the content hash depends on every byte and on nothing else`() {
    let one = load(minimal())
    #expect(one.contentHash.utf8.count == 16)
    #expect(one.contentHash == load(minimal()).contentHash)
    #expect(one.contentHash != load(minimal() + " ").contentHash)
    let secret = minimal("admin: {token: \"${T}\"}")
    #expect(
      load(secret, environment(["T": "a"])).contentHash
        == load(secret, environment(["T": "b"])).contentHash)
  }

  @Test func `the files that a configuration names are told apart by what they hold`() {
    func named(_ files: [String: String]) -> [String: String] {
      let text = minimal("admin: {token: \"${file:/a}${file:/b}\"}")
      return load(text, environment(files: files)).namedFiles
    }
    let first = named(["/a": "one", "/b": "two", "/c": "not asked for"])
    #expect(first.keys.sorted() == ["/a", "/b"])
    #expect(first == named(["/a": "one", "/b": "two"]))
    #expect(first["/a"] == ConfigurationFile.hash(Array("one".utf8)))
    #expect(first != named(["/a": "one", "/b": "six"]))
    // One that is missing counts as well: it may come.
    #expect(named(["/a": "one"])["/b"]?.isEmpty == false)
  }

  @Test func `only what can be read a second time is looked at again`() {
    #expect(ConfigurationFile.canBeReadAgain(projectPath("config/gateway.yaml")))
    #expect(ConfigurationFile.canBeReadAgain(projectPath("config")))
    #expect(ConfigurationFile.canBeReadAgain("/nowhere/that/may/come"))
    #expect(!ConfigurationFile.canBeReadAgain("/dev/null"))
  }

  @Test func `a pipe is left alone by who only looks, and given up by who cannot wait`() throws {
    let named = NamedPipe()
    defer { withExtendedLifetime(named) {} }
    let path = named.path
    #expect(throws: FileProblem.silent) { try ConfigurationFile.read(path, patience: .zero) }
    // Its own writer: what is read is not the end of it.
    let ours = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC)
    defer { close(ours) }
    try #require(write(ours, "secret", 6) == 6)
    #expect(throws: FileProblem.notRegular) { try ConfigurationFile.look(at: path) }
    #expect(ConfigurationFile.mark(path) == FileProblem.notRegular.message)
    #expect(throws: FileProblem.tooLarge(limit: 5)) {
      try ConfigurationFile.read(path, limit: 5, patience: .zero)
    }
    #expect(throws: FileProblem.silent) { try ConfigurationFile.read(path, patience: .zero) }
  }

  @Test func `who waits for a pipe waits no longer because it drips`() async throws {
    let named = NamedPipe()
    defer { withExtendedLifetime(named) {} }
    let path = named.path
    let ours = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC)
    defer { close(ours) }
    // A byte as soon as the one before it has been taken.
    let drip = Task.detached {
      while !Task.isCancelled {
        var waiting = pollfd(fd: ours, events: Int16(POLLIN), revents: 0)
        if poll(&waiting, 1, 0) == 0 { _ = write(ours, "x", 1) }
      }
    }
    #expect(throws: FileProblem.silent) {
      try ConfigurationFile.read(path, limit: 1 << 20, patience: .milliseconds(50))
    }
    drip.cancel()
    await drip.value
  }

  @Test func `a pipe gives its content once, which is not followed by an empty one`() throws {
    var ends: [Int32] = [-1, -1]
    try #require(pipe(&ends) == 0)
    defer { close(ends[0]) }
    try #require(write(ends[1], "secret", 6) == 6)
    close(ends[1])
    let path = "/dev/fd/\(ends[0])"
    #expect(try ConfigurationFile.read(path) == Array("secret".utf8))
    #expect(throws: FileProblem.silent) { try ConfigurationFile.read(path, patience: .zero) }
  }

  @Test func `a secret does not print itself`() {
    #expect("\(Secret("hunter2"))" == "(redacted)")
    #expect(String(reflecting: [Secret("hunter2")]).contains("hunter2") == false)
  }

  @Test func `a rate is counted over any span without losing what is there`() {
    let tenSeconds = Duration.seconds(10)
    #expect(Rate(count: 10, period: .seconds(1)).count(in: tenSeconds) == 100)
    #expect(Rate(count: 1, period: .seconds(60)).count(in: tenSeconds) == 1)
    #expect(Rate(count: 600, period: .seconds(60)).count(in: tenSeconds) == 100)
    #expect(Rate(count: 0, period: .seconds(60)).count(in: tenSeconds) == 0)
    #expect(Rate(count: 50, period: .seconds(10)).count(in: tenSeconds) == 50)
    #expect(Rate(count: .max, period: .nanoseconds(1)).count(in: .seconds(1 << 33)) == .max)
  }

  @Test(arguments: [
    ("admin: {address: 127.0.0.1:77}\nfoo: 1", "127.0.0.1:77"),
    ("admin: {address: 'unix:/a', token: '${UNSET}'}", "unix:/a"),
    ("admin: {address: 127.0.0.1:77, token: '${file:/gone}'}", "127.0.0.1:77"),
    ("foo: 1", "127.0.0.1:9901"), ("admin: {address: here}", "127.0.0.1:9901"),
    ("admin: {address: '${UNSET}'}", "127.0.0.1:9901"), ("admin: [", "127.0.0.1:9901"),
    ("admin: none\nfoo: 1", nil),
  ])
  func `where the admin listener is can be read in spite of mistakes`(
    text: String, expected: String?
  ) {
    let result = load(minimal(text))
    #expect(result.configuration == nil)
    #expect(result.adminAddress?.text == expected)
  }
}
