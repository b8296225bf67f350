// Why this file exists: whose routes a request meets is decided by its host, and clients write
// hosts in more ways than one.
import HTTPSemantics
import Primitives
import Testing

@testable import Routing

@Suite struct HostTests {
  private func table(_ hosts: [String?]) -> Table {
    Table(hosts.enumerated().map { RouteRule(host: $1, "/*", route: UInt32($0)) })
  }

  @Test func `letter case and a final dot do not count (regression 27)`() {
    let table = table(["api.example.com"])
    #expect(table.match(Asked(host: "api.example.com")) == 0)
    #expect(table.match(Asked(host: "API.Example.COM")) == 0)
    #expect(table.match(Asked(host: "api.example.com.")) == 0)
    for other in [
      "", "example.com", "xapi.example.com", "x.api.example.com", "api.example.co",
      "api.example.comx", "api.example.com..", ".api.example.com", "api-example.com", ".", "..",
    ] {
      #expect(table.match(Asked(host: other)) == nil, "\(other)")
    }
  }

  @Test func `a wildcard takes one or more labels and not the bare domain`() {
    let table = table(["*.example.com"])
    #expect(table.match(Asked(host: "a.example.com")) == 0)
    #expect(table.match(Asked(host: "a.b.example.com")) == 0)
    #expect(table.match(Asked(host: "A.EXAMPLE.com.")) == 0)
    for other in ["example.com", "aexample.com", "com", "a.example.com.org", "", "example.com."] {
      #expect(table.match(Asked(host: other)) == nil, "\(other)")
    }
  }

  @Test func `an empty label is none, wherever it stands`() {
    let table = table(["*.example.com", "*.a.example.com", nil])
    #expect(table.match(Asked(host: "a.b.example.com")) == 0)
    #expect(table.match(Asked(host: "b.a.example.com")) == 1)
    for other in [
      ".example.com", "..example.com", "a..example.com", ".a.example.com", "..a.example.com",
      "a..b.example.com", "b..a.example.com", ".b.a.example.com", ".example.com.",
    ] {
      #expect(table.match(Asked(host: other)) == 2, "\(other)")
    }
  }

  @Test func `exact before longer wildcard before shorter before any`() {
    let table = table([nil, "*.com", "*.example.com", "api.example.com", "*.api.example.com"])
    #expect(table.match(Asked(host: "api.example.com")) == 3)
    #expect(table.match(Asked(host: "x.api.example.com")) == 4)
    #expect(table.match(Asked(host: "www.example.com")) == 2)
    #expect(table.match(Asked(host: "example.com")) == 1)
    #expect(table.match(Asked(host: "com")) == 0)
    #expect(table.match(Asked(host: "org")) == 0)
  }

  @Test func `a request without host meets only routes without one`() {
    #expect(table(["*.example.com", "a.b"]).match(Asked()) == nil)
    #expect(table(["*.example.com", nil]).match(Asked()) == 1)
  }

  @Test func `what no route of a host takes falls to less specific hosts`() {
    let table = Table([
      RouteRule(host: "api.example.com", "/v1/*", route: 0),
      RouteRule(host: "*.example.com", "/v1/*", route: 1),
      RouteRule(host: "*.example.com", "/v2/*", route: 2),
      RouteRule("/*", route: 3),
      RouteRule(host: "*.com", "/v1/x", methods: ["PUT"], route: 4),
    ])
    #expect(table.match(Asked(host: "api.example.com", path: "/v1/x")) == 0)
    #expect(table.match(Asked(host: "api.example.com", path: "/v2/x")) == 2)
    #expect(table.match(Asked(host: "api.example.com", path: "/v3/x")) == 3)
    // The host counts more than the path, and a condition that is not met lets it fall through.
    #expect(table.match(Asked(method: "PUT", host: "other.com", path: "/v1/x")) == 4)
    #expect(table.match(Asked(host: "other.com", path: "/v1/x")) == 3)
  }

  @Test func `addresses are hosts`() {
    let table = table(["127.0.0.1", "[::1]", "[::ffff:1.2.3.4]"])
    #expect(table.match(Asked(host: "127.0.0.1")) == 0)
    #expect(table.match(Asked(host: "[::1]")) == 1)
    #expect(table.match(Asked(host: "[::FFFF:1.2.3.4]")) == 2)
    #expect(table.match(Asked(host: "[::2]")) == nil)
  }

  @Test func `a host of thousands of labels costs no more than the longest pattern`() {
    let table = table(["*.example.com", nil])
    let long = String(repeating: "a.", count: 10_000) + "example.com"
    #expect(table.match(Asked(host: long)) == 1)
    let most = String(repeating: "a.", count: 122) + "example.com"
    #expect(most.utf8.count == 255)
    #expect(table.match(Asked(host: most)) == 0)
    #expect(table.match(Asked(host: "a." + most)) == 1)
  }

  @Test func `patterns with more labels than a word has bits are found`() {
    let name = (0..<80).map { _ in "a" }.joined(separator: ".")
    let table = table([name, "*." + name, nil])
    #expect(table.match(Asked(host: name)) == 0)
    #expect(table.match(Asked(host: "x." + name)) == 1)
    #expect(table.match(Asked(host: String(name.dropFirst(2)))) == 2)
  }

  @Test func `an equal hash is not enough: the bytes decide`() {
    let table = table(["example.com", nil])
    table.table.hosts.bytes[0] = UInt8(ascii: "z")
    #expect(table.match(Asked(host: "example.com")) == 1)
  }

  @Test func `ten thousand hosts are all found`() {
    var rules = (0..<10_000).map {
      RouteRule(host: "h\($0).example.com", "/a/*", route: UInt32($0))
    }
    rules += (0..<1_000).map {
      RouteRule(host: "*.w\($0).org", "/a/*", route: UInt32(10_000 + $0))
    }
    let table = Table(rules)
    for index in stride(from: 0, to: 10_000, by: 37) {
      #expect(table.match(Asked(host: "H\(index).example.com", path: "/a/x")) == UInt32(index))
    }
    for index in 0..<1_000 {
      let asked = Asked(host: "x.y.w\(index).org", path: "/a")
      #expect(table.match(asked) == UInt32(10_000 + index))
    }
    #expect(table.match(Asked(host: "h10000.example.com", path: "/a")) == nil)
  }
}
