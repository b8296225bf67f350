// Why this file exists: conditions on methods, fields and parameters are how a canary is kept apart
// from everybody else; each has a small meaning that must hold exactly.
import HTTPSemantics
import Primitives
import Testing

@testable import Routing

@Suite struct ConditionTests {
  @Test func `a method is compared exactly`() {
    let table = Table([RouteRule("/*", methods: ["GET", "PROPFIND"], route: 0)])
    #expect(table.match(Asked(method: "GET")) == 0)
    #expect(table.match(Asked(method: "PROPFIND")) == 0)
    for method in ["HEAD", "POST", "OPTIONS", "PROPPATCH", "LOCK"] {
      #expect(table.match(Asked(method: method)) == nil, "\(method)")
    }
  }

  @Test func `any of several field lines will do (regression 28)`() {
    let table = Table([RouteRule("/*", fields: ["X-Version": "2"], route: 0)])
    #expect(table.match(Asked(fields: [("X-Version", "1"), ("x-version", "2")])) == 0)
    #expect(table.match(Asked(fields: [("X-Version", "2"), ("X-Version", "1")])) == 0)
    #expect(table.match(Asked(fields: [("X-Version", "1"), ("X-Version", "3")])) == nil)
    #expect(table.match(Asked(fields: [("X-Version", "1, 2")])) == nil)
    #expect(table.match(Asked(fields: [("X-Versions", "2"), ("Version", "2")])) == nil)
  }

  @Test func `a name is compared without, a value with regard to letter case`() {
    let table = Table([RouteRule("/*", fields: ["X-Team": "Blue"], route: 0)])
    #expect(table.match(Asked(fields: [("x-TEAM", "Blue")])) == 0)
    #expect(table.match(Asked(fields: [("X-Team", "blue")])) == nil)
    #expect(table.match(Asked(fields: [("X-Team", "Blue ")])) == nil)
    #expect(table.match(Asked(fields: [("X-Team", "")])) == nil)
  }

  @Test func `presence asks for the name only`() {
    let table = Table([RouteRule("/*", fields: ["X-Canary": nil], query: ["v": nil], route: 0)])
    #expect(table.match(Asked(query: "v", fields: [("x-canary", "")])) == 0)
    #expect(table.match(Asked(query: "a=1&v=2", fields: [("X-Canary", "no")])) == 0)
    #expect(table.match(Asked(query: "w", fields: [("X-Canary", "1")])) == nil)
    #expect(table.match(Asked(query: "v")) == nil)
  }

  @Test func `any of several parameters will do, and spelling does not count`() {
    let table = Table([RouteRule("/*", query: ["a b": "x&y=1"], route: 0)])
    for query in [
      "a+b=x%26y%3D1", "a%20b=x%26y=1", "%61+b=%78%26y%3d1", "a+b=0&a+b=x%26y=1", "&&a+b=x%26y=1&",
    ] {
      #expect(table.match(Asked(query: query)) == 0, "\(query)")
    }
    for query in [
      "", "a+b", "a+b=x", "a+b=x&y=1", "a+b=x%2526y=1", "A+b=x%26y=1", "a+b=x%26y=1%", "=x%26y=1",
      "a%2Bb=x%26y=1", "a+b=x%26y=1%2", "a+b=x%26y=1;", "xa+b=x%26y=1",
    ] {
      #expect(table.match(Asked(query: query)) == nil, "\(query)")
    }
  }

  @Test func `a parameter without value has an empty one`() {
    let table = Table([RouteRule("/*", query: ["debug": ""], route: 0)])
    #expect(table.match(Asked(query: "debug")) == 0)
    #expect(table.match(Asked(query: "debug=")) == 0)
    #expect(table.match(Asked(query: "debug=0")) == nil)
  }

  @Test func `what ends at this hop was sent to this hop`() {
    let table = Table([RouteRule("/*", fields: ["X-Canary": "1"], route: 0)])
    #expect(table.match(Asked(fields: [("X-Canary", "1")], dropped: [0])) == 0)
  }

  @Test func `a field that was taken out for its underscore is not there`() {
    let table = Table([RouteRule("/*", fields: ["X_Canary": "1"], route: 0)])
    #expect(table.match(Asked(fields: [("X_Canary", "1")])) == 0)
    #expect(table.match(Asked(fields: [("X_Canary", "1")], dropped: [0])) == nil)
  }

