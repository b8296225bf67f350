// Why this file exists: one normal form of the path decides about the route and is what the backend
// gets (regression 26).

import Testing

private let routes = """
  listeners:
    - address: 127.0.0.1:{port}
  admin:
    address: 127.0.0.1:{admin}
  services:
    users:
      backends: [{backend1}]
    exact:
      backends: [{backend2}]
  routes:
    - name: users
      match: {path: /api/users/*}
      service: users
    - name: exact
      match: {path: /exact}
      service: exact
    - name: deep
      match: {path: /api/users/admin/*}
      service: exact

  """

extension Refusals {
  @Suite struct Paths {
    @Test func `a prefix ends at a segment`() throws {
      let backends = [ScriptedBackend.named("users"), .named("exact")]
      try withGateway(routes, backends) { gateway in
        for path in ["/api/users", "/api/users/", "/api/users/7/x", "/api/users?q"] {
          let response = try gateway.get(path)
          #expect(response.text == "users \(path)")
        }
        for path in ["/api/users2", "/api/user", "/api/usersx/1", "/API/users", "/", "/api"] {
          let response = try gateway.get(path)
          #expect(response.status == 404, "\(path)")
          #expect(response.reason == "no_route")
        }
      }
    }

    @Test func `a path without a star is that path only, and the longer prefix wins`() throws {
      let backends = [ScriptedBackend.named("users"), .named("exact")]
      try withGateway(routes, backends) { gateway in
        #expect(try gateway.get("/exact").text == "exact /exact")
        #expect(try gateway.get("/exact?a=/b").text == "exact /exact?a=/b")
        #expect(try gateway.get("/exact/").status == 404)
        #expect(try gateway.get("/exact/x").status == 404)
        let deep = try gateway.get("/api/users/admin/x")
        #expect(deep.text == "exact /api/users/admin/x")
        #expect(try gateway.get("/api/users/adminx").text == "users /api/users/adminx")
      }
    }

    @Test func `dot segments and escapes are resolved before routing and forwarding`() throws {
      let backends = [ScriptedBackend.named("users"), .named("exact")]
      try withGateway(routes, backends) { gateway in
        for (sent, forwarded) in [
          ("/api/users/../users/1", "users /api/users/1"),
          ("/api/./users/1/.", "users /api/users/1/"),
          ("/x/../api/users", "users /api/users"),
          ("/api/users/1/..", "users /api/users/"),
          ("/../../api/users/1", "users /api/users/1"),
          ("/%61pi/%75sers/%7e", "users /api/users/~"),
          ("/api/users/%e2%82%ac", "users /api/users/%E2%82%AC"),
          ("/api/users/a%20b%3fc", "users /api/users/a%20b%3Fc"),
          ("/api/users/%2e%2e/users/2", "users /api/users/2"),
          ("/api/users/admin/%2E%2e/x", "users /api/users/x"),
          ("/api/users//a", "users /api/users//a"),
          ("/api/users/a?x=/../%2e", "users /api/users/a?x=/../%2e"),
        ] {
          let response = try gateway.get(sent)
          #expect(response.text == forwarded, "\(sent)")
        }
        #expect(try gateway.get("/api/users/../../x").status == 404)
        #expect(try gateway.get("/api//users").status == 404, "slashes are not merged")
      }
    }

    @Test func `encoded slashes are kept as they are when the setting says so`() throws {
      let backends = [ScriptedBackend.named("users"), .named("exact")]
      let text = "http:\n  encoded_slash: keep\n" + routes
      try withGateway(text, backends) { gateway in
        #expect(try gateway.get("/api/users/a%2fb").text == "users /api/users/a%2Fb")
        #expect(try gateway.get("/api/users/a%5cb").text == "users /api/users/a%5Cb")
        let hidden = try gateway.get("/api%2fusers/1")
        #expect(hidden.status == 404, "never a separator")
        let dots = try gateway.get("/api/users/..%2fadmin")
        #expect(dots.text == "users /api/users/..%2Fadmin")
        #expect(try gateway.get("/api/users/a%00").status == 400)
      }
    }

    @Test func `an asterisk is routed as the root`() throws {
      let backends = [ScriptedBackend.named("users"), .named("exact")]
      let text = routes.replacing("path: /exact}", with: "path: /}")
      try withGateway(text, backends) { gateway in
        let response = try gateway.exchange("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(response.text == "exact *")
      }
    }
  }
}
