// Why this file exists: two routes that take the same requests are mostly one mistake: the second
// one is never asked, or the order in the file decides where nobody thought that it would. Bounded
// work for every file.
import HTTPSemantics

/// Finds routes that no request reaches, and pairs that only their order tells apart.
struct RouteOverlaps {
  /// Pairs that are compared at most; what is beyond is not warned of.
  private static let pairs = 200_000
  /// Conditions of a route of which every combination is looked up: 2^6 of them.
  private static let combined = 6

  private var left = pairs

  /// The conditions of a route beside host and path, by lower-case names.
  struct Shape {
    var route: Int
    var line: Int
    fileprivate var methods: MethodSet
    /// nil = presence.
    fileprivate var values: [Name: String?]

    var weight: Int { values.count + (methods == .every ? 0 : 1) }

    /// Some request may meet both.
    func overlaps(_ other: Shape) -> Bool {
      if methods.isDisjoint(with: other.methods) { return false }
      for (name, value) in values {
        if let value, let theirs = other.values[name] ?? nil, theirs != value { return false }
      }
      return true
    }
  }

  fileprivate struct Name: Hashable {
    var text: String
    var isParameter: Bool
  }

  /// Routes that are asked in the order of the file.
  struct Rank: Hashable {
    fileprivate var host: String
    fileprivate var path: String
    fileprivate var weight: Int
  }

  mutating func find(in routes: [ConfigurationValue], _ diagnostics: inout DiagnosticCollector) {
    var ranks: [Rank: [Shape]] = [:]
    var order: [Rank] = []
    // A route of which something could not be read may ask for more, or for less.
    for (index, route) in routes.enumerated() where !route.isPartial {
      guard let (rank, shape) = RouteOverlaps.place(of: route, index) else { continue }
      if ranks[rank] == nil { order.append(rank) }
      ranks[rank, default: []].append(shape)
    }
    for rank in order { compare(ranks[rank] ?? [], routes, &diagnostics) }
  }

  /// Where the route at this position is asked, and what else it asks for.
  static func place(of route: ConfigurationValue, _ index: Int) -> (rank: Rank, shape: Shape)? {
    guard let match = route.field("match"), let path = match.field("path")?.scalar?.text else {
      return nil
    }
    let shape = shape(index, match)
    let host = match.field("host")?.scalar?.text ?? ""
    return (Rank(host: host, path: path, weight: shape.weight), shape)
  }

  private static func shape(_ index: Int, _ match: ConfigurationValue) -> Shape {
    var methods = MethodSet.none
    for element in match.field("methods")?.elements ?? [] {
      if let set = element.scalar?.text.flatMap({ MethodSet.named($0) }) { methods.formUnion(set) }
    }
    var values: [Name: String?] = [:]
    for entry in match.field("headers")?.named ?? [] {
      let name = Name(text: entry.name.lowercased(), isParameter: false)
      values.updateValue(entry.value.scalar?.text, forKey: name)
    }
    for entry in match.field("query")?.named ?? [] {
      let name = Name(text: entry.name, isParameter: true)
      values.updateValue(entry.value.scalar?.text, forKey: name)
    }
    return Shape(
      route: index, line: match.field("path")?.line ?? match.line,
      methods: methods == .none ? .every : methods, values: values)
  }

  /// Routes of one rank: whoever comes later is never asked where an earlier one takes all of its
  /// requests.
  private mutating func compare(
    _ shapes: [Shape], _ routes: [ConfigurationValue], _ diagnostics: inout DiagnosticCollector
  ) {
    var earlier: [[Name: String?]: [Shape]] = [:]
    for (position, shape) in shapes.enumerated() {
      if let taker = taker(of: shape, earlier) {
        unreachable(routes[shape.route], shape, taker, &diagnostics)
      } else if let rival = rival(of: shape, shapes[..<position]) {
        let match = routes[shape.route].field("match")
        diagnostics.warning(
          .ambiguousRoute, match?.field("path")?.range,
          ConfigurationPath.root.key("routes").index(shape.route).key("match"),
          "match: a request may meet this route and the one in line \(rival.line), which takes it "
            + "because it comes first", suggestion: "give one of them one more condition")
      }
      earlier[shape.values, default: []].append(shape)
    }
  }

  /// An earlier route with the same names whose values are the same or mere presence, and whose
  /// methods are these and more.
  private func taker(of shape: Shape, _ earlier: [[Name: String?]: [Shape]]) -> Shape? {
    let names = Array(shape.values.keys)
    let all = names.count <= RouteOverlaps.combined ? 1 << names.count : 1
    for mask in 0..<all {
      var values = shape.values
      for (bit, name) in names.enumerated() where mask >> bit & 1 != 0 {
        values.updateValue(nil, forKey: name)
      }
      for candidate in (earlier[values] ?? []).prefix(64)
      where candidate.methods.isSuperset(of: shape.methods) {
        return candidate
      }
    }
    return nil
  }

  private mutating func rival(of shape: Shape, _ earlier: ArraySlice<Shape>) -> Shape? {
    for other in earlier {
      if left == 0 { return nil }
      left -= 1
      if shape.overlaps(other) { return other }
    }
    return nil
  }

  private func unreachable(
    _ route: ConfigurationValue, _ shape: Shape, _ taker: Shape,
    _ diagnostics: inout DiagnosticCollector
  ) {
    let path = ConfigurationPath.root.key("routes").index(shape.route).key("match").key("path")
    guard let value = route.field("match")?.field("path") else { return }
    let what =
      shape.weight == 0 ? "'\(value.shown)'" : "every request that would meet its conditions"
    diagnostics.warning(
      .unreachableRoute, value.range, path,
      "match.path: no request gets here; the route in line \(taker.line) takes \(what)")
  }
}
