// Why this file exists: what a run is expected to show is one line that reads like a sentence:
// `route checkout success >= 99.9%`. Here it is taken apart, and a mistake in it is answered like
// one in the configuration: where, what, and what to write instead.
package import Primitives

/// One line of `expect`.
package struct Expectation: Sendable, Equatable {
  package enum Figure: Sendable, Equatable {
    /// Whole answers of backends with a status below 500, of all requests.
    case success
    /// Of the time to a whole answer, in thousandths: 990 is p99. 1000 is the longest.
    case quantile(Int)
    /// Requests that ended with this reason word.
    case reason(String)
    /// Answers with such a status.
    case status(ClosedRange<UInt16>)
    /// Requests that this limit refused or, in shadow, would have.
    case limit(String)
    /// Requests that were sent, repeats included.
    case requests
    /// Attempts at backends, of all requests.
    case attempts
    /// Attempts at one backend.
    case backend(service: String, address: String)
  }

  package enum Comparison: String, Sendable, CaseIterable {
    case atMost = "<="
    case atLeast = ">="
    case below = "<"
    case above = ">"
  }

  package enum Bound: Sendable, Equatable {
    case share(Share)
    case time(Duration)
    case count(UInt64)
  }

  /// As it was written, spaces put in order.
  package var text: String
  /// Of one flow alone.
  package var flow: String?
  /// Of one route alone.
  package var route: String?
  package var figure: Figure
  package var comparison: Comparison
  package var bound: Bound
  /// Only what came while the scenario has the backend down.
  package var whileDown = false
  package var from = Duration.zero
  /// nil = to the end.
  package var until: Duration?
}

/// What is wrong with an expectation, and where in its text, in characters.
struct ExpectationProblem: Error, Equatable {
  var offset: Int
  var length: Int
  var message: String
  var suggestion: String?
}

/// Reads one expectation, word by word.
struct ExpectationReader {
  private struct Word {
    /// Without the quotes around it.
    var text: String
    /// As it was written.
    var written: String
    var offset: Int
  }

  /// What the words may name; nil = not known, because the configuration could not be read.
  struct Names {
    var flows: [String]
    var routes: [String]?
    var limits: [String]?
    /// `service/address`
    var backends: [String]?
    var reasons: [String]
  }

  private let words: [Word]
  private let names: Names
  private let length: Int
  private var place = 0

  static func read(_ text: String, _ names: Names) throws(ExpectationProblem) -> Expectation {
    var reader = ExpectationReader(text, names)
    return try reader.expectation()
  }

  private init(_ text: String, _ names: Names) {
    let scalars = Array(text.unicodeScalars)
    words = ExpectationReader.words(of: scalars)
    self.names = names
    length = scalars.count
  }

  /// Words end at spaces; one that begins with a quote ends behind the next one.
  private static func words(of scalars: [Unicode.Scalar]) -> [Word] {
    var words: [Word] = []
    var start = 0
    while start < scalars.count {
      let isQuoted = scalars[start] == "\""
      let rest = scalars[(isQuoted ? start + 1 : start)...]
      let end = rest.firstIndex(of: isQuoted ? "\"" : " ") ?? scalars.count
      let next = isQuoted ? min(end + 1, scalars.count) : end
      if next > start {
        words.append(
          Word(
            text: text(scalars[rest.startIndex..<end]), written: text(scalars[start..<next]),
            offset: start))
      }
      start = isQuoted ? next : end + 1
    }
    return words
  }

  private static func text(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
    var view = String.UnicodeScalarView()
    view.append(contentsOf: scalars)
    return String(view)
  }

  // MARK: Words

  private var isAtEnd: Bool { place == words.count }

  private mutating func take(_ text: String) -> Bool {
    guard !isAtEnd, words[place].text == text else { return false }
    place += 1
    return true
  }

  private mutating func next(_ what: String) throws(ExpectationProblem) -> Word {
    if isAtEnd {
      throw ExpectationProblem(
        offset: max(0, length - 1), length: 1, message: "ends where \(what) should be",
        suggestion: "write one like 'success >= 99.9%'")
    }
    place += 1
    return words[place - 1]
  }

  private func problem(
    _ word: Word, _ message: String, _ suggestion: String?
  ) -> ExpectationProblem {
    ExpectationProblem(
      offset: word.offset, length: word.written.unicodeScalars.count,
      message: "'\(PrintableText.of(word.text, limit: 64))' \(message)", suggestion: suggestion)
  }

  private mutating func known(
    among names: [String]?, called what: String, _ plural: String, in place: String
  ) throws(ExpectationProblem) -> String {
    let word = try next("the name of a \(what)")
    guard let names, !names.contains(word.text) else { return word.text }
    throw problem(
      word, "is no \(what) of \(place)",
      NearestName.suggestion(
        for: word.text, among: names, called: plural, none: "there are no \(plural)"))
  }

  // MARK: The sentence

  private mutating func expectation() throws(ExpectationProblem) -> Expectation {
    let (flow, route) = try selection()
    let first = try next("a figure")
    let figure = try figure(first)
    if flow != nil || route != nil {
      switch figure {
      case .attempts, .backend:
        throw problem(
          first, "is not counted by \(flow != nil ? "flow" : "route")",
          "leave out what is before it")
      case .success, .quantile, .reason, .status, .limit, .requests: break
      }
    }
    let comparison = try comparison()
    let boundWord = try next("a bound")
    let bound = try bound(boundWord, of: figure)
    if case .count = bound { _ = take("requests") || take("request") }
    let whileDown = try isWhileDown(figure)
    if !isAtEnd {
      throw problem(words[place], "comes behind the end", "leave it out")
    }
    return Expectation(
      text: words.map(\.written).joined(separator: " "), flow: flow, route: route, figure: figure,
      comparison: comparison, bound: bound, whileDown: whileDown)
  }

