// Why this file exists: an explanation is worth something only when it comes from the code that
// serves requests. So a request is written out in bytes here, and goes through parser, rules and
// admission as it would on a connection.

import Configuration
import Forwarding
import HTTPParsing
import HTTPSemantics
import Limiting
import Primitives
import Routing

/// A request as somebody describes it.
struct ExplainedRequest {
  var method: String
  /// `http://host/path?query`, or the path and query alone, or `*`; with CONNECT `host:port`.
  var url: String
  /// `Name: value`
  var fields: [String]
  /// Who is connected; nil = this machine.
  var peer: IPAddress?

  struct Problem: Error, CustomStringConvertible {
    var description: String
  }

  /// The bytes of the head. Without a host in URL or fields it is one of HTTP/1.0.
  func head() throws(Problem) -> [UInt8] {
    for text in [method, url] + fields
    where text.utf8.contains(where: { $0 < 0x20 && $0 != 0x09 || $0 == 0x7f }) {
      throw Problem(description: "a control character cannot be sent")
    }
    guard !method.isEmpty, !method.contains(" ") else {
      throw Problem(description: "'\(method)' is not a method")
    }
    guard !url.isEmpty, !url.contains(" ") else {
      throw Problem(description: "'\(url)' is not a URL; a space is written %20")
    }
    for field in fields where !field.contains(":") {
      throw Problem(description: "'\(field)' is not a field; write it as 'Name: value'")
    }
    // A fragment stays with the client.
    let sent = String(url.prefix { $0 != "#" })
    var target = sent
    var host: String?
    if let scheme = ["http://", "https://"].first(where: sent.lowercased().hasPrefix) {
      let rest = sent.dropFirst(scheme.count)
      let authority = rest.prefix { $0 != "/" && $0 != "?" }
      let path = rest.dropFirst(authority.count)
      host = String(authority)
      target = path.hasPrefix("/") ? String(path) : "/" + path
    } else if method == "CONNECT" && !sent.hasPrefix("/") {
      // Host and port, which Host repeats (RFC 9112 section 3.2.3).
      host = sent
    } else if !sent.hasPrefix("/") && sent != "*" {
      throw Problem(description: "'\(url)' is neither a URL with http:// nor a path")
    }
    let namesHost = fields.contains { $0.lowercased().hasPrefix("host:") }
    let version = host == nil && !namesHost ? "1.0" : "1.1"
    var lines = ["\(method) \(target) HTTP/\(version)"]
    if let host, !namesHost { lines.append("Host: \(host)") }
    lines += fields.map { field in
      let name = field.prefix { $0 != ":" }
      let value = field.dropFirst(name.count + 1).drop { $0 == " " || $0 == "\t" }
      return "\(name): \(value)"
    }
    return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
  }
}

/// What admission and the route table say of a request.
struct ExplainedVerdict {
  enum Outcome: Equatable {
    case forward
    case redirect(status: UInt16, location: String)
    case respond(status: UInt16)
    /// The gateway answers OPTIONS or TRACE whose Max-Forwards has run out.
    case answerAsRecipient
    case refuse(Reason, BadRequestDetail)
  }

  var outcome = Outcome.refuse(.badRequest, .none)
  var host = ""
  /// In normal form.
  var path = ""
  var query = ""
  var client: IPAddress?
  /// What a backend would be asked for.
  var target = ""
  var routes = RouteExplanation(taker: nil)
  /// What each limit of the route says at this moment, of a request that goes on; nil = it does not
  /// count there.
  var limits: [LimitVerdict?] = []
  /// Values of the field lines, by their names in lower case.
  var fields: [(name: String, value: String)] = []

