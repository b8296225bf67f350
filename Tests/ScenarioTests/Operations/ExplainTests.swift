// Why this file exists: an explanation that differs from what the gateway does is worse than none.

import Testing

private let text = """
  listeners: [{address: "127.0.0.1:{port}"}]
  admin: {address: "127.0.0.1:{admin}"}
  services:
    users: {backends: [{backend1}]}
    canary: {backends: [{backend2}]}
  routes:
    - {name: any, match: {path: /api/*}, service: users}
    - name: read
      match: {path: /api/*, methods: [GET, HEAD]}
      service: {users: 90%, canary: 10%}
    - name: canary
      match: {host: api.example.com, path: /api/*, headers: {X-Canary: "*"}, query: {v: "2"}}
      service: canary
      strip_prefix: /api
    - {name: old, match: {path: /old/*}, redirect: {status: 308, location: /new/*}}
    - {name: put, match: {path: /put, methods: [PUT]}, service: users}

  """

extension Operations {
  @Suite struct Explain {
    private func explain(_ arguments: String...) throws -> (end: ProcessEnd, output: String) {
      let directory = makeDirectory()
      defer { removeDirectory(directory) }
      let path = "\(directory)/g.yaml"
      let places = [
        ("port", "8080"), ("admin", "8081"), ("backend1", "10.0.0.2:80"),
        ("backend2", "10.0.0.3:80"),
      ]
      writeFile(path, places.reduce(text) { $0.replacing("{\($1.0)}", with: $1.1) })
      let result = try runGateway(["explain", "--config", path] + arguments)
      return (result.end, result.output.replacing(path, with: "g.yaml"))
    }

    @Test func `a tree says which route takes a request, and why others do not`() throws {
      let result = try explain(
        "GET", "http://API.example.com:8080/api/%75sers?v=1#top", "-H", "X-Canary: yes")
      #expect(result.end == .exited(0))
      #expect(
        result.output == """
          GET http://API.example.com:8080/api/%75sers?v=1#top
          ├─ read as host API.example.com, path /api/users, query v=1, client 127.0.0.1
          ├─ taken by read (g.yaml:8)
          ├─ not taken by
          │  └─ canary (g.yaml:11): query v must be '2', the query is 'v=1'
          ├─ would be taken too by
          │  └─ any (g.yaml:7): it has fewer conditions
          └─ forwarded as /api/users?v=1
             ├─ service users: 90 % of the requests, round_robin
             │  └─ 10.0.0.2:80: eligible
             └─ service canary: 10 % of the requests, round_robin
                └─ 10.0.0.3:80: eligible

          """)
    }

    @Test func `each condition that fails is named`() throws {
      let host = try explain("POST", "http://other.org/api/x?v=2", "-H", "X-Canary: 1")
      #expect(
        host.output.contains("canary (g.yaml:11): host must be 'api.example.com', is 'other.org'"))
      #expect(host.output.contains("read (g.yaml:8): method must be GET, HEAD, is 'POST'"))
      #expect(host.output.contains("taken by any (g.yaml:7)"))
      let header = try explain("POST", "http://api.example.com/api/x?v=2")
      #expect(
        header.output.contains("canary (g.yaml:11): header X-Canary must be there, is not there"))
      let path = try explain("GET", "/put/x")
      #expect(path.end == .exited(1))
      #expect(path.output.contains("put (g.yaml:16): path must be '/put', is '/put/x'"))
      #expect(path.output.contains("no route takes it"))
    }

    @Test func `what is answered is told, with exit code 1 where no route takes it`() throws {
      let redirect = try explain("GET", "/old//evil.example?x")
      #expect(redirect.end == .exited(0))
      #expect(redirect.output.contains("answered 308, location /new/evil.example?x"))
      let method = try explain("GET", "/put")
      #expect(method.end == .exited(1))
      #expect(method.output.contains("answered 405 method_not_allowed; allowed: PUT"))
      let slash = try explain("GET", "/api/%2fx")
      #expect(slash.end == .exited(1))
      #expect(slash.output.contains("answered 400 bad_request, target"))
      let framing = try explain(
        "POST", "/api", "-H", "Content-Length: 1", "-H", "Transfer-Encoding: chunked")
      #expect(framing.output.contains("answered 400 bad_request, framing"))
    }

    @Test(arguments: ["x:1", "[::1]:443", "x"])
    func `a CONNECT is told to be refused before any route is asked`(target: String) throws {
      let result = try explain("CONNECT", target)
      #expect(result.end == .exited(1))
      #expect(
        result.output == """
          CONNECT \(target)
          ├─ no route is asked
          └─ answered 405 method_not_allowed; allowed: GET, HEAD, POST, PUT, DELETE, OPTIONS, \
          TRACE, PATCH

          """)
      let asked = try explain("CONNECT", target, "--client-ip", "192.0.2.7", "--format", "json")
      #expect(try JSON(parsing: asked.output)["request"]?["client_ip"]?.text == "192.0.2.7")
    }

    @Test func `wrong usage and wrong files have codes of their own`() throws {
      #expect(try explain("GET", "no-url").end == .exited(64))
      #expect(try explain("GET", "/", "--client-ip", "nobody").end == .exited(64))
      #expect(try explain("GET", "/", "-H", "no field").end == .exited(64))
      #expect(try explain("GET").end == .exited(64))
      let missing = try runGateway(["explain", "--config", "/nowhere.yaml", "GET", "/"])
      #expect(missing.end == .exited(2))
    }

    @Test func `a client is who the trusted proxies say`() throws {
      let result = try explain("GET", "/api", "--client-ip", "192.0.2.7", "--format", "json")
      let json = try JSON(parsing: result.output)
      #expect(json["request"]?["client_ip"]?.text == "192.0.2.7")
      #expect(json["route"]?["name"]?.text == "read" && json["route"]?["line"]?.integer == 8)
    }

    @Test func `the admin listener explains what the running gateway does`() throws {
      let backends = [ScriptedBackend.answering(), ScriptedBackend.answering()]
      try withGateway(text, backends) { gateway in
        let asked = try gateway.admin(
          "/explain?method=GET&url=http://api.example.com/api/x%3Fv=2&header=X-Canary:%201"
            + "&header=Accept:+*/*")
        #expect(asked.status == 200 && asked["Content-Type"] == "application/json")
        let json = try JSON(parsing: asked.text)
        #expect(json["route"]?["name"]?.text == "canary")
        #expect(json["target"]?.text == "/x?v=2")
        let backend = json["services"]?[0]?["backends"]?[0]
        #expect(backend?["address"]?.text == "\(backends[1].address)")
        // And so it does.
        _ = try gateway.exchange(
          "GET /api/x?v=2 HTTP/1.1\r\nHost: api.example.com\r\nX-Canary: 1\r\n\r\n")
        #expect(backends[1].requests.last?.target == "/x?v=2")
        for query in [
          "", "?method=GET", "?url=/&url=/", "?url=/&x=1", "?url=x", "?url=/&client_ip=x",
        ] {
          #expect(try gateway.admin("/explain\(query)").status == 400, "\(query)")
        }
        let injected = try gateway.admin("/explain?url=/&header=A:%0d%0aHost:%20b")
        #expect(injected.status == 400)
        #expect(try gateway.admin("/explain?url=/x", method: "HEAD").status == 200)
      }
    }
  }
}