  /// `flow NAME` and `route NAME`, in either order.
  private mutating func selection() throws(ExpectationProblem) -> (flow: String?, route: String?) {
    var (flow, route): (String?, String?)
    while true {
      if flow == nil, take("flow") {
        flow = try known(among: names.flows, called: "flow", "flows", in: "this scenario")
      } else if route == nil, take("route") {
        route = try known(among: names.routes, called: "route", "routes", in: "the configuration")
      } else {
        return (flow, route)
      }
    }
  }

  private mutating func isWhileDown(
    _ figure: Expectation.Figure
  ) throws(ExpectationProblem) -> Bool {
    guard take("while") else { return false }
    let word = try next("'down'")
    guard word.text == "down" else { throw problem(word, "is not known here", "write 'down'") }
    guard case .backend = figure else {
      throw problem(word, "is a state of a backend", "write 'backend SERVICE/ADDRESS' first")
    }
    return true
  }

  private static let figures = [
    "success", "p99", "reason", "limit", "status", "requests", "attempts", "backend", "p50", "p90",
    "p95", "p999", "max", "flow", "route",
  ]

  private mutating func figure(_ word: Word) throws(ExpectationProblem) -> Expectation.Figure {
    switch word.text {
    case "success": return .success
    case "p50": return .quantile(500)
    case "p90": return .quantile(900)
    case "p95": return .quantile(950)
    case "p99": return .quantile(990)
    case "p999": return .quantile(999)
    case "max": return .quantile(1_000)
    case "requests": return .requests
    case "attempts": return .attempts
    case "reason":
      let word = try next("a reason word")
      if names.reasons.contains(word.text) { return .reason(word.text) }
      throw problem(
        word, "is no reason word",
        NearestName.suggestion(for: word.text, among: names.reasons, called: "reasons", none: ""))
    case "limit":
      return .limit(
        try known(
          among: names.limits, called: "limit", "limits", in: "the configuration"))
    case "status": return .status(try status(try next("a status")))
    case "backend": return try backend()
    default: throw problem(word, "is no figure", suggestion(forFigure: word.text))
    }
  }

  private mutating func backend() throws(ExpectationProblem) -> Expectation.Figure {
    let word = try next("a backend")
    if names.backends?.contains(word.text) ?? true,
      case .one(let service, let address) = BackendSubject(word.text)
    {
      return .backend(service: service, address: address)
    }
    throw problem(
      word, "is no backend of the configuration",
      BackendSubject.suggestion(for: word.text, among: names.backends ?? []))
  }

  private func suggestion(forFigure word: String) -> String {
    if word.contains(where: { "<>=".contains($0) }) {
      return "put spaces around the comparison, as in 'success >= 99.9%'"
    }
    let named = [
      ("flow", names.flows), ("route", names.routes ?? []), ("limit", names.limits ?? []),
      ("backend", names.backends ?? []),
    ]
    if let (kind, _) = named.first(where: { $0.1.contains(word) }) {
      return "write '\(kind) \(word)'"
    }
    return NearestName.suggestion(
      for: word, among: ExpectationReader.figures, called: "figures", none: "")
  }

  /// `503`, `5xx` or `500-504`.
  private func status(_ word: Word) throws(ExpectationProblem) -> ClosedRange<UInt16> {
    if word.text.count == 3, word.text.hasSuffix("xx"), let first = UInt16(word.text.prefix(1)),
      (1...5).contains(first)
    {
      return first * 100...first * 100 + 99
    }
    do throws(ScalarProblem) {
      return try RequestPartReader.statuses(word.text, in: 100...599)
    } catch {
      throw problem(word, error.detail, "write one like 503, 5xx or 500-504")
    }
  }

  private mutating func comparison() throws(ExpectationProblem) -> Expectation.Comparison {
    let word = try next("a comparison")
    if let comparison = Expectation.Comparison(rawValue: word.text) { return comparison }
    throw problem(
      word, "is no comparison",
      word.text == "of" || word.text == "for"
        ? "write 'flow NAME' or 'route NAME' in front"
        : "write one of <=, >=, < or >, with spaces around it")
  }

  private func bound(
    _ word: Word, of figure: Expectation.Figure
  ) throws(ExpectationProblem) -> Expectation.Bound {
    do throws(ScalarProblem) {
      switch figure {
      case .quantile:
        return .time(try QuantityReader.duration(word.text, in: .zero ... .seconds(86_400)))
      case .success, .attempts:
        return .share(try share(word.text))
      case .requests: return .count(try count(word.text))
      case .reason, .status, .limit, .backend:
        return word.text.hasSuffix("%")
          ? .share(try share(word.text)) : .count(try count(word.text))
      }
    } catch {
      throw problem(word, error.detail, error.suggestion)
    }
  }

  private func share(_ text: String) throws(ScalarProblem) -> Share {
    try QuantityReader.share(text, in: .percent(0)...(.percent(100_000)))
  }

  private func count(_ text: String) throws(ScalarProblem) -> UInt64 {
    UInt64(try QuantityReader.integer(text, in: 0...Int64(1) << 40))
  }
}