  @Test func `more conditions are asked first, then the order in the file`() {
    let table = Table([
      RouteRule("/a/*", route: 0),
      RouteRule("/a/*", fields: ["X": "1"], route: 1),
      RouteRule("/a/*", methods: ["GET"], route: 2),
      RouteRule("/a/*", methods: ["GET"], fields: ["X": "1"], query: ["q": "1"], route: 3),
      RouteRule("/a/*", fields: ["Y": "1"], query: ["q": "1"], route: 4),
    ])
    let both = [(name: "X", value: "1"), (name: "Y", value: "1")]
    #expect(table.match(Asked(path: "/a", query: "q=1", fields: both)) == 3)
    #expect(table.match(Asked(method: "PUT", path: "/a", query: "q=1", fields: both)) == 4)
    #expect(table.match(Asked(path: "/a", query: "q=2", fields: both)) == 1)
    #expect(table.match(Asked(path: "/a")) == 2)
    #expect(table.match(Asked(method: "PUT", path: "/a")) == 0)
  }

  @Test func `what an exact path does not take falls to prefixes`() {
    let table = Table([
      RouteRule("/a/b", methods: ["PUT"], route: 0),
      RouteRule("/a/b/*", fields: ["X": "1"], route: 1),
      RouteRule("/a/*", query: ["q": "1"], route: 2),
      RouteRule("/*", route: 3),
    ])
    #expect(table.match(Asked(method: "PUT", path: "/a/b")) == 0)
    #expect(table.match(Asked(path: "/a/b", query: "q=1", fields: [("X", "1")])) == 1)
    #expect(table.match(Asked(path: "/a/b", query: "q=1")) == 2)
    #expect(table.match(Asked(path: "/a/b")) == 3)
  }

  @Test func `the methods that would do are those of all routes that fit otherwise`() {
    let table = Table([
      RouteRule(host: "a.b", "/x", methods: ["GET"], route: 0),
      RouteRule("/x", methods: ["PUT", "LOCK"], route: 1),
      RouteRule("/*", methods: ["DELETE"], fields: ["X": "1"], route: 2),
      RouteRule("/y", methods: ["PATCH"], route: 3),
    ])
    #expect(table.allowed(Asked(method: "POST", host: "a.b", path: "/x")) == "GET, PUT, LOCK")
    #expect(table.allowed(Asked(method: "POST", path: "/x")) == "PUT, LOCK")
    let marked = Asked(method: "POST", path: "/x", fields: [("X", "1")])
    #expect(table.allowed(marked) == "PUT, DELETE, LOCK")
    #expect(table.allowed(Asked(method: "POST", path: "/z")) == "")
  }

  @Test func `many routes on one path are found by their conditions`() {
    var rules: [RouteRule] = [RouteRule("/t/*", route: 0)]
    for number in 1...2_000 {
      rules.append(
        number % 2 == 0
          ? RouteRule("/t/*", fields: ["X-Tenant": "t\(number)"], route: UInt32(number))
          : RouteRule("/t/*", query: ["tenant": "t \(number)"], route: UInt32(number)))
    }
    rules.append(RouteRule("/t/*", fields: ["X-Tenant": nil], route: 2_001))
    rules.append(RouteRule("/t/*", methods: ["PUT"], route: 2_002))
    let table = Table(rules)
    #expect(table.table.buckets[0].index != RouteTable.none)
    for number in stride(from: 2, to: 2_000, by: 14) {
      let asked = Asked(path: "/t/x", fields: [("Accept", "*"), ("x-tenant", "t\(number)")])
      #expect(table.match(asked) == UInt32(number))
    }
    for number in stride(from: 1, to: 2_000, by: 14) {
      #expect(
        table.match(Asked(path: "/t", query: "a=b&tenant=t+\(number)")) == UInt32(number))
    }
    // Of two that fit, the first in the file.
    let two = Asked(path: "/t", query: "tenant=t+9", fields: [("X-Tenant", "t8")])
    #expect(table.match(two) == 8)
    #expect(table.match(Asked(path: "/t", fields: [("X-Tenant", "other")])) == 2_001)
    #expect(table.match(Asked(method: "PUT", path: "/t")) == 2_002)
    #expect(table.match(Asked(path: "/t")) == 0)
  }

  @Test func `two conditions with one hash are both found`() {
    let rules = (0..<12).map { RouteRule("/*", fields: ["X": "\($0)"], route: UInt32($0)) }
    let table = Table(rules)
    // Every entry now says what all entries say together.
    let index = table.table.index
    var all: [UInt32] = []
    for place in 0...index.mask where index.entries[place].isUsed {
      let entry = index.entries[place]
      all += (0..<entry.count).map { index.lists[Int(entry.first + $0)] }
    }
    #expect(all.sorted() == Array(0..<12))
    #expect(table.match(Asked(fields: [("X", "7")])) == 7)
    #expect(table.match(Asked(fields: [("X", "12")])) == nil)
  }
}
