// Why this file exists: a client that can say who it is can be anybody.
import HTTPSemantics
import Primitives
import Testing

@Suite struct ClientIdentityTests {
  private let proxies = ["10.0.0.0/8", "192.168.1.1", "fd00::/8"].map { CIDR.parse($0)! }

  private func resolve(
    _ fields: String, peer: String = "10.0.0.1", trusted: [CIDR]? = nil
  ) -> (client: String, peerIsTrusted: Bool, forwarded: [String]) {
    let request = JudgedRequest("GET / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n")
    precondition(request.verdict == .accept)
    let identity = (trusted ?? proxies).withUnsafeBufferPointer {
      ClientIdentity.resolve(
        request.head, request.facts, peer: IPAddress.parse(peer)!, trusted: $0)
    }
    return (
      identity.address.description, identity.peerIsTrusted, Array(request.forwarded.dropFirst())
    )
  }

  @Test func `an untrusted peer is the client, and what it says of itself is dropped`() {
    let result = resolve(
      "X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: h\r\n"
        + "X-Forwarded-Port: 1\r\nForwarded: for=1.1.1.1\r\nX-Real-IP: 1.1.1.1\r\nX-Other: 1\r\n",
      peer: "203.0.113.9")
    #expect(result.client == "203.0.113.9")
    #expect(!result.peerIsTrusted)
    #expect(result.forwarded == ["X-Other: 1"])
  }

  @Test func `without trusted proxies every peer is the client`() {
    #expect(resolve("X-Forwarded-For: 1.1.1.1\r\n", trusted: []).client == "10.0.0.1")
  }

  @Test func `a trusted peer without the field is itself the client`() {
    let result = resolve("X-Forwarded-Proto: https\r\n")
    #expect(result.client == "10.0.0.1")
    #expect(result.peerIsTrusted)
    #expect(result.forwarded == ["X-Forwarded-Proto: https"])
    #expect(resolve("").peerIsTrusted)
  }

  @Test(arguments: [
    ("1.1.1.1", "1.1.1.1"), ("6.6.6.6, 1.1.1.1", "1.1.1.1"),
    ("1.1.1.1, 10.9.9.9, 192.168.1.1", "1.1.1.1"), ("10.1.1.1, 10.2.2.2", "10.1.1.1"),
    ("1.1.1.1:4711", "1.1.1.1"), ("[2001:db8::1]:4711", "2001:db8::1"),
    ("2001:db8::1", "2001:db8::1"), ("[2001:db8::1]", "2001:db8::1"),
    ("2001:db8::2, fd00::7", "2001:db8::2"),
    ("::ffff:1.1.1.1", "1.1.1.1"), (" 1.1.1.1 ,, 10.1.1.1,", "1.1.1.1"), ("", "10.0.0.1"),
    (",", "10.0.0.1"),
  ])
  func `the list is walked from the right over trusted addresses`(value: String, client: String) {
    #expect(resolve("X-Forwarded-For: \(value)\r\n").client == client)
  }

  @Test(arguments: [
    ("1.1.1.1, unknown", "10.0.0.1"), ("1.1.1.1, unknown, 10.3.3.3", "10.3.3.3"),
    ("unknown", "10.0.0.1"), ("1.1.1.1, 10.3.3.3:x", "10.0.0.1"),
    ("1.1.1.1, [1.2.3.4]", "10.0.0.1"), ("1.1.1.1, 010.0.0.1", "10.0.0.1"),
    ("1.1.1.1, 10.0.0", "10.0.0.1"), ("1.1.1.1; x", "10.0.0.1"),
    ("\"1.1.1.1\"", "10.0.0.1"),
  ])
  func `what cannot be read ends the walk, the last address stands`(value: String, client: String) {
    #expect(resolve("X-Forwarded-For: \(value)\r\n").client == client)
  }

  @Test func `several lines are one list in order (regression 28)`() {
    let fields = "X-Forwarded-For: 6.6.6.6, 1.1.1.1\r\nX: y\r\nX-Forwarded-For: 10.1.1.1\r\n"
    #expect(resolve(fields).client == "1.1.1.1")
    let later = "X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 2.2.2.2, 10.1.1.1\r\n"
    #expect(resolve(later).client == "2.2.2.2")
  }

  @Test func `what goes on is the whole list and the peer`() {
    func list(_ fields: String, peer: String, trusted: Bool) -> String? {
      let request = JudgedRequest("GET / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n")
      let address = IPAddress.parse(peer)!
      let ranges = trusted ? [CIDR.parse(peer)!] : []
      ranges.withUnsafeBufferPointer {
        _ = ClientIdentity.resolve(request.head, request.facts, peer: address, trusted: $0)
      }
      return written { ForwardedFor.write(request.head, peer: address, into: &$0) }
    }
    let fields = "X-Forwarded-For: 1.1.1.1,2.2.2.2\r\nX-Forwarded-For: [::1]:5\r\n"
    #expect(list(fields, peer: "10.0.0.1", trusted: true) == "1.1.1.1, 2.2.2.2, [::1]:5, 10.0.0.1")
    #expect(list(fields, peer: "10.0.0.1", trusted: false) == "10.0.0.1")
    #expect(list("", peer: "2001:db8::1", trusted: true) == "2001:db8::1")
  }

  @Test func `Via names the version a message came in`() {
    func line(_ version: HTTPVersion) -> String? {
      written { writer in
        writer.append(together: Via.lineLength) { pen in Via.put(version, &pen) }
      }
    }
    #expect(line(.http10) == "Via: 1.0 gateway\r\n")
    #expect(line(.http11) == "Via: 1.1 gateway\r\n")
  }
}
