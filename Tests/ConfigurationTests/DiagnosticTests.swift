// Why this file exists: what an operator sees when a file is wrong, to the letter: all mistakes in
// one run, in file order, each with its place and what to write instead.
import Configuration
import Testing

@Suite struct DiagnosticTests {
  @Test func `a file with many mistakes names each of them, in file order`() {
    let text = """
      listeners:
        - adress: 0.0.0.0:8080
      admin: off
      workers: 012
      limits:
        head_size: 3k
        connect: 5
      timeouts:
        head: 5
      services:
        users:
          balancer: round-robin
          backends:
            - 127.0.0.1
          helth: none
      routes:
        - match:
            pathh: /api/*
          service: user
        - match: {path: /x}
      """
    let expected = """
      g.yaml:2:5: error: unknown key 'adress' in listeners[0]; did you mean 'address'?
          2 |   - adress: 0.0.0.0:8080
            |     ^~~~~~
      g.yaml:3:8: error: admin must be a mapping of keys or none, not 'off'; write none
          3 | admin: off
            |        ^~~
      g.yaml:4:10: error: workers: '012' has a leading zero, which makes it octal in YAML 1.1; \
      write 12
          4 | workers: 012
            |          ^~~
      g.yaml:6:14: error: limits.head_size: '3k' has an unknown unit; write 3KiB or 3KB
          6 |   head_size: 3k
            |              ^~
      g.yaml:7:3: error: unknown key 'connect' in limits; this key exists in \
      services.NAME.timeouts, routes[].timeouts
          7 |   connect: 5
            |   ^~~~~~~
      g.yaml:9:9: error: timeouts.head: '5' has no unit; write 5s or 5ms
          9 |   head: 5
            |         ^
      g.yaml:12:15: error: balancer: 'round-robin' is not known here; did you mean 'round_robin'?
         12 |     balancer: round-robin
            |               ^~~~~~~~~~~
      g.yaml:14:9: error: backends: '127.0.0.1' has no port; write host:port
         14 |       - 127.0.0.1
            |         ^~~~~~~~~
      g.yaml:15:5: error: unknown key 'helth' in services.users; did you mean 'health'?
         15 |     helth: none
            |     ^~~~~
      g.yaml:18:7: error: unknown key 'pathh' in match; did you mean 'path'?
         18 |       pathh: /api/*
            |       ^~~~~
      g.yaml:19:14: error: service: there is no service 'user'; did you mean 'users'?
         19 |     service: user
            |              ^~~~
      g.yaml:20:5: error: one of service, redirect or respond is missing in routes[1]
         20 |   - match: {path: /x}
            |     ^~~~~

      """
    #expect(printed(text) == expected)
    #expect(load(text).configuration == nil)
  }

