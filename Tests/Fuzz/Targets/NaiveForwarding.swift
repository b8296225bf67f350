// Why this file exists: what must become of a message on its way through the gateway, said once
// more and without any cleverness, for the comparison with what really leaves.

enum NaiveForwarding {
  /// End at this hop (RFC 9110 section 7.6.1), in either direction.
  private static let hopByHop: Set<String> = [
    "connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade",
    "proxy-authenticate", "proxy-authorization", "http2-settings",
  ]
  /// No Connection field takes these out of a message.
  private static let protected: Set<String> = [
    "host", "content-length", "transfer-encoding", "expect", "content-type", "via", "max-forwards",
    "forwarded", "x-real-ip", "x-request-id", "traceparent", "tracestate", "authorization",
    "cookie",
  ]
  /// Neither kept nor dropped by a rule that is the same for all: each is looked at by itself.
  private static let separate: Set<String> = [
    "host", "content-length", "expect", "trailer", "max-forwards", "via", "forwarded",
    "x-real-ip", "x-request-id", "traceparent", "tracestate", "date",
  ]
  private static let connectionOptions: Set<String> = ["close", "keep-alive", "upgrade"]

  /// The fields that a receiver must find as they were sent, in their order.
  /// - Parameter isRequest: of requests names with an underscore are dropped.
  static func kept(_ message: StrictMessage, isRequest: Bool) -> [StrictField] {
    let nominated = Set(message.members("connection"))
    return message.fields.filter { field in
      let name = field.lowerName
      if hopByHop.contains(name) || separate.contains(name) || isForwarded(name) { return false }
      if isRequest, name.contains("_") { return false }
      return protected.contains(name) || !nominated.contains(name)
        || connectionOptions.contains(name)
    }
  }

  /// X-Forwarded-Something; without the something it is a name like any other.
  static func isForwarded(_ name: String) -> Bool {
    name.hasPrefix("x-forwarded-") && name.utf8.count > 12
  }

  /// What may be known of hop-by-hop fields in a message that the gateway has written.
  static func checkHops(_ sent: StrictMessage, of original: StrictMessage) {
    let gone: Set<String> = [
      "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization",
      "http2-settings",
    ]
    demand(sent.fields.allSatisfy { !gone.contains($0.lowerName) }, "no hop-by-hop field goes on")
    let options = sent.members("connection")
    demand(
      options.allSatisfy { ["close", "keep-alive", "upgrade", "te"].contains($0) },
      "Connection names only what is ours")
    demand(
      sent.values("te").allSatisfy { $0.elementsEqual("trailers".utf8) },
      "TE says trailers or is not")
    demand(sent.values("te").isEmpty || options.contains("te"), "TE is named in Connection")
    demand(sent.values("upgrade").isEmpty || options.contains("upgrade"), "so is Upgrade")
    demand(sent.values("trailer").isEmpty || sent.framing == .chunked, "Trailer with chunks only")
    let version = original.isOld ? "1.0 gateway" : "1.1 gateway"
    demand(
      sent.values("via") == original.values("via") + [Array(version.utf8)], "Via says one hop more")
  }

  /// The trailers that may go on, out of those that came.
  static func checkTrailers(_ sent: StrictMessage, of original: StrictMessage, isRequest: Bool) {
    let never: Set<String> = [
      "host", "content-length", "transfer-encoding", "authorization",
      "cookie", "set-cookie", "content-type", "content-encoding", "content-range", "connection",
      "trailer", "te", "upgrade", "x-request-id", "via", "expect", "max-forwards", "cache-control",
    ]
    demand(sent.trailers.allSatisfy { !never.contains($0.lowerName) }, "no such trailer goes on")
    var rest = original.trailers[...]
    for trailer in sent.trailers {
      guard let index = rest.firstIndex(of: trailer) else {
        return demand(false, "a trailer that nobody sent")
      }
      rest = rest[(index + 1)...]
    }
    let nominates = original.members("connection").contains { !connectionOptions.contains($0) }
    if nominates { return }
    let plain = original.trailers.filter {
      $0.lowerName.hasPrefix("x-t") && !$0.name.contains(0x5F)
    }
    let arrived = sent.trailers.filter { $0.lowerName.hasPrefix("x-t") }
    if sent.framing == .chunked { demand(arrived == plain, "the other trailers go on") }
  }

  // MARK: Requests

