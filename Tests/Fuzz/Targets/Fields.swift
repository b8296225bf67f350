// Why this file exists: fuzzes the fields that the gateway reads. The input is field lines; they
// are put into requests and answers, and each verdict must be that of a second reading.
import HTTPParsing
import HTTPSemantics
import Primitives
import Telemetry

func fuzzFields(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  // Lines may be written with LF alone: seeds are then read and edited like any text.
  var lines: [UInt8] = []
  for byte in UnsafeBufferPointer(start: bytes, count: min(count, 1_500)) {
    if byte == 0x0A, lines.last != 0x0D { lines.append(0x0D) }
    lines.append(byte)
  }
  if !lines.isEmpty, !lines.elementsEqual("\r\n".utf8),
    !lines.suffix(2).elementsEqual([0x0D, 0x0A])
  {
    lines += [0x0D, 0x0A]
  }
  // Without a Host nothing else would be looked at.
  let namesHost = DraftLine.all(lines).contains { Grammar.lower($0.parts.name) == "host" }
  if !namesHost { lines = Array("Host: h.example\r\n".utf8) + lines }
  for first in ["GET /p HTTP/1.1\r\n", "OPTIONS * HTTP/1.1\r\n", "POST /p?a HTTP/1.0\r\n"] {
    playRequest(Array(first.utf8) + lines + [0x0D, 0x0A])
  }
  for first in ["HTTP/1.1 200 OK\r\n", "HTTP/1.0 404 No\r\n", "HTTP/1.1 304 \r\n"] {
    playResponse(Array(first.utf8) + lines + [0x0D, 0x0A])
  }
  return 0
}

/// What the strict reader makes of a head whose body has not come; nil = ambiguous.
private func head(_ reading: StrictReading) -> StrictMessage? {
  switch reading {
  case .whole(let message), .part(let message?), .broken(let message): message
  case .part(nil), .ambiguous: nil
  }
}

// MARK: - Requests

private func playRequest(_ bytes: [UInt8]) {
  let strict = head(StrictReader.request(bytes))
  var seen = false
  let replay = Replay(.request, spanCapacity: 4, isOurs: true) { replay, base in
    if seen { return }
    seen = true
    var head = RequestParser.head(replay.request, table: replay.table, base: base)
    var facts = RequestFacts()
    let verdict = RequestRules.judge(&head, rules: RequestRuleSettings(), into: &facts)
    guard let strict else { return demand(verdict != .accept, "ambiguous, and accepted") }
    let complaint = complaint(of: strict)
    demand(
      (verdict == .accept) == (complaint == nil), "the same verdict on a head", complaint ?? "")
    if verdict == .accept { compare(head, facts, strict) }
    replay.isRefused = true
  }
  replay.play(bytes, cuts: [])
  // Bounds, and names that are longer than any field has, are not the strict reader's.
  if strict != nil, !seen { demand(replay.isTooLarge, "refused by the parser alone") }
  seen ? Tally.forwarded() : Tally.refused()
}

extension Replay {
  fileprivate var isTooLarge: Bool { log.last == ParseFailure.headTooLarge.rawValue }
}

/// Why a head without ambiguities is refused; nil = it is not.
private func complaint(of message: StrictMessage) -> StaticString? {
  if let host = message.values("host").first,
    NaiveFields.authority(NaiveFields.latin(host)) == nil
  {
    return "Host"
  }
  let options = NaiveFields.members(message.values("connection"))
  let tokens = options.allSatisfy {
    Grammar.isToken(Array($0.unicodeScalars.map { UInt8($0.value) }))
  }
  if options.count > 32 || !tokens { return "Connection" }
  let expect = message.values("expect")
  if !message.isOld, !expect.isEmpty, expect.map(Grammar.lower) != ["100-continue"] {
    return "Expect"
  }
  let hops = message.values("max-forwards")
  if NaiveForwarding.isOptions(message), !hops.isEmpty {
    guard hops.count == 1, !hops[0].isEmpty, hops[0].allSatisfy(Grammar.isDigit) else {
      return "Max-Forwards"
    }
  }
  return nil
}

private func compare(_ head: RequestHead, _ facts: RequestFacts, _ message: StrictMessage) {
  let options = message.members("connection")
  demand(head.fieldCount == message.fields.count, "as many lines")
  demand(
    head.keepAlive
      == (!options.contains("close") && (!message.isOld || options.contains("keep-alive"))),
    "whether the connection lasts")
  if let host = message.values("host").first,
    let (name, port) = NaiveFields.authority(NaiveFields.latin(host))
  {
    demand(text(facts.host, head) == name, "the host")
    demand(Int(facts.port) == port ?? -1, "and its port")
  }
  let takes = message.members("te").contains("trailers") && !message.isOld
  demand(facts.takesTrailers == takes, "TE")
  let hasBody = message.framing != .none && message.framing != .length(0)
  demand(
    facts.expectsContinue == (!message.isOld && hasBody && !message.values("expect").isEmpty),
    "Expect")
  compareUpgrade(facts, head, message, options)
  compareHops(facts, head, message)
  compareDropped(head, facts, message)
  compareTrace(facts, head, message)
  compareParts(head, message)
  compareClient(head, facts, message)
}

