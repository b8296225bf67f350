// Why this file exists: the table is three hash tables and a tree; the rule is one sentence. Here
// the sentence is written down plainly, and both must agree on every request.
import HTTPSemantics
import Primitives
import Testing

@testable import Routing

/// The order of candidates as semantics has it, over rules as they are written.
private enum Naive {
  static func match(_ rules: [RouteRule], _ asked: Asked) -> UInt32? {
    rules.filter { fits($0, asked) && takesMethod($0, asked) }.min { isBefore($0, $1) }?.route
  }

  static func allowed(_ rules: [RouteRule], _ asked: Asked) -> MethodSet {
    rules.filter { fits($0, asked) }.reduce(into: .none) { $0.formUnion($1.methods) }
  }

  private static func isBefore(_ left: RouteRule, _ right: RouteRule) -> Bool {
    let (leftHost, rightHost) = (hostRank(left.host), hostRank(right.host))
    if leftHost != rightHost { return leftHost > rightHost }
    if left.isPrefix != right.isPrefix { return right.isPrefix }
    if left.path.count != right.path.count { return left.path.count > right.path.count }
    if left.weight != right.weight { return left.weight > right.weight }
    return left.route < right.route
  }

  private static func hostRank(_ host: RouteRule.Host) -> Int {
    switch host {
    case .any: 0
    case .below(let name): name.count
    case .exact: 1_000
    }
  }

  private static func takesMethod(_ rule: RouteRule, _ asked: Asked) -> Bool {
    rule.methods == .every || !rule.methods.isDisjoint(with: MethodSet.named(asked.method)!)
  }

  private static func fits(_ rule: RouteRule, _ asked: Asked) -> Bool {
    var host = asked.host.lowercased()
    if host.hasSuffix(".") { host.removeLast() }
    switch rule.host {
    case .any: break
    case .exact(let name): if Array(host.utf8) != name { return false }
    case .below(let name):
      let suffix = "." + String(decoding: name, as: UTF8.self)
      if !host.hasSuffix(suffix) { return false }
      let labels = "." + host.dropLast(suffix.count) + "."
      if labels.contains("..") { return false }
    }
    let pattern = String(decoding: rule.path, as: UTF8.self)
    guard asked.path == pattern || (rule.isPrefix && asked.path.hasPrefix(pattern + "/")) else {
      return false
    }
    for condition in rule.fields {
      let name = String(decoding: condition.name, as: UTF8.self).lowercased()
      let lines = asked.fields.filter { $0.name.lowercased() == name }
      let isMet = lines.contains {
        condition.value == nil || Array($0.value.utf8) == condition.value
      }
      if !isMet { return false }
    }
    let parameters = asked.query.split(separator: "&").map { part in
      let halves = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      return (decoded(halves[0]), decoded(halves.count > 1 ? halves[1] : ""))
    }
    for condition in rule.parameters {
      if !parameters.contains(where: {
        $0.0 == condition.name && (condition.value == nil || $0.1 == condition.value)
      }) {
        return false
      }
    }
    return true
  }

  private static func decoded(_ text: Substring) -> [UInt8] {
    let plain = text.replacing("+", with: " ").replacing("%61", with: "a")
    return Array(plain.replacing("%31", with: "1").utf8)
  }
}

/// Rules and requests out of so few parts that they meet often.
private struct Maker {
  var random: SplitMix64

  private mutating func one<Element>(_ of: [Element]) -> Element {
    of.randomElement(using: &random)!
  }
  private mutating func chance(_ percent: Int) -> Bool {
    Int.random(in: 0..<100, using: &random) < percent
  }

  private mutating func path() -> String {
    let count = Int.random(in: 1...4, using: &random)
    return (0..<count).map { _ in "/" + one(["", "a", "b", "ab"]) }.joined()
  }

  private mutating func conditions(_ names: [String]) -> [RouteCondition] {
    var conditions: [RouteCondition] = []
    for name in names where chance(25) {
      let value: String? = one(["1", "2", "", nil, "a"])
      conditions.append(
        RouteCondition(name: Array(name.utf8), value: value.map { Array($0.utf8) }))
    }
    return conditions
  }

