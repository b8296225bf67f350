// Why this file exists: what a run is expected to show is one line that reads like a sentence:
// `flow checkout success >= 99.9%`. Here it is taken apart, and a mistake in it is answered like
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
    var text: String
    var offset: Int
  }

  /// What the words may name.
  struct Names {
    var flows: [String]
    /// `service/address`
    var backends: [String]
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
    var words: [Word] = []
    var current = ""
    var offset = 0
    for scalar in text.unicodeScalars {
      if scalar == " " {
        if !current.isEmpty {
          words.append(Word(text: current, offset: offset - current.unicodeScalars.count))
        }
        current = ""
      } else {
        current.unicodeScalars.append(scalar)
      }
      offset += 1
    }
    if !current.isEmpty {
      words.append(Word(text: current, offset: offset - current.unicodeScalars.count))
    }
    self.words = words
    self.names = names
    length = offset
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
      offset: word.offset, length: word.text.unicodeScalars.count,
      message: "'\(PrintableText.of(word.text, limit: 64))' \(message)", suggestion: suggestion)
  }

  private func known(
    _ word: Word, among names: [String], called what: String, _ plural: String
  ) throws(ExpectationProblem) -> String {
    if names.contains(word.text) { return word.text }
    let suggestion = NearestName.suggestion(
      for: word.text, among: names, called: plural, none: "there are no \(plural)")
    throw problem(word, "is no \(what)", suggestion)
  }

  // MARK: The sentence

  private mutating func expectation() throws(ExpectationProblem) -> Expectation {
    var flow: String?
    if take("flow") {
      flow = try known(
        try next("the name of a flow"), among: names.flows, called: "flow of this scenario",
        "flows")
    }
    let first = try next("a figure")
    let figure = try figure(first)
    if flow != nil {
      switch figure {
      case .attempts, .backend:
        throw problem(first, "is not counted by flow", "leave out 'flow \(flow ?? "")'")
      default: break
      }
    }
    let comparison = try comparison()
    let boundWord = try next("a bound")
    let bound = try bound(boundWord, of: figure)
    if case .count = bound { _ = take("requests") || take("request") }
    var whileDown = false
    if take("while") {
      let word = try next("'down'")
      guard word.text == "down" else { throw problem(word, "is not known here", "write 'down'") }
      guard case .backend = figure else {
        throw problem(word, "is a state of a backend", "write 'backend SERVICE/ADDRESS' first")
      }
      whileDown = true
    }
    if !isAtEnd {
      throw problem(words[place], "comes behind the end", "leave it out")
    }
    return Expectation(
      text: words.map(\.text).joined(separator: " "), flow: flow, figure: figure,
      comparison: comparison, bound: bound, whileDown: whileDown)
  }

  private static let figures = [
    "success", "p50", "p90", "p95", "p99", "p999", "max", "reason", "status", "requests",
    "attempts", "backend", "flow",
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
      return .reason(
        try known(
          try next("a reason word"), among: names.reasons, called: "reason word", "reasons"))
    case "status": return .status(try status(try next("a status")))
    case "backend":
      let name = try known(
        try next("a backend"), among: names.backends, called: "backend of the configuration",
        "backends")
      guard case .one(let service, let address) = BackendSubject(name) else {
        preconditionFailure("names of backends have a slash")
      }
      return .backend(service: service, address: address)
    default:
      throw problem(
        word, "is no figure",
        NearestName.suggestion(
          for: word.text, among: ExpectationReader.figures, called: "figures", none: ""))
    }
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
    throw problem(word, "is no comparison", "write one of <=, >=, < or >, with spaces around it")
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
      case .reason, .status, .backend:
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
