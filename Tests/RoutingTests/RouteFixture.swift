// Why this file exists: routes and requests as one writes them, for all tests of this room.
import HTTPSemantics
import Primitives

@testable import Routing

/// A request as text. Its bytes are in an allocation of exactly their size, so that the address
/// sanitizer sees a read behind them.
struct Asked: CustomStringConvertible {
  var method = "GET"
  var host = ""
  /// In normal form.
  var path = "/"
  var query = ""
  var fields: [(name: String, value: String)] = []
  /// Fields that a rule has dropped, by their position.
  var dropped: Set<Int> = []

  var description: String {
    "\(method) \(host)\(path)?\(query) \(fields.map { "\($0.name): \($0.value)" })"
  }

  func with<Result>(_ body: (RouteRequest) -> Result) -> Result {
    var bytes: [UInt8] = []
    func keep(_ text: String) -> ByteRange {
      let range = ByteRange(offset: UInt32(bytes.count), length: UInt32(text.utf8.count))
      bytes += text.utf8
      return range
    }
    _ = keep(method + " ")
    let (pathRange, queryRange, hostRange) = (keep(path), keep(query), keep(host))
    var lines: [Field] = []
    for (index, field) in fields.enumerated() {
      let (name, value) = (keep(field.name), keep(field.value))
      var line = Field(
        nameOffset: name.offset, nameLength: UInt16(name.length), valueOffset: value.offset,
        valueLength: value.length, kind: .other)
      if dropped.contains(index) { line.drop() }
      lines.append(line)
    }
    let base = UnsafeMutablePointer<UInt8>.allocate(capacity: bytes.count)
    defer { base.deallocate() }
    base.initialize(from: bytes, count: bytes.count)
    let table = UnsafeMutablePointer<Field>.allocate(capacity: lines.count)
    defer { table.deallocate() }
    table.initialize(from: lines, count: lines.count)
    let known = Method.allCases.first { "\($0.word)" == method } ?? .other
    let head = RequestHead(
      base: base, fields: table, fieldCount: lines.count, method: known, version: .http11,
      target: pathRange, framing: .none, keepAlive: true, methodLength: UInt8(method.utf8.count))
    return body(
      RouteRequest(
        head, host: hostRange.slice(in: base), path: pathRange.slice(in: base),
        query: queryRange.slice(in: base)))
  }
}

extension RouteRule {
  /// A rule as it is written in the configuration.
  init(
    host: String? = nil, _ pattern: String, methods: [String]? = nil,
    fields: KeyValuePairs<String, String?> = [:], query: KeyValuePairs<String, String?> = [:],
    route: UInt32
  ) {
    let isPrefix = pattern.hasSuffix("/*")
    let path = isPrefix ? Array(pattern.utf8.dropLast(2)) : Array(pattern.utf8)
    var set = methods == nil ? MethodSet.every : MethodSet.none
    for method in methods ?? [] { set.formUnion(MethodSet.named(method)!) }
    func conditions(_ pairs: KeyValuePairs<String, String?>) -> [RouteCondition] {
      pairs.map { RouteCondition(name: Array($0.key.utf8), value: $0.value.map { Array($0.utf8) }) }
    }
    self.init(
      host: RouteRule.host(host), path: path, isPrefix: isPrefix, methods: set,
      fields: conditions(fields), parameters: conditions(query), route: route)
  }

  static func host(_ text: String?) -> Host {
    guard let text else { return .any }
    return text.hasPrefix("*.")
      ? .below(Array(text.dropFirst(2).utf8)) : .exact(Array(text.utf8))
  }
}

/// A table that frees itself.
final class Table {
  let table: RouteTable

  init(_ rules: [RouteRule], key: UInt64 = 42) { table = RouteTable.build(rules, key: key) }

  /// Of paths alone; the number of a route is its place.
  convenience init(_ patterns: [String], key: UInt64 = 42) {
    self.init(patterns.enumerated().map { RouteRule($1, route: UInt32($0)) }, key: key)
  }
  deinit { table.destroy() }

  func match(_ request: Asked) -> UInt32? { request.with { table.match($0) } }

  func match(_ path: String) -> UInt32? {
    match(Asked(path: path))
  }

  /// The names of the methods that would do.
  func allowed(_ request: Asked) -> String {
    let set = request.with { table.allowedMethods($0) }
    // All methods take 300 bytes.
    return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 512) {
      var writer = ByteWriter($0.baseAddress!, capacity: $0.count)
      set.write(to: &writer)
      return String(decoding: writer.written.buffer, as: UTF8.self)
    }
  }
}