  mutating func rule(_ route: UInt32, paths: [String]) -> RouteRule {
    var rule = RouteRule(
      host: one([nil, nil, "a.b", "b", "*.b", "*.a.b", "c.a.b"]), one(paths), route: route)
    if chance(40) {
      rule.methods = .none
      for name in ["GET", "PUT", "LOCK"] where chance(50) {
        rule.methods.formUnion(MethodSet.named(name)!)
      }
      if rule.methods == .none { rule.methods = .every }
    }
    rule.fields = conditions(["X-A", "X-B"])
    rule.parameters = conditions(["q", "a"])
    return rule
  }

  mutating func paths(_ count: Int) -> [String] {
    (0..<count).map { _ in chance(10) ? "/*" : path() + (chance(60) ? "/*" : "") }
  }

  mutating func asked() -> Asked {
    var asked = Asked()
    asked.method = one(["GET", "PUT", "LOCK", "POST", "COPY"])
    asked.host = one([
      "", "a.b", "A.B", "b", "c.a.b", "x.a.b", "x.b.", "y.x.b", "c", ".b", "..a.b", "x..a.b",
    ])
    asked.path = path()
    asked.query = (0..<Int.random(in: 0...3, using: &random)).map { _ in
      one(["q=1", "q=2", "q", "a=%31", "%61=a", "a=2", "", "=1", "q=%61", "a+=1"])
    }.joined(separator: "&")
    for _ in 0..<Int.random(in: 0...3, using: &random) {
      asked.fields.append((one(["X-A", "x-a", "X-B", "X-C"]), one(["1", "2", "", "a", "x"])))
    }
    return asked
  }
}

@Suite struct RoutingModelTests {
  /// Few paths make long buckets, which are looked up by their conditions.
  @Test(arguments: [(1, 1), (3, 2), (12, 6), (60, 2), (300, 40), (300, 1)])
  func `random tables agree with the naive reading`(count: Int, paths: Int) {
    var maker = Maker(random: SplitMix64(seed: UInt64(count * 1_000 + paths)))
    for round in 0..<(count > 100 ? 8 : 30) {
      let paths = maker.paths(paths)
      let rules = (0..<count).map { maker.rule(UInt32($0), paths: paths) }
      let table = Table(rules, key: UInt64(round))
      for _ in 0..<120 {
        let asked = maker.asked()
        let expected = Naive.match(rules, asked)
        #expect(table.match(asked) == expected, "\(asked) in \(rules)")
        let allowed = asked.with { table.table.allowedMethods($0) }
        #expect(allowed == Naive.allowed(rules, asked), "\(asked) in \(rules)")
      }
    }
  }

  /// Every table of up to three of these rules against every request of these parts.
  @Test func `all small tables agree with the naive reading`() {
    let hosts: [String?] = [nil, "a.b", "*.b"]
    var kinds: [RouteRule] = []
    for host in hosts {
      for pattern in ["/x", "/x/*", "/*"] {
        kinds.append(RouteRule(host: host, pattern, route: 0))
        kinds.append(RouteRule(host: host, pattern, methods: ["PUT"], route: 0))
        kinds.append(RouteRule(host: host, pattern, fields: ["X": "1"], route: 0))
      }
    }
    var requests: [Asked] = []
    for host in ["", "a.b", "c.b", "b"] {
      for path in ["/", "/x", "/x/", "/x/y", "/xy"] {
        for method in ["GET", "PUT"] {
          requests.append(Asked(method: method, host: host, path: path))
          requests.append(
            Asked(method: method, host: host, path: path, fields: [("X", "0"), ("x", "1")]))
        }
      }
    }
    func check(_ picked: [Int]) {
      var rules = picked.map { kinds[$0] }
      for index in rules.indices { rules[index].route = UInt32(index) }
      let table = Table(rules)
      for asked in requests where table.match(asked) != Naive.match(rules, asked) {
        Issue.record("\(asked) in \(rules)")
      }
    }
    for first in kinds.indices {
      check([first])
      for second in kinds.indices {
        check([first, second])
      }
    }
    var random = SplitMix64(seed: 7)
    for _ in 0..<400 { check((0..<3).map { _ in Int.random(in: kinds.indices, using: &random) }) }
  }
}