private func text(_ range: ByteRange, _ head: RequestHead) -> String {
  text(range.slice(in: head.base))
}

private func text(_ slice: ByteSlice) -> String { NaiveFields.latin(Array(slice.buffer)) }

private func compareUpgrade(
  _ facts: RequestFacts, _ head: RequestHead, _ message: StrictMessage, _ options: [String]
) {
  let offers = message.values("upgrade")
  let parts = (offers.first ?? []).split(separator: 0x2F, omittingEmptySubsequences: false)
  let isOne = parts.count <= 2 && parts.allSatisfy { Grammar.isToken(Array($0)) }
  let counts =
    offers.count == 1 && options.contains("upgrade") && !message.isOld && isOne
    && message.line[0].elementsEqual("GET".utf8)
    && (message.framing == .none || message.framing == .length(0))
  demand(
    text(facts.upgrade, head) == (counts ? NaiveFields.latin(offers[0]) : ""), "Upgrade")
}

private func compareHops(_ facts: RequestFacts, _ head: RequestHead, _ message: StrictMessage) {
  guard NaiveForwarding.isOptions(message), let value = message.values("max-forwards").first else {
    return demand(facts.maxForwards == .absent, "Max-Forwards counts for OPTIONS")
  }
  let count = UInt64(NaiveFields.latin(value)) ?? .max
  demand(
    facts.maxForwards == (count == 0 ? .answer : .forward(UInt32(clamping: count - 1))),
    "Max-Forwards")
}

/// Which lines end here.
private func compareDropped(_ head: RequestHead, _ facts: RequestFacts, _ message: StrictMessage) {
  let separate: Set<String> = ["expect", "max-forwards", "trailer"]
  let ours: Set<String> = [
    "host", "content-length", "via", "forwarded", "x-real-ip", "x-request-id", "traceparent",
    "tracestate",
  ]
  let kept = NaiveForwarding.kept(message, isRequest: true)
  var index = 0
  for line in 0..<head.fieldCount {
    let field = message.fields[line]
    let name = field.lowerName
    if separate.contains(name) { continue }
    let isDropped = head.fields[line].isDropped
    if ours.contains(name) || NaiveForwarding.isForwarded(name) || name == "date" {
      // Date may be nominated, and is then dropped, or not.
      demand(!isDropped || name == "date" || name.contains("_"), "a line that nobody may take out")
    } else if index < kept.count, kept[index] == field {
      demand(!isDropped, "a line that goes on")
      index += 1
    } else {
      demand(isDropped, "a line that ends here")
    }
  }
  demand(index == kept.count, "all that goes on was there")
}

private func compareTrace(_ facts: RequestFacts, _ head: RequestHead, _ message: StrictMessage) {
  let parents = message.values("traceparent")
  demand((facts.traceparentField >= 0) == (parents.count == 1), "one traceparent, or none counts")
  for parent in parents {
    let read = withExactMemory(parent.isEmpty ? [0] : parent) {
      TraceContext.parse(ByteSlice($0, parent.count))
    }
    let naive = NaiveFields.traceparent(NaiveFields.latin(parent))
    demand((read == nil) == (naive == nil), "whether a traceparent is valid")
    if let read, let naive {
      let (high, low) = (naive.trace.prefix(16), naive.trace.suffix(16))
      demand(
        read.traceHigh == UInt64(high, radix: 16) && read.traceLow == UInt64(low, radix: 16)
          && read.span == UInt64(naive.span, radix: 16) && read.isSampled == naive.isSampled,
        "and what it says")
    }
  }
  var state = TraceState()
  let states = message.values("tracestate")
  for line in states {
    withExactMemory(line.isEmpty ? [0] : line) { state.take(ByteSlice($0, line.count)) }
  }
  demand(state.isValid == NaiveFields.isTraceState(states), "whether a tracestate is valid")
  if let first = message.values("x-request-id").first {
    let value = head.fields[Int(facts.requestIDField)].value.slice(in: head.base)
    demand(text(value) == NaiveFields.latin(first), "the first X-Request-ID")
    demand(
      RequestIdentifier.isValid(value) == NaiveFields.isIdentifier(NaiveFields.latin(first)),
      "whether it is let in")
  }
}