  /// `sent` is what a backend reads of `original`.
  static func checkRequest(_ sent: StrictMessage, of original: StrictMessage) {
    demand(sent.line[0] == original.line[0], "the same method")
    let (authority, target) = parts(original.line[1], isOptions: isOptions(original))
    demand(sent.line[1] == target, "the target in its one form")
    demand(sent.line[2].elementsEqual("HTTP/1.1".utf8), "in HTTP/1.1")
    let host = authority ?? original.values("host").first
    if let host { demand(sent.values("host") == [host], "Host as the client named it") }
    demand(
      kept(sent, isRequest: true) == kept(original, isRequest: true),
      "the same fields in the same order")
    demand(sent.body == original.body, "the same body")
    switch (original.framing, sent.framing) {
    case (.none, .none), (.chunked, .chunked): break
    case (.length(let length), .length(let now)): demand(length == now, "the same length")
    default: demand(false, "the body ends as it ended")
    }
    let expect = sent.values("expect").map(Grammar.lower)
    demand(
      expect.isEmpty || (expect == ["100-continue"] && !original.isOld), "one expectation")
    checkHops(sent, of: original)
    checkTrailers(sent, of: original, isRequest: true)
  }

  static func isOptions(_ message: StrictMessage) -> Bool {
    message.line[0].elementsEqual("OPTIONS".utf8)
  }

  /// The authority of an absolute target, and the target that is forwarded.
  static func parts(_ target: [UInt8], isOptions: Bool) -> ([UInt8]?, [UInt8]) {
    if target.first == 0x2F || target == [0x2A] { return (nil, normalised(target)) }
    guard let slashes = target.indices.first(where: { target[$0...].starts(with: "//".utf8) })
    else { return (nil, []) }
    let rest = target[(slashes + 2)...]
    let end = rest.firstIndex { $0 == 0x2F || $0 == 0x3F } ?? rest.endIndex
    let path = Array(rest[end...])
    if path.isEmpty && isOptions { return (Array(rest[..<end]), [0x2A]) }
    return (Array(rest[..<end]), normalised(path))
  }

  /// RFC 3986 section 6.2.2, on whole segments.
  static func normalised(_ target: [UInt8]) -> [UInt8] {
    if target == [0x2A] { return target }
    let mark = target.firstIndex(of: 0x3F) ?? target.endIndex
    var segments: [[UInt8]] = []
    let all = target[..<mark].split(separator: 0x2F, omittingEmptySubsequences: false)
    // What stands before the first slash is empty.
    for (index, raw) in all.dropFirst().enumerated() {
      let segment = decoded(Array(raw))
      let isLast = index == all.count - 2
      if segment == [0x2E] || segment == [0x2E, 0x2E] {
        if segment.count == 2, !segments.isEmpty { segments.removeLast() }
        if isLast { segments.append([]) }
      } else {
        segments.append(segment)
      }
    }
    let path: [UInt8] = segments.isEmpty ? [0x2F] : segments.flatMap { [0x2F] + $0 }
    return path + target[mark...]
  }

  /// Triplets of unreserved characters decoded, all others in upper case.
  private static func decoded(_ segment: [UInt8]) -> [UInt8] {
    var out: [UInt8] = []
    var index = 0
    while index < segment.count {
      guard segment[index] == 0x25, index + 2 < segment.count else {
        out.append(segment[index])
        index += 1
        continue
      }
      let digits = String(decoding: segment[(index + 1)...(index + 2)], as: UTF8.self)
      let byte = UInt8(digits, radix: 16) ?? 0
      let isLetter = (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7A
      if isLetter || Grammar.isDigit(byte) || "-._~".utf8.contains(byte) {
        out.append(byte)
      } else {
        out += [0x25] + digits.uppercased().utf8
      }
      index += 3
    }
    return out
  }

  // MARK: Answers

  /// `sent` is what a client reads of `original`.
  static func checkResponse(
    _ sent: StrictMessage, of original: StrictMessage, toOld: Bool, toHead: Bool
  ) {
    demand(sent.line[0].elementsEqual("HTTP/1.1".utf8), "in HTTP/1.1")
    demand(sent.line[1] == original.line[1], "the same status")
    demand(sent.line[2] == original.line[2], "the same phrase")
    demand(
      kept(sent, isRequest: false) == kept(original, isRequest: false),
      "the same fields in the same order")
    demand(sent.body == original.body, "the same body")
    let dates = original.values("date")
    if !dates.isEmpty, !original.members("connection").contains("date") {
      demand(sent.values("date") == dates, "the backend's Date")
    }
    switch (original.framing, sent.framing) {
    case (.none, .none): break
    case (.length(let length), .length(let now)): demand(length == now, "the same length")
    case (.chunked, .chunked), (.untilClose, .chunked): demand(!toOld, "chunks for HTTP/1.1 only")
    case (.chunked, .untilClose), (.untilClose, .untilClose): demand(toOld, "else until the end")
    default: demand(false, "the body ends as it ended")
    }
    checkHops(sent, of: original)
    checkTrailers(sent, of: original, isRequest: false)
  }
}