  /// Asks a compiled configuration.
  static func of(
    _ request: ExplainedRequest, _ snapshot: UnsafePointer<Snapshot>, now: Instant
  ) throws(ExplainedRequest.Problem) -> ExplainedVerdict {
    let bytes = try request.head()
    // Behind the head some bytes may be read, as on a connection.
    let base = UnsafeMutablePointer<UInt8>.allocate(capacity: bytes.count + 64)
    defer { base.deallocate() }
    base.initialize(repeating: 0, count: bytes.count + 64)
    base.update(from: bytes, count: bytes.count)
    let parser = UnsafeMutablePointer<RequestParser>.allocate(capacity: 1)
    let table = UnsafeMutablePointer<HeadTable>.allocate(capacity: 1)
    let spans = UnsafeMutablePointer<BodySpans>.allocate(capacity: 1)
    RequestParser.initialise(parser)
    table.initialize(to: HeadTable.create(maxFields: snapshot.pointee.headFields))
    spans.initialize(to: BodySpans.create(capacity: 1))
    defer {
      RequestParser.destroy(parser)
      table.pointee.destroy()
      spans.pointee.destroy()
      parser.deallocate()
      table.deallocate()
      spans.deallocate()
    }
    let step = RequestParser.feed(
      parser, table: table, spans: spans, base: base, from: 0, to: bytes.count,
      limits: ParseLimits(
        headSize: snapshot.pointee.headSize, headFields: snapshot.pointee.headFields))
    var verdict = ExplainedVerdict()
    switch step.event {
    case .head: break
    case .failed(let failure):
      verdict.outcome = .refuse(failure.reason, failure.detail)
      return verdict
    case .needMore, .spansFull, .end:
      throw ExplainedRequest.Problem(description: "this is not one request")
    }
    var head = RequestParser.head(parser, table: table, base: UnsafePointer(base))
    verdict.ask(
      &head, snapshot, peer: request.peer ?? IPAddress(v4: 0x7f00_0001), now: now)
    return verdict
  }

  private mutating func ask(
    _ head: inout RequestHead, _ snapshot: UnsafePointer<Snapshot>, peer: IPAddress, now: Instant
  ) {
    let size = 160 * 1024
    let room = UnsafeMutablePointer<UInt8>.allocate(capacity: 2 * size)
    defer { room.deallocate() }
    var normal = ByteWriter(room, capacity: size)
    // A split is told whole, so the draw does not matter.
    var random = Xoroshiro(seed: 1)
    var admission = Admission(head)
    let answer = admission.admit(&head, snapshot, peer: peer, room: &normal, random: &random)
    fields = (0..<head.fieldCount).map { index in
      let field = head.fields[index]
      return (
        field.name.slice(in: head.base).text.lowercased(),
        field.value.slice(in: head.base).text
      )
    }
    host = admission.facts.host.slice(in: head.base).text
    client = admission.client.address
    switch answer {
    case .forward, .forwardEdited: outcome = .forward
    case .answerAsRecipient: outcome = .answerAsRecipient
    case .refuse(let reason, let detail): outcome = .refuse(reason, detail)
    case .answerByRoute: outcome = .respond(status: 0)
    }
    if case .refuse(.badRequest, _) = outcome { return }
    // CONNECT is refused before anything is looked up.
    if admission.pathLength == 0 { return }
    let isAsterisk = admission.facts.form == .asterisk
    let pathLength = admission.pathLength
    let routed = admission.routedPath
    path = routed.text
    let asked = admission.routeRequest(head, routed)
    query = asked.query.text
    routes = snapshot.pointee.routing.explain(asked)
    target = admission.target.text
    guard admission.route >= 0,
      let extras = snapshot.pointee.routes[Int(admission.route)].extras
    else { return }
    var rest = ByteWriter(room + size, capacity: size)
    if outcome == .forward || answer == .answerByRoute {
      let ledger = LimitLedger.create()
      defer { ledger.destroy() }
      limits = withUnsafePointer(to: admission) { admission in
        withUnsafePointer(to: head) { head in
          LimitStep(
            extras.pointee.limits, ledger, admission, head, snapshot, hasAddress: true, now: now
          ).look(room: &rest)
        }
      }
    }
    if answer == .answerByRoute {
      let answer = extras.pointee.answer
      outcome = .respond(status: answer.status)
      if answer.isRedirect {
        answer.writeLocation(
          admission.target, pathLength: isAsterisk ? 0 : pathLength, into: &rest)
        outcome = .redirect(status: answer.status, location: rest.written.text)
      }
    } else if !isAsterisk {
      target =
        extras.pointee.stripped(
          admission.target, pathLength: pathLength, into: &rest
        ).text
    }
  }
}
