// Why this file exists: an address has one text, wherever it is shown; and every way to get one
// wrong has its own words.
import Primitives
import Testing

@testable import Configuration

@Suite struct AddressTests {
  private func outcome(_ text: String, _ use: AddressUse) -> String {
    do throws(ScalarProblem) {
      return try AddressReader.address(text, for: use).text
    } catch {
      return error.detail + (error.suggestion.map { "; \($0)" } ?? "")
    }
  }

  @Test(arguments: [
    ("127.0.0.1:9001", "127.0.0.1:9001"), ("[::1]:80", "[::1]:80"),
    ("[2001:DB8:0:0::1]:80", "[2001:db8::1]:80"), ("[::ffff:10.0.0.1]:80", "10.0.0.1:80"),
    ("Users.Internal:80", "users.internal:80"), ("my_service:80", "my_service:80"),
    ("users.internal.:80", "users.internal:80"), ("unix:/run/a b.sock", "unix:/run/a b.sock"),
    ("localhost:65535", "localhost:65535"), ("1a:1", "1a:1"),
  ])
  func `a backend's address has one text`(text: String, expected: String) {
    #expect(outcome(text, .connect) == expected)
  }

  @Test(arguments: [
    ("127.0.0.1", "has no port; write host:port"),
    ("8080", "has no host; write 127.0.0.1:8080"),
    (":8080", "has no host; write host:port"),
    ("host:", "has no valid port; write a port from 1 to 65535"),
    ("host:0", "has no valid port; write a port from 1 to 65535"),
    ("host:65536", "has no valid port; write a port from 1 to 65535"),
    ("host:080", "has no valid port; write a port from 1 to 65535"),
    ("host:http", "has no valid port; write a port from 1 to 65535"),
    ("host:+80", "has no valid port; write a port from 1 to 65535"),
    ("::1:80", "has an IPv6 address without brackets; write [::1]:80"),
    ("::1", "is an IPv6 address without brackets and port; write [::1]:8080"),
    ("[::1]", "has no valid port; write a port from 1 to 65535"),
    ("[::1:80", "is not an IPv6 address in brackets"),
    ("[127.0.0.1:80", "is not an IPv6 address in brackets"),
    ("[fe80::1%eth0]:80", "is not an IPv6 address in brackets"),
    ("http://users:8080/x", "is a URL, not an address; write users:8080"),
    ("http://users", "is a URL, not an address; write users:80"),
    ("/run/a.sock", "is a path; write unix:/run/a.sock"),
    ("unix:run/a.sock", "has no absolute path to a socket; write unix:/path.sock"),
    ("unix:", "has no absolute path to a socket; write unix:/path.sock"),
    ("1.2.3:80", "has no valid host; write host:port"),
    ("256.0.0.1:80", "has no valid host; write host:port"),
    ("-a:80", "has no valid host; write host:port"),
    ("a..b:80", "has no valid host; write host:port"),
    ("a b:80", "has no valid host; write host:port"),
    ("hôst:80", "has no valid host; write host:port"),
    ("22:22", "has no valid host; write host:port"),
  ])
  func `an address that is none is explained`(text: String, expected: String) {
    #expect(outcome(text, .connect) == expected)
  }

  @Test(arguments: [
    ("0.0.0.0:8080", "0.0.0.0:8080"), ("[::]:0", "[::]:0"), ("localhost:80", "127.0.0.1:80"),
    ("*:8080", "has a star where an address belongs; write 0.0.0.0:8080"),
    (":8080", "has no host; write 0.0.0.0:8080"), ("8080", "has no host; write 0.0.0.0:8080"),
    ("gateway:80", "is not an IP address, which listening needs; write 0.0.0.0:80"),
  ])
  func `listening needs an address of this machine`(text: String, expected: String) {
    #expect(outcome(text, .listen) == expected)
  }