  @Test func `keys that do not exist yet are unknown, and so are their values`() {
    let text = """
      tracing: {format: none, headers: 1%}
      plugins: {}
      listeners: [{address: 127.0.0.1:8080}]
      services:
        a:
          backends: [{address: 127.0.0.1:1, priority: 2}]
          hedge: none
      routes:
        - match: {path: /*, cookies: {}}
          service: a
          cache: none
          mirror: b
      """
    let codes = load(text).diagnostics.map { "\($0.path) \($0.code.rawValue)" }
    #expect(
      codes == [
        "tracing.format unknown_key", "tracing.headers unknown_key", "plugins unknown_key",
        "services.a.backends[0].priority unknown_key", "services.a.hedge unknown_key",
        "routes[0].match.cookies unknown_key", "routes[0].cache unknown_key",
        "routes[0].mirror unknown_key",
      ])
  }

  @Test(arguments: [
    ("workers: [1]", "1:10: error: workers must be one value"),
    (
      "workers:",
      "1:9: error: workers has no value; write one, such as auto, or remove the key"
    ),
    (
      "limits:",
      "1:8: error: limits has no value; write its keys below it, indented, or remove the key"
    ),
    (
      "trusted_proxies:",
      "1:17: error: trusted_proxies has no value; write its entries below it, or [], or remove "
        + "the key"
    ),
    (
      "trusted_proxies: 10.0.0.0/8",
      "1:18: error: trusted_proxies must be a list, not '10.0.0.0/8'; write [10.0.0.0/8]"
    ),
    (
      "trusted_proxies: [10.0.0.0/33]",
      "1:19: error: trusted_proxies: '10.0.0.0/33' is not an address range; write one like "
        + "10.0.0.0/8 or 2001:db8::/32"
    ),
    (
      "limits:\n  connections:3",
      "2:3: error: limits must be a mapping of keys, not 'connections:3'; put a space after the ':'"
    ),
    (
      "limits: []",
      "1:9: error: limits must be a mapping of keys; its keys are connections, head_size, "
        + "head_fields, body_size, min_rate"
    ),
    (
      "admin: {adress: 1.1.1.1:1}",
      "1:9: error: unknown key 'adress' in admin; did you mean 'address'?"
    ),
    ("nonsense: 1", "1:1: error: unknown key 'nonsense' at the top level; the keys here are"),
    (
      "tracing: {trust: trusted_proxies}",
      "1:18: warning: tracing.trust: trusted_proxies is empty, so nobody is trusted"
    ),
    (
      "tracing: {sample: 5%}",
      "1:19: warning: tracing.sample: nothing is exported, so nothing is sampled"
    ),
    (
      "admin: {address: 127.0.0.1:1}\ntracing: {export: \"http://localhost:1/x\"}",
      "2:19: error: tracing.export: 'http://localhost:1/x' is the admin listener of line 1: every "
        + "export would be traced again"
    ),
    ("limits: {}\nlimits: {}", "2:1: error: duplicate key 'limits'; it is first given in line 1"),
  ])
  func `a mistake at the top is explained`(line: String, expected: String) {
    let printed = printed(minimal(line))
    #expect(printed.hasPrefix("g.yaml:" + expected), "\(printed)")
  }

  @Test(arguments: [
    ("1MiB", 2, "an idle gateway takes about 13MiB, so hardly a request would be served"),
    ("13MiB", 2, "an idle gateway takes about 13MiB, so hardly a request would be served"),
    ("14MiB", 2, nil), ("512MiB", 64, nil), ("none", 64, nil),
    ("20MiB", 64, "an idle gateway takes about 28MiB, so hardly a request would be served"),
  ] as [(String, Int, String?)])
  func `a bound of memory that the process is above at once is warned of`(
    bound: String, workers: Int, complaint: String?
  ) {
    let result = load(minimal("workers: \(workers)\nlimits: {memory: \(bound)}"))
    #expect(result.isValid)
    #expect(result.diagnostics.map(\.message) == (complaint.map { ["limits.memory: \($0)"] } ?? []))
  }

  @Test func `the least memory is that of one worker where their number is not in the file`() {
    let printed = printed(minimal("limits: {memory: 2MiB}"))
    #expect(
      printed == """
        g.yaml:1:18: warning: limits.memory: an idle gateway takes about 13MiB, so hardly a \
        request would be served; write 52MiB or more
            1 | limits: {memory: 2MiB}
              |                  ^~~~

        """)
  }

  // MARK: Between the parts

  @Test func `names and addresses that are given twice name both lines`() {
    let text = """
      listeners:
        - address: 0.0.0.0:8080
        - address: 127.0.0.1:8080
      services:
        a:
          backends:
            - 10.0.0.1:80
            - address: 10.0.0.1:80
            - 127.0.0.1:8080
            - localhost:9901
      routes:
        - {name: one, match: {path: /a}, service: a}
        - {name: one, match: {path: /a}, service: a}
      """
    let expected = """
      g.yaml:3:14: error: address: '127.0.0.1:8080' is taken by the listener of line 2
          3 |   - address: 127.0.0.1:8080
            |              ^~~~~~~~~~~~~~
      g.yaml:8:18: error: address: '10.0.0.1:80' is a backend of this service already; it is \
      first given in line 7
          8 |       - address: 10.0.0.1:80
            |                  ^~~~~~~~~~~
      g.yaml:9:9: error: address: '127.0.0.1:8080' is the listener of line 2: requests would come \
      back to the gateway
          9 |       - 127.0.0.1:8080
            |         ^~~~~~~~~~~~~~
      g.yaml:10:9: error: address: 'localhost:9901' is the admin listener's default: requests \
      would come back to the gateway
         10 |       - localhost:9901
            |         ^~~~~~~~~~~~~~
      g.yaml:13:12: error: name: 'one' is the name of the route in line 12 already
         13 |   - {name: one, match: {path: /a}, service: a}
            |            ^~~
      g.yaml:13:31: warning: match.path: no request gets here; the route in line 12 takes '/a'
         13 |   - {name: one, match: {path: /a}, service: a}
            |                               ^~

      """
    #expect(printed(text) == expected)
  }

  @Test func `warnings do not keep a file from being valid`() {
    let text = """
      listeners: [{address: 127.0.0.1:8080}]
      services:
        used: {backends: [], connections: {max: 5, idle: 6}, host: backends}
        unused: {backends: [], retries: {when: [connect, connect]}}
      routes:
        - {match: {path: /a%2Fb}, service: used}
      """
    let expected = """
      g.yaml:3:52: warning: idle: more connections are kept idle than 'max' allows to be open
          3 |   used: {backends: [], connections: {max: 5, idle: 6}, host: backends}
            |                                                    ^
      g.yaml:3:62: warning: host: 'backends' is sent as it stands; did you mean 'backend'?
          3 |   used: {backends: [], connections: {max: 5, idle: 6}, host: backends}
            |                                                              ^~~~~~~~
      g.yaml:4:3: warning: no route names the service 'unused'
          4 |   unused: {backends: [], retries: {when: [connect, connect]}}
            |   ^~~~~~
      g.yaml:4:52: warning: retries.when: 'connect' is given twice
          4 |   unused: {backends: [], retries: {when: [connect, connect]}}
            |                                                    ^~~~~~~
      g.yaml:6:20: warning: match.path: no request gets here; http.encoded_slash refuses a path \
      with %2F or %5C
          6 |   - {match: {path: /a%2Fb}, service: used}
            |                    ^~~~~~

      """
    #expect(printed(text) == expected)
    #expect(load(text).isValid)
    #expect(load(text).configuration != nil)
  }

  @Test func `the default admin address gives way to no listener`() {
    let text = "listeners: [{address: 127.0.0.1:9901}]\nservices: {}\nroutes: []\n"
    #expect(
      printed(text) == """
        g.yaml:1:23: error: admin.address: the admin listener's default is taken by the listener \
        of line 1
            1 | listeners: [{address: 127.0.0.1:9901}]
              |                       ^~~~~~~~~~~~~~

        """)
  }

  @Test func `a mistake reached by several aliases is told once`() {
    let text = """
      listeners: [{address: 127.0.0.1:8080}]
      services:
        a: {backends: [], timeouts: &times {connect: 5}}
        b: {backends: [], timeouts: *times}
      routes: [{match: {path: /a}, service: a}, {match: {path: /b}, service: b}]
      """
    #expect(load(text).diagnostics.map(\.message) == ["timeouts.connect: '5' has no unit"])
  }

  @Test func `a file that cannot be read is one error without a line`() {
    let result = ConfigurationLoader.load(path: "/nonexistent/g.yaml", environment: environment())
    let expected =
      "/nonexistent/g.yaml: error: the file cannot be read: No such file or directory\n"
    #expect(DiagnosticRenderer.text(result, isColoured: false) == expected)
    #expect(result.isUnreadable && !result.isValid)
    let directory = ConfigurationLoader.load(path: "/tmp", environment: environment())
    #expect(
      DiagnosticRenderer.text(directory, isColoured: false)
        == "/tmp: error: the file cannot be read: Is a directory\n")
  }

  @Test(arguments: [
    ("workers: 1\nworkers: 2", "workers"), ("limits: {'': 1}", "limits"),
    ("limits: {memory: 1GiB, memory: 1GiB}", "limits.memory"),
    ("a b: 1\na b: 2", "[\"a b\"]"), ("foo: 1", "foo"),
  ])
  func `no path begins with a dot`(text: String, path: String) {
    #expect(load(minimal(text)).diagnostics.contains { $0.path == path })
    #expect(!load(minimal(text)).diagnostics.contains { $0.path.hasPrefix(".") })
  }
}
