// Why this file exists: the access rules as a table, without a socket.

import HTTPSemantics
import Primitives
import Testing

@testable import Admin

@Suite struct AdminAccessTests {
  private static let loopback = AdminPeer.address(IPAddress(v4: 0x7f00_0001))
  private static let far = AdminPeer.address(IPAddress(v4: 0x0a00_0001))

  private func status(
    _ access: AdminAccess, _ method: HTTPSemantics.Method = .post, host: String? = "localhost",
    peer: AdminPeer = loopback, origin: Bool = false, sites: [String] = [],
    authorizations: [String] = []
  ) -> UInt16? {
    let request = AdminRequest(
      method: method, path: "/reload", host: host, peer: peer, hasOrigin: origin,
      fetchSites: sites, authorizations: authorizations)
    return access.refusal(of: request)?.status
  }

  @Test(arguments: [
    ("localhost", true), ("127.0.0.1", true), ("10.1.2.3", true), ("[::1]", true),
    ("[2001:db8::1]", true), ("admin.internal", true), (nil, true),
    ("evil.example", false), ("localhost.evil.example", false), ("127.0.0.1.evil.example", false),
    ("127.1", false), ("2130706433", false), ("[admin.internal]", false), ("localhost.", false),
  ])
  func `Any request needs a Host that no name server can point here`(host: String?, isGood: Bool) {
    let access = AdminAccess(token: nil, configuredHost: "admin.internal")
    #expect(status(access, .get, host: host) == (isGood ? nil : 403))
    #expect(status(access, .post, host: host) == (isGood ? nil : 403))
  }

  @Test func `Without a configured name only addresses and localhost are ours`() {
    #expect(status(AdminAccess(), .get, host: "admin.internal") == 403)
  }

  @Test func `A POST from a page is refused, whatever token it has`() {
    let access = AdminAccess(token: "secret")
    let bearer = ["Bearer secret"]
    #expect(status(access, authorizations: bearer) == nil)
    #expect(status(access, origin: true, authorizations: bearer) == 403)
    #expect(status(access, sites: ["same-origin"], authorizations: bearer) == nil)
    #expect(status(access, sites: ["none"], authorizations: bearer) == nil)
    for site in ["cross-site", "same-site", "", "None"] {
      #expect(status(access, sites: [site], authorizations: bearer) == 403)
    }
    #expect(status(access, sites: ["none", "cross-site"], authorizations: bearer) == 403)
  }

  @Test func `Without a token a POST is taken from this machine only`() {
    #expect(status(AdminAccess(), peer: Self.loopback) == nil)
    #expect(status(AdminAccess(), peer: .address(IPAddress(high: 0, low: 1))) == nil)
    #expect(status(AdminAccess(), peer: .unix) == nil)
    #expect(status(AdminAccess(), peer: Self.far) == 403)
    #expect(status(AdminAccess(), .get, peer: Self.far) == nil)
  }

  @Test func `With a token a POST needs it, from anywhere`() {
    let access = AdminAccess(token: "se cret=")
    #expect(status(access, peer: Self.far, authorizations: ["Bearer se cret="]) == nil)
    #expect(status(access, peer: Self.far, authorizations: ["bEARER   se cret="]) == nil)
    let wrong = [
      "Bearer se cret", "Bearer se cret==", "Bearer xe cret=", "Bearer ", "Bearer",
      "Basic se cret=", "se cret=", "", "Bearer se cret=se cret=",
    ]
    for value in wrong { #expect(status(access, authorizations: [value]) == 401, "\(value)") }
    #expect(status(access, peer: .unix) == 401)
    #expect(status(access, authorizations: ["Bearer se cret=", "Bearer se cret="]) == 401)
    #expect(status(AdminAccess(token: ""), authorizations: ["Bearer x"]) == 401)
  }
}