  @Test(arguments: [
    ("0.0.0.0:9901", "0.0.0.0:9901"), ("localhost:0", "127.0.0.1:0"),
    ("Gateway.internal:9901", "gateway.internal:9901"),
    (":9901", "has no host; write 0.0.0.0:9901"),
  ])
  func `the admin listener may be known by a name`(text: String, expected: String) {
    #expect(outcome(text, .admin) == expected)
  }

  @Test func `a unix path has at most 107 bytes`() {
    let longest = "unix:/" + String(repeating: "a", count: 106)
    #expect(outcome(longest, .connect) == longest)
    #expect(
      outcome(longest + "b", .connect)
        == "has a path of more than 107 bytes, which no socket can have")
  }

  @Test func `a host name has at most 253 bytes and labels of at most 63`() {
    let label = String(repeating: "a", count: 63)
    let name = [label, label, label, String(label.dropLast(2))].joined(separator: ".")
    #expect(outcome(name + ":80", .connect) == name + ":80")
    #expect(outcome("a" + name + ":80", .connect) == "has no valid host; write host:port")
    #expect(outcome(label + "a:80", .connect) == "has no valid host; write host:port")
  }

  // MARK: Meeting

  private func address(_ text: String) throws -> NetworkAddress {
    try AddressReader.address(text, for: .connect)
  }

  @Test(arguments: [
    ("0.0.0.0:80", "127.0.0.1:80", true), ("0.0.0.0:80", "127.9.9.9:80", true),
    ("0.0.0.0:80", "0.0.0.0:80", true), ("0.0.0.0:80", "localhost:80", true),
    ("0.0.0.0:80", "10.0.0.1:80", false), ("0.0.0.0:80", "127.0.0.1:81", false),
    ("0.0.0.0:80", "[::1]:80", false), ("[::]:80", "[::1]:80", true),
    ("[::]:80", "127.0.0.1:80", false), ("[::1]:80", "127.0.0.1:80", false),
    ("127.0.0.1:80", "127.0.0.1:80", true), ("127.0.0.1:80", "127.0.0.2:80", false),
    ("127.0.0.1:80", "0.0.0.0:80", true), ("10.0.0.1:80", "0.0.0.0:80", false),
    ("10.0.0.1:80", "10.0.0.1:80", true), ("10.0.0.1:80", "localhost:80", false),
    ("127.0.0.1:80", "users.internal:80", false), ("unix:/a", "unix:/a", true),
    ("unix:/a", "unix:/b", false), ("unix:/a", "127.0.0.1:80", false),
    ("gateway:80", "gateway:80", true), ("gateway:80", "gateway:81", false),
    ("gateway:80", "users:80", false), ("[::]:80", "0.0.0.0:80", false),
    ("[::1]:80", "[::]:80", true), ("0.0.0.0:80", "[::ffff:127.0.0.1]:80", true),
  ])
  func `a backend that comes out at a listener is found`(
    listener: String, backend: String, expected: Bool
  ) throws {
    #expect(try address(listener).isReached(by: address(backend)) == expected)
  }

  @Test(arguments: [
    ("0.0.0.0:80", "127.0.0.1:80", true), ("127.0.0.1:80", "0.0.0.0:80", true),
    ("127.0.0.1:80", "127.0.0.1:80", true), ("127.0.0.1:80", "10.0.0.1:80", false),
    ("0.0.0.0:80", "[::]:80", false), ("0.0.0.0:80", "0.0.0.0:81", false),
    ("unix:/a", "unix:/a", true), ("unix:/a", "unix:/b", false),
  ])
  func `two sockets that cannot both listen are found`(
    one: String, other: String, expected: Bool
  ) throws {
    #expect(try address(one).collides(with: address(other)) == expected)
  }

  @Test func `any free port collides with none`() throws {
    let any = try AddressReader.address("127.0.0.1:0", for: .listen)
    #expect(any.collides(with: any) == false)
  }
}
