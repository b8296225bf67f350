// Why this file exists: a path that reaches another route than its author meant has passed by every
// rule of the right one.
import Primitives
import Testing

@testable import Routing

@Suite struct RouteTableTests {
  @Test func `a prefix does not match a longer segment (regression 26)`() {
    let table = Table(["/api/users/*"])
    #expect(table.match("/api/users") == 0)
    #expect(table.match("/api/users/") == 0)
    #expect(table.match("/api/users/7/posts") == 0)
    #expect(table.match("/api/users2") == nil)
    #expect(table.match("/api/users2/7") == nil)
    #expect(table.match("/api/user") == nil)
    #expect(table.match("/api") == nil)
    #expect(table.match("/") == nil)
    #expect(table.match("/x/api/users") == nil)
  }

  @Test func `an exact path matches that path only`() {
    let table = Table(["/ping", "/dir/", "/"])
    #expect(table.match("/ping") == 0)
    #expect(table.match("/ping/") == nil)
    #expect(table.match("/pin") == nil)
    #expect(table.match("/pingx") == nil)
    #expect(table.match("/PING") == nil)
    #expect(table.match("/dir/") == 1)
    #expect(table.match("/dir") == nil)
    #expect(table.match("/dir/x") == nil)
    #expect(table.match("/") == 2)
    #expect(table.match("//") == nil)
  }

  @Test func `exact before prefix, longer prefix before shorter`() {
    let table = Table(["/*", "/a/*", "/a/b/*", "/a/b", "/a/b/c/d/*"])
    #expect(table.match("/") == 0)
    #expect(table.match("/x/y/z") == 0)
    #expect(table.match("/a") == 1)
    #expect(table.match("/a/x") == 1)
    #expect(table.match("/a/b") == 3)
    #expect(table.match("/a/b/") == 2)
    #expect(table.match("/a/b/c") == 2)
    #expect(table.match("/a/b/c/x") == 2)
    #expect(table.match("/a/b/c/d") == 4)
    #expect(table.match("/a/b/c/d/e/f/g/h") == 4)
  }

  @Test func `of equal conditions the first in the file counts`() {
    let table = Table(["/a", "/a", "/b/*", "/b/*", "/*", "/*"])
    #expect(table.match("/a") == 0)
    #expect(table.match("/b/c") == 2)
    #expect(table.match("/z") == 4)
  }

  @Test func `an empty segment is a segment`() {
    let table = Table(["/a//*", "/a//b", "//"])
    #expect(table.match("/a/") == 0)
    #expect(table.match("/a//") == 0)
    #expect(table.match("/a//b") == 1)
    #expect(table.match("/a/b") == nil)
    #expect(table.match("/a") == nil)
    #expect(table.match("//") == 2)
  }

  @Test func `a table without routes matches nothing`() {
    let table = Table([String]())
    for path in ["/", "/a", "//", ""] { #expect(table.match(path) == nil) }
  }

  @Test func `paths alone are asked by themselves, and everything else is not`() {
    func ask(_ table: Table) -> Int32 {
      Asked(path: "/a/b").with { table.table.match(path: $0.path) }
    }
    #expect(ask(Table(["/x", "/a/*"])) == 1)
    #expect(ask(Table(["/x", "/y/*"])) == -1)
    let hosts = Table([RouteRule(host: "a", "/*", route: 0), RouteRule("/a/*", route: 1)])
    #expect(!hosts.table.asksForPathOnly && ask(hosts) == RouteTable.asksForMore)
    let methods = Table([RouteRule("/a/*", methods: ["GET"], route: 0)])
    #expect(!methods.table.asksForPathOnly && ask(methods) == RouteTable.asksForMore)
  }

  @Test func `what is no path matches nothing`() {
    let table = Table(["/*"])
    #expect(table.match("") == nil)
    #expect(table.match("*") == nil)
    #expect(table.match("a/b") == nil)
  }

  @Test func `patterns deeper than a word has bits are found`() {
    let deep = String(repeating: "/s", count: 80)
    let table = Table([deep, deep + "/t/*", String(repeating: "/s", count: 63) + "/*"])
    #expect(table.match(deep) == 0)
    #expect(table.match(deep + "/x") == 2)
    #expect(table.match(deep + "/t/u") == 1)
    #expect(table.match(String(repeating: "/s", count: 62)) == nil)
  }

  @Test func `a path of nothing but slashes costs no more than the deepest pattern`() {
    let table = Table(["/a/b", "/*"])
    #expect(table.match(String(repeating: "/", count: 32_768)) == 1)
  }

  @Test func `an equal hash is not enough: the bytes decide`() {
    let table = Table(["/users"])
    #expect(table.match("/users") == 0)
    // The entry now stands for another path with the same hash.
    table.table.bytes[5] = UInt8(ascii: "z")
    #expect(table.match("/users") == nil)
  }

  @Test func `entries that want the same place are all found`() {
    // Sixty-four entries in a table of 128 places: some searches begin where another entry is.
    let table = Table((0..<64).map { "/p\($0)" })
    let displaced = (0...table.table.pathMask).filter {
      let entry = table.table.paths[$0]
      return !entry.isFree && Int(truncatingIfNeeded: entry.hash) & table.table.pathMask != $0
    }
    #expect(!displaced.isEmpty)
    for index in 0..<64 { #expect(table.match("/p\(index)") == UInt32(index)) }
    for index in 64..<256 { #expect(table.match("/p\(index)") == nil) }
  }

  /// A table of any size against the rule written down plainly.
  @Test(arguments: [1, 2, 3, 17, 300])
  func `random tables agree with the naive reading`(count: Int) {
    var random = SplitMix64(seed: UInt64(count))
    for round in 0..<60 {
      let patterns = (0..<count).map { _ in Self.pattern(&random) }
      let table = Table(patterns, key: UInt64(round))
      for _ in 0..<200 {
        let path = Self.path(&random)
        #expect(table.match(path) == Self.naive(patterns, path), "\(path) in \(patterns)")
      }
    }
  }

  private static func path(_ random: inout SplitMix64) -> String {
    let segments = ["", "a", "b", "ab", "users", "users2"]
    let count = Int.random(in: 1...5, using: &random)
    return (0..<count).map { _ in "/" + segments.randomElement(using: &random)! }.joined()
  }

  private static func pattern(_ random: inout SplitMix64) -> String {
    switch Int.random(in: 0..<20, using: &random) {
    case 0: "/*"
    case 1..<10: path(&random) + "/*"
    default: path(&random)
    }
  }

  private static func naive(_ patterns: [String], _ path: String) -> UInt32? {
    if let exact = patterns.firstIndex(where: { $0 == path }) { return UInt32(exact) }
    var best: (length: Int, index: Int)?
    for (index, pattern) in patterns.enumerated() where pattern.hasSuffix("/*") {
      let prefix = String(pattern.dropLast(2))
      guard path == prefix || path.hasPrefix(prefix + "/") else { continue }
      if best == nil || prefix.utf8.count > best!.length { best = (prefix.utf8.count, index) }
    }
    return best.map { UInt32($0.index) }
  }

  @Test func `ten thousand routes are all found`() {
    let patterns = (0..<10_000).map { "/service\($0 % 100)/resource\($0)/*" }
    let table = Table(patterns)
    for (index, pattern) in patterns.enumerated() {
      #expect(table.match(String(pattern.dropLast(2)) + "/item") == UInt32(index))
    }
    #expect(table.match("/service1/resource2/x") == nil)
  }
}
