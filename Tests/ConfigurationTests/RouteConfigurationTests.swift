// Why this file exists: a route that was read in another way than it was meant lets requests
// through that its author wanted elsewhere; so every part is read exactly, and mistakes are named.
import Primitives
import Testing

@testable import Configuration

/// A file with these routes, two services `a` and `b`, and what else is given.
private func file(_ routes: String, _ more: String = "") -> String {
  (more.isEmpty ? "" : more + "\n") + """
    listeners: [{address: 127.0.0.1:8080}]
    services: {a: {backends: []}, b: {backends: [], timeouts: {connect: 2s}}}
    routes:

    """ + routes.split(separator: "\n").map { "  \($0)\n" }.joined()
}

/// What is said about these routes: `line: message`.
private func complaints(_ routes: String, _ more: String = "") -> [String] {
  // Above the routes: a service that none of them names.
  load(file(routes, more)).diagnostics.filter { $0.line > 3 }.map { diagnostic in
    let suggestion = diagnostic.suggestion.map { "; \($0)" } ?? ""
    return "\(diagnostic.line - 3): \(diagnostic.severity): \(diagnostic.message)\(suggestion)"
  }
}

@Suite struct RouteConfigurationTests {
  @Test func `every part of a route is read`() throws {
    let routes = try configuration(
      file(
        """
        - name: first
          match:
            host: "*.Example.com"
            path: /api/*
            methods: [GET, PROPFIND]
            headers: {X-Version: "2", X-Canary: "*"}
            query: {v: "", w: "*"}
          service: {a: 90%, b: 10%}
          strip_prefix: /api
          timeouts: {connect: 3s}
          request_headers: {set: {X-A: "{client_ip}"}, remove: [X-B]}
          response_headers: {set: {X-C: d}, remove: [Server]}
        - {match: {path: /old/*}, redirect: {status: 308, location: /new/*}}
        - match: {host: x.org, path: /ping}
          respond: {status: 201, body: "pong\\n", content_type: a/b}
        - {match: {path: /empty}, respond: {}}
        """)
    ).routes
    #expect(
      routes[0].match
        == MatchConfiguration(
          host: "*.example.com", path: "/api/*", methods: ["GET", "PROPFIND"],
          headers: [
            MatchCondition(name: "X-Version", value: "2"),
            MatchCondition(name: "X-Canary", value: nil),
          ],
          query: [MatchCondition(name: "v", value: ""), MatchCondition(name: "w", value: nil)]))
    #expect(routes[0].services.map(\.service) == [0, 1])
    #expect(routes[0].services.map(\.share) == [.percent(90), .percent(10)])
    #expect(routes[0].services.map(\.timeouts.connect) == [.seconds(3), .seconds(3)])
    #expect(routes[0].services.map(\.timeouts.response) == [.seconds(30), .seconds(30)])
    #expect(routes[0].stripPrefix == "/api")
    #expect(
      routes[0].requestHeaders
        == FieldEdits(
          set: [FieldEdits.Field(name: "X-A", value: "{client_ip}")], remove: ["X-B"]))
    #expect(
      routes[0].responseHeaders
        == FieldEdits(set: [FieldEdits.Field(name: "X-C", value: "d")], remove: ["Server"]))
    #expect(routes[1].action == .redirect(RedirectConfiguration(status: 308, location: "/new/*")))
    #expect(
      routes[2].action
        == .respond(RespondConfiguration(status: 201, body: "pong\n", contentType: "a/b")))
    #expect(
      routes[3].action
        == .respond(
          RespondConfiguration(status: 200, body: "", contentType: "text/plain; charset=utf-8")))
    #expect(routes.map(\.name) == ["first", "*/old/*", "x.org/ping", "*/empty"])
  }

  @Test func `the parts of a split have their own service's timeouts`() throws {
    let routes = try configuration(file("- {match: {path: /}, service: {a: 1%, b: 99%}}")).routes
    #expect(routes[0].services.map(\.timeouts.connect) == [.seconds(1), .seconds(2)])
  }

  @Test(arguments: [
    ("service: {a: 90%, b: 20%}", "service: the shares are 110% together, not 100%"),
    ("service: {a: 90%}", "service: the shares are 90% together, not 100%"),
    ("service: {a: 90%, c: 10%}", "service: there is no service 'c'; the services are a, b"),
    ("service: [a]", "service must be a name, or a mapping from names"),
    (
      "service: a, redirect: {status: 308, location: /x}",
      "'redirect' cannot stand beside 'service' in routes[0]; write exactly one of service, "
        + "redirect or respond"
    ),
    (
      "redirect: {location: /x}",
      "the key 'status' is missing in redirect; write one such as 'status: 308'"
    ),
    (
      "redirect: {status: 200, location: /x}",
      "redirect.status: '200' is not known here; write one of 301, 302, 303, 307 or 308"
    ),
    (
      "respond: {status: 100}",
      "respond.status: '100' is out of bounds; write a number from 200 to 599"
    ),
    ("respond: {status: 204, body: x}", "respond.body: an answer with status 204 has no body"),
    (
      "respond: {content_type: text}",
      "respond.content_type: 'text' is not a media type; write one like text/plain"
    ),
    ("service: a, strip_prefix: /b", "strip_prefix: the paths of '/x/*' do not begin with '/b'"),
    ("service: a, strip_prefix: /x/*", "strip_prefix: '/x/*' is a prefix as it is; write /x"),
    ("service: a, strip_prefix: /", "strip_prefix: '/' leaves every path as it is"),
  ])
  func `what does not go together is an error`(action: String, message: String) {
    let found = complaints("- {match: {path: /x/*}, \(action)}")
    #expect(found.contains("1: error: \(message)"), "\(found)")
  }

  @Test func `every split is summed up, whatever else is wrong in the file`() {
    let text = file(
      """
      - {match: {path: /x}, service: {a: 90%, b: 20%}}
      - {match: {path: /y}, service: {a: 30%, b: 40%}}
      - {match: {path: /z}, service: {a: 30%, c: 40%}}
      """, "workers: 0")
    let found = load(text).diagnostics.map(\.message)
    #expect(
      found == [
        "workers: '0' is out of bounds",
        "service: the shares are 110% together, not 100%",
        "service: the shares are 70% together, not 100%",
        "service: the shares are 70% together, not 100%",
        "service: there is no service 'c'",
      ])
  }

  @Test(arguments: [
    ("{a: 90, b: 20%}", "service: '90' has no unit"),
    ("{a: 90%, b: }", "service has no value"),
    ("{a: 50%, a: 50%}", "duplicate key 'a'; it is first given in line 4"),
    ("{a: 90%, <<: {b: 20%}}", "merge keys ('<<') are not supported"),
    ("{}", "service needs at least 1 entry"),
  ])
  func `shares that could not all be read are not summed up`(shares: String, message: String) {
    let found = load(file("- {match: {path: /x}, service: \(shares)}")).diagnostics
    #expect(found.map(\.message) == [message])
  }

  @Test(arguments: [
    "//evil.example/*", "https://example.com*", "https://*", "//*", "ftp://x/*", "new/*",
    "/a*", "/*/b", "/a/*?x=*", "/a?b=*", "/a#b", "/a\\\\b", "https:///x", "https://u@x/*",
    "javascript:alert(1)", "/a b", "/{host}/*", "https://x:99999/", "",
  ])
  func `a location that could lead elsewhere, or nowhere, is an error`(location: String) {
    let found = complaints(
      "- {match: {path: /x/*}, redirect: {status: 308, location: \"\(location)\"}}")
    #expect(found.count == 1 && found[0].contains("redirect.location"), "\(found)")
  }

  @Test(arguments: [
    "/*", "/new/*", "/new", "/new?a=b", "https://example.com/*", "http://[::1]:8080/a/*",
    "https://example.com", "https://example.com?x",
  ])
  func `a location that is fixed by the file is good`(location: String) {
    let found = complaints(
      "- {match: {path: /x/*}, redirect: {status: 308, location: \"\(location)\"}}")
    #expect(found == [])
  }

  @Test func `a star needs something to stand for`() {
    let found = complaints("- {match: {path: /x}, redirect: {status: 302, location: /y/*}}")
    #expect(
      found == [
        "1: error: redirect.location: nothing follows '/x' that could stand for the star"
      ])
  }

  @Test(arguments: [
    ("example.com:80", "the port of a request is not compared; write the host alone"),
    ("*", "leave the key out for any host"),
    ("a.*.com", "* may only stand for whole labels in front: *.example.com"),
    ("*.*.com", "* may only stand for whole labels in front: *.example.com"),
    ("*com", "* may only stand for whole labels in front: *.example.com"),
    ("a..com", "write a host such as api.example.com, an address, or *.example.com"),
    ("a b", "write a host such as api.example.com, an address, or *.example.com"),
    ("http://x", "write a host such as api.example.com, an address, or *.example.com"),
  ])
  func `a host that cannot match is an error`(host: String, message: String) {
    let found = complaints("- {match: {path: /, host: \"\(host)\"}, service: a}")
    #expect(found == ["1: error: match.host: '\(host)' cannot match; \(message)"])
  }

  @Test(arguments: [
    ("get", "is written in capitals; write GET"),
    ("CONNECT", "is never forwarded, so no route sees it"),
    ("GTE", "is no method that the gateway forwards; did you mean 'GET'?"),
    (
      "FROBNICATE",
      "is no method that the gateway forwards; write one such as GET, or leave the key out for all"
    ),
  ])
  func `a method that never comes is an error`(method: String, message: String) {
    let found = complaints("- {match: {path: /, methods: [\(method)]}, service: a}")
    #expect(found.count == 1 && found[0].hasSuffix("'\(method)' \(message)"), "\(found)")
  }

  @Test(arguments: [
    ("Content-Length", "says where the message ends"), ("transfer-encoding", "says where"),
    ("Connection", "belongs to one connection"), ("Upgrade", "belongs to one connection"),
    ("Host", "is not set here; write services.NAME.host"), ("Via", "is written by the gateway"),
    ("X-Forwarded-For", "is written by the gateway"), ("X-Request-ID", "is written by"),
    ("Expect", "says where"), ("Proxy-Authorization", "belongs to one connection"),
    ("X A", "is not the name of a field"), ("X-A:", "is not the name of a field"),
  ])
  func `fields that are not a route's to change are refused`(name: String, why: String) {
    let set = complaints(
      "- {match: {path: /}, service: a, request_headers: {set: {\"\(name)\": x}}}")
    #expect(set.count == 1 && set[0].contains(why), "\(set)")
    let removed = complaints(
      "- {match: {path: /}, service: a, request_headers: {remove: [\"\(name)\"]}}")
    #expect(removed.count == 1 && removed[0].contains(why), "\(removed)")
  }

  @Test(arguments: [
    ("{nobody}", "names something that is not known here; the words are {client_ip}"),
    ("{", "opens a brace and does not close it; write {{ for a brace"),
    ("a\\r\\nX-B: c", "holds a byte that may not stand in a field"),
    ("a ", "begins or ends with a space"), ("", "is empty"),
  ])
  func `a value that could not be sent is refused`(value: String, why: String) {
    let found = complaints(
      "- {match: {path: /}, service: a, response_headers: {set: {X-A: \"\(value)\"}}}")
    #expect(found.count == 1 && found[0].contains(why), "\(found)")
  }

  @Test func `a name twice, in any letter case, is an error`() {
    let found = complaints(
      """
      - match: {path: /, headers: {X-A: "1", x-a: "2"}}
        service: a
        request_headers: {set: {X-B: c, x-b: d}}
      """)
    #expect(
      found == [
        "1: error: match.headers: the field 'x-a' is given twice",
        "3: error: request_headers.set: the field 'x-b' is given twice",
      ])
  }

  @Test func `what an answer of the route does not use is a warning`() {
    let found = complaints(
      """
      - match: {path: /x}
        respond: {}
        strip_prefix: /x
        timeouts: {connect: 1s}
        body_size: 1KiB
      """)
    #expect(
      found == [
        "3: warning: strip_prefix: respond answers by itself, and forwards nothing",
        "4: warning: timeouts: respond answers by itself, and forwards nothing",
        "5: warning: body_size: respond answers by itself, and forwards nothing",
      ])
  }

  @Test func `a field that an answer of the route has of its own is a warning where it is set`() {
    let found = complaints(
      """
      - match: {path: /x}
        respond: {}
        response_headers: {set: {Content-Type: text/html, X-A: a}}
      - match: {path: /y}
        redirect: {status: 308, location: /z}
        response_headers: {set: {location: /a}}
      - match: {path: /z}
        respond: {}
        response_headers: {set: {Location: /a}}
      """)
    let text = "warning: response_headers.set: the answer of"
    #expect(
      found == [
        "3: \(text) respond gets no 'Content-Type' from here; write respond.content_type",
        "6: \(text) redirect gets no 'location' from here; write redirect.location",
        "9: \(text) respond gets no 'Location' from here",
      ])
  }

  @Test func `nothing is removed from an answer of the route's own, which is a warning`() {
    let found = complaints(
      """
      - match: {path: /x}
        respond: {}
        response_headers: {set: {X-A: a}, remove: [Content-Type]}
      - match: {path: /y}
        redirect: {status: 308, location: /z}
        response_headers: {remove: [Server, Location]}
      - match: {path: /z}
        redirect: {status: 308, location: /z}
        response_headers: {set: {X-A: a}, remove: []}
      """)
    let text = "answers by itself, and that answer keeps its fields"
    #expect(
      found == [
        "3: warning: response_headers.remove: respond \(text)",
        "6: warning: response_headers.remove: redirect \(text)",
      ])
  }

  @Test func `a parameter named as it is sent, not as it is meant, is a warning`() {
    let routes = """
      - match: {path: /x, query: {"v%5F": a, "%41": "x%20y", "50%": b}}
        service: a
      """
    let text = "1: warning: match.query: names in a query are compared decoded; this one is met by"
    #expect(
      complaints(routes) == [
        "\(text) v%255F; write v_", "\(text) %2541; write A",
      ])
  }

  @Test func `conditions that cannot be met are named`() {
    let host = complaints("- {match: {path: /, headers: {Host: x}}, service: a}")
    #expect(
      host.contains("1: error: match.headers: the host is not compared here; write match.host"))
    let routes = "- {match: {path: /, headers: {X_A: x}}, service: a}"
    #expect(
      complaints(routes) == [
        "1: warning: match.headers: no request gets here; http.underscore_fields lets no 'X_A' pass"
      ])
    #expect(load(file(routes, "http: {underscore_fields: keep}")).diagnostics.count == 1)
  }
}
