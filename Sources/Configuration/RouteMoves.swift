// Why this file exists: the order of routes means nothing, except between routes that are equally
// specific and may meet the same request. Only there a route that stands elsewhere is a difference.

/// A route of a document, named as the gateway names it.
struct ComparedRoute {
  var name: String
  /// For people: without what `${…}` stands for.
  var shownName: String
  var value: ConfigurationValue
  /// From 0.
  var position: Int

  static func all(_ routes: [ConfigurationValue]) -> [ComparedRoute] {
    let names = RouteNames.complete(
      routes.map { $0.field("name")?.writtenText },
      defaults: routes.map { place($0) { $0.scalar?.text } })
    let shown = RouteNames.complete(
      routes.map { $0.field("name").map(shownText) }, defaults: routes.map { place($0, shownText) })
    return routes.indices.map { index in
      ComparedRoute(
        name: names[index], shownName: shown[index], value: routes[index], position: index)
    }
  }

  /// `*/api/*`
  private static func place(
    _ route: ConfigurationValue, _ text: (ConfigurationValue) -> String?
  ) -> String {
    let match = route.field("match")
    return (match?.field("host").flatMap(text) ?? "*") + (match?.field("path").flatMap(text) ?? "")
  }

  private static func shownText(_ value: ConfigurationValue) -> String {
    value.isSecret ? ShownValue.text(value) : PrintableText.of(value.scalar?.text ?? "", limit: 128)
  }

  /// `GET, HEAD api.example.com/users/* with 1 more condition to users`; without the place when the
  /// name says it.
  var description: String {
    let match = value.field("match")
    let methods = match?.field("methods").map { ShownValue.entries($0) }
    let place = ComparedRoute.place(value, ComparedRoute.shownText)
    let conditions = ["headers", "query"].map { match?.field($0)?.named.count ?? 0 }.reduce(0, +)
    let pieces = [
      methods, place == shownName ? nil : place,
      conditions == 0 ? nil : "with \(Counted.text(conditions, "more condition"))", action,
    ]
    return pieces.compactMap { $0 }.joined(separator: " ")
  }

  private var action: String {
    if let redirect = value.field("redirect") {
      let status = redirect.field("status").map(ShownValue.text) ?? ""
      return "redirect \(status) to \(redirect.field("location").map(ShownValue.text) ?? "")"
    }
    if let respond = value.field("respond") {
      return "respond \(respond.field("status").map(ShownValue.text) ?? "")"
    }
    return "to \(value.field("service").map(ShownValue.text) ?? "")"
  }
}

/// A route that is asked before or after others now.
struct RouteMove {
  var route: ComparedRoute
  var old: ConfigurationValue
  /// `asked before a and b now`
  var words: String
}

enum RouteMoves {
  /// Pairs that are looked at; beyond that it is told that the order is another, not which.
  private static let pairLimit = 200_000

  private struct Entry {
    var old: ComparedRoute
    var new: ComparedRoute
    var shape: RouteOverlaps.Shape
  }

  /// - Parameter routes: those of both files, in any order.
  static func find(_ routes: [(old: ComparedRoute, new: ComparedRoute)]) -> [RouteMove] {
    var ranks: [RouteOverlaps.Rank: [Entry]] = [:]
    var order: [RouteOverlaps.Rank] = []
    for (old, new) in routes {
      // Where host, path or the number of conditions differ, that is what is told.
      guard let before = RouteOverlaps.place(of: old.value, old.position),
        let after = RouteOverlaps.place(of: new.value, new.position), before.rank == after.rank
      else { continue }
      if ranks[after.rank] == nil { order.append(after.rank) }
      ranks[after.rank, default: []].append(Entry(old: old, new: new, shape: after.shape))
    }
    var left = pairLimit
    return order.flatMap { moves(among: ranks[$0] ?? [], &left) }
  }

  /// As few moves as tell every pair whose order has turned: again and again the route that is in
  /// most of them.
  private static func moves(among entries: [Entry], _ left: inout Int) -> [RouteMove] {
    let entries = entries.sorted { $0.new.position < $1.new.position }
    let isAsBefore = zip(entries, entries.dropFirst()).allSatisfy { earlier, later in
      earlier.old.position < later.old.position
    }
    if isAsBefore { return [] }
    let others = entries.count - 1
    let pairs = entries.count * others / 2
    guard pairs <= left else {
      let words = "stands in another order with \(Counted.text(others, "equally specific route"))"
      return [RouteMove(route: entries[0].new, old: entries[0].old.value, words: words)]
    }
    left -= pairs
    var turned = [Set<Int>](repeating: [], count: entries.count)
    for later in entries.indices {
      for earlier in 0..<later {
        if entries[earlier].old.position > entries[later].old.position
          && entries[earlier].shape.overlaps(entries[later].shape)
        {
          turned[earlier].insert(later)
          turned[later].insert(earlier)
        }
      }
    }
    var moves: [RouteMove] = []
    while let most = turned.indices.max(by: { turned[$0].count < turned[$1].count }),
      !turned[most].isEmpty
    {
      let before = turned[most].filter { $0 > most }.sorted()
      let after = turned[most].filter { $0 < most }.sorted()
      let phrases = [phrase("before", before, entries), phrase("after", after, entries)]
      moves.append(
        RouteMove(
          route: entries[most].new, old: entries[most].old.value,
          words: "asked \(phrases.compactMap { $0 }.joined(separator: ", ")) now"))
      for other in turned[most] { turned[other].remove(most) }
      turned[most] = []
    }
    return moves
  }

  private static func phrase(_ word: String, _ others: [Int], _ entries: [Entry]) -> String? {
    if others.isEmpty { return nil }
    var names = others.prefix(3).map { entries[$0].new.shownName }
    if others.count > 3 { names.append("\(others.count - 3) more") }
    return "\(word) \(Counted.list(names))"
  }
}
