// Why this file exists: a gateway shows what it is worth when a backend fails. A demo backend can
// be told to, for a time or for a part of its requests; what it then does is this value.

import Admin
import Primitives

/// How a demo backend misbehaves.
struct DemoChaos: Equatable {
  enum Mode: Equatable {
    case ok
    /// Answers with this status.
    case fail(status: Int)
    /// Answers so late.
    case slow(Duration)
    /// Resets its connections and refuses new ones.
    case die
  }

  /// What becomes of one request.
  enum Verdict: Equatable {
    case serve
    case fail(status: Int)
    case delay(Duration)
  }

  var mode = Mode.ok
  /// Of the requests; of `fail` and `slow`.
  var permille = 1_000
  /// Then all is well again; nil = not by itself.
  var duration: Duration?
  private var until = Instant.distantFuture
  private var owed = 0

  init(mode: Mode = .ok, permille: Int = 1_000, duration: Duration? = nil) {
    self.mode = mode
    self.permille = permille
    self.duration = duration
  }

  mutating func begin(now: Instant) {
    until = duration.map { now + $0 } ?? .distantFuture
  }

  /// Judges one request. A share is exact and evenly spread: of 50 % every second one is hit. A
  /// health check is never: that its answer is good while requests fail is what circuit breakers
  /// and passive health are for.
  mutating func judge(path: Substring, now: Instant) -> Verdict {
    if now >= until { self = DemoChaos() }
    if path.hasSuffix("/healthz") || mode == .ok || mode == .die { return .serve }
    owed += permille
    if owed < 1_000 { return .serve }
    owed -= 1_000
    switch mode {
    case .fail(let status): return .fail(status: status)
    case .slow(let delay): return .delay(delay)
    case .ok, .die: return .serve
    }
  }

  /// What it is now, as a line of JSON.
  func description(of backend: String) -> [UInt8] {
    var json = JSONWriter()
    json.beginObject()
    json.member("backend", backend)
    switch mode {
    case .ok: json.member("mode", "ok")
    case .fail(let status):
      json.member("mode", "fail")
      json.member("status", status)
    case .slow(let delay):
      json.member("mode", "slow")
      json.member("delay", Self.text(delay))
    case .die: json.member("mode", "die")
    }
    switch mode {
    case .fail, .slow:
      json.member("share", "\(permille / 10)" + (permille % 10 == 0 ? "%" : ".\(permille % 10)%"))
    case .ok, .die: break
    }
    if let duration { json.member("for", Self.text(duration)) }
    json.endObject()
    return json.finished
  }

  private static func text(_ duration: Duration) -> String {
    let milliseconds = duration.nanoseconds / 1_000_000
    return milliseconds % 1_000 == 0 ? "\(milliseconds / 1_000)s" : "\(milliseconds)ms"
  }
}

// MARK: - Reading an order

extension DemoChaos {
  /// An order that cannot be followed; its words are for the person who gave it.
  struct Refusal: Error, Equatable {
    var status: Int
    var words: String
  }

  static let path = "/chaos"
  /// Bytes of an order's body.
  static let longestBody = 4_096
  /// A backend is not to stay dead because somebody went home.
  static let longest = Duration.seconds(600)
  static let usualDeath = Duration.seconds(15)
  static let usualDelay = Duration.seconds(2)

  /// Reads `POST /chaos`. The settings stand in the query, in a form or in a JSON object.
  static func order(
    _ request: DemoRequest, body: [UInt8]
  ) throws(Refusal) -> DemoChaos {
    if let refusal = refusalOfStranger(request) { throw refusal }
    var settings = DemoOrder.form(request.target.drop { $0 != "?" }.dropFirst())
    let text = String(decoding: body, as: UTF8.self)
    if text.drop(while: \.isWhitespace).first == "{" {
      guard let object = DemoOrder.json(text) else {
        throw Refusal(status: 400, words: "the body is no JSON object of texts and numbers")
      }
      settings.merge(object) { _, new in new }
    } else {
      settings.merge(DemoOrder.form(text[...])) { _, new in new }
    }
    return try read(settings)
  }

  /// The backends listen on the loopback address only, but the gateway is there as well, and a
  /// browser may be: whoever does not come straight from this machine is refused.
  static func refusalOfStranger(_ request: DemoRequest) -> Refusal? {
    for field in ["via", "forwarded", "x-forwarded-for"] where request.header(field) != nil {
      return Refusal(status: 403, words: "ask the backend itself, not through a gateway")
    }
    for field in ["origin", "sec-fetch-site"] where request.header(field) != nil {
      return Refusal(status: 403, words: "this is not for pages in a browser")
    }
    return nil
  }

  private static func read(_ settings: [String: String]) throws(Refusal) -> DemoChaos {
    let known = ["mode", "share", "status", "delay", "for"]
    if let stranger = settings.keys.sorted().first(where: { !known.contains($0) }) {
      throw Refusal(
        status: 400, words: "unknown setting '\(stranger)'; there are mode, share, status, "
          + "delay and for")
    }
    var chaos = DemoChaos()
    switch settings["mode"] {
    case "ok": chaos.mode = .ok
    case "fail": chaos.mode = .fail(status: try status(settings["status"]))
    case "slow":
      chaos.mode = .slow(try duration("delay", settings["delay"], most: .seconds(60)) ?? usualDelay)
    case "die": chaos.mode = .die
    default: throw Refusal(status: 400, words: "mode must be ok, fail, slow or die")
    }
    chaos.duration = try duration("for", settings["for"], most: longest)
    if chaos.mode == .die && chaos.duration == nil { chaos.duration = usualDeath }
    if let share = settings["share"] { chaos.permille = try permille(share) }
    return chaos
  }

  private static func status(_ text: String?) throws(Refusal) -> Int {
    guard let text else { return 500 }
    guard let status = Int(text), (400...599).contains(status) else {
      throw Refusal(status: 400, words: "status must be a number from 400 to 599")
    }
    return status
  }

  private static func permille(_ text: String) throws(Refusal) -> Int {
    guard text.hasSuffix("%"), let share = Double(text.dropLast()), share >= 0, share <= 100 else {
      throw Refusal(status: 400, words: "share must be one like 50%")
    }
    return Int((share * 10).rounded())
  }

  private static func duration(
    _ name: String, _ text: String?, most: Duration
  ) throws(Refusal) -> Duration? {
    guard let text else { return nil }
    let unit = text.drop { $0.isNumber }
    let scales = ["ms": 1, "s": 1_000, "m": 60_000] as [Substring: Int64]
    guard let count = Int64(text[..<unit.startIndex]), let scale = scales[unit], count > 0,
      count <= most.nanoseconds / 1_000_000 / scale
    else {
      throw Refusal(
        status: 400, words: "\(name) must be one like 500ms, 2s or 1m, at most \(self.text(most))")
    }
    return .milliseconds(count * scale)
  }
}