private func compareParts(_ head: RequestHead, _ message: StrictMessage) {
  let name: StaticString = "sid"
  let cookie = RequestPart.cookie(ByteSlice(name.utf8Start, 3), in: head)
  let naive = message.values("cookie").lazy.compactMap {
    NaiveFields.pair("sid", in: NaiveFields.latin($0), separator: ";")
  }.first
  demand(cookie.map(text) == naive, "the cookie")
  let key: StaticString = "x-key"
  var values: [String] = []
  RequestPart.sentValues(of: ByteSlice(key.utf8Start, 5), in: head) { values.append(text($0)) }
  demand(
    values == message.values("x-key").map(NaiveFields.latin).filter { !$0.isEmpty },
    "all values of a field")
}

private func compareClient(_ head: RequestHead, _ facts: RequestFacts, _ message: StrictMessage) {
  let trusted: [CIDR] = [CIDR.parse("10.0.0.0/8"), CIDR.parse("2001:db8::/32")].compactMap(\.self)
  func isTrusted(_ address: [UInt8]) -> Bool {
    address.starts(with: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10])
      || address.starts(with: [0x20, 0x01, 0x0D, 0xB8])
  }
  // Who is trusted first: the other peer takes the lines away.
  for peer in [0x0A01_0203, 0xC000_0201] as [UInt32] {
    let client = trusted.withUnsafeBufferPointer {
      ClientIdentity.resolve(head, facts, peer: IPAddress(v4: peer), trusted: $0)
    }
    let bytes = (0..<4).map { UInt8(truncatingIfNeeded: peer >> (24 - 8 * UInt32($0))) }
    let naive = NaiveFields.client(
      message.values("x-forwarded-for"),
      peer: [UInt8](repeating: 0, count: 10) + [255, 255] + bytes, isTrusted: isTrusted)
    demand(octets(client.address) == naive, "who the client is")
    demand(client.peerIsTrusted == (peer >> 24 == 10), "whom to believe")
  }
  for index in 0..<head.fieldCount {
    let name = message.fields[index].lowerName
    let tells = NaiveForwarding.isForwarded(name) || name == "forwarded" || name == "x-real-ip"
    demand(!tells || head.fields[index].isDropped, "an untrusted peer says nothing of the client")
  }
}

private func octets(_ address: IPAddress) -> [UInt8] {
  let (high, low) = address.isV4 ? (0, 0xFFFF << 32 | address.low) : (address.high, address.low)
  return [high, low].flatMap { word in
    (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * UInt64($0))) }
  }
}

// MARK: - Answers

private func playResponse(_ bytes: [UInt8]) {
  let strict = head(StrictReader.response(bytes, toHead: false, isEnded: true))
  var seen = false
  let replay = Replay(.response(toHead: false), spanCapacity: 4, isOurs: true) { replay, base in
    if seen { return }
    seen = true
    var head = ResponseParser.head(replay.response, table: replay.table, base: base)
    var facts = ResponseFacts()
    let context = ResponseContext(requestMethod: .get, clientVersion: .http11)
    let verdict = ResponseRules.judge(&head, context, into: &facts)
    guard let strict else { return demand(verdict != .accept, "ambiguous, and accepted") }
    let options = NaiveFields.members(strict.values("connection"))
    let tokens = options.allSatisfy {
      Grammar.isToken(Array($0.unicodeScalars.map { UInt8($0.value) }))
    }
    demand((verdict == .accept) == (options.count <= 32 && tokens), "the same verdict on an answer")
    if verdict == .accept { compare(head, facts, strict) }
    replay.isRefused = true
  }
  replay.play(bytes, cuts: [])
  if strict != nil, !seen { demand(replay.isTooLarge, "refused by the parser alone") }
}

private func compare(_ head: ResponseHead, _ facts: ResponseFacts, _ message: StrictMessage) {
  demand(head.framing.strict == message.framing, "the same framing")
  if let value = message.values("retry-after").first {
    let naive = NaiveFields.retryAfter(NaiveFields.latin(value))
    demand(RetryAfter.seconds(of: head) == naive.map { .seconds($0) }, "Retry-After")
  }
  let hints = message.values("keep-alive")
  demand(
    facts.keepAliveSeconds == (hints.last.map(NaiveFields.keepAliveSeconds) ?? 0), "Keep-Alive")
  let kept = NaiveForwarding.kept(message, isRequest: false)
  var index = 0
  for line in 0..<head.fieldCount where !head.fields[line].isDropped {
    if index < kept.count, kept[index] == message.fields[line] { index += 1 }
  }
  demand(index == kept.count, "the lines that go on")
}
