// Why this file exists: fuzzes both connections of an exchange at once. A client's bytes go into
// the gateway, a backend's bytes come back; what reaches the backend and what reaches the client is
// read by the strict reader, and must be what was sent on the other side, message by message.
//
// An input is the client's stream, and behind each byte 0x1E what the backend says to the next
// request that reaches it. With FUZZ_SHOW set each play is shown before it is judged.
import Glibc

func fuzzExchange(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let input = Array(UnsafeBufferPointer(start: bytes, count: count))
  let parts = input.split(separator: 0x1E, omittingEmptySubsequences: false).map(Array.init)
  let stream = parts.first ?? []
  let seed = input.reduce(UInt64(count)) { $0 &* 31 &+ UInt64($1) }
  let answers = Array(parts.dropFirst())
  let reading = ExchangeReading(stream)
  let whole = Stage.shared.run(stream, answers, seed: seed, bytewise: false, answersEarly: false)
  let one = reading.compare(whole, isCut: false)
  let cut = Stage.shared.run(stream, answers, seed: seed, bytewise: true, answersEarly: false)
  let other = reading.compare(cut, isCut: true)
  // What a backend says out of turn may keep a request from reaching it, or not.
  // Of a body that is refused in the end the beginning may have left.
  if whole.isOrderly {
    let (all, pieces) = (one.filter(\.value.isWhole), other.filter(\.value.isWhole))
    demand(Set(all.keys) == Set(pieces.keys), "forwarded however it is cut")
  }
  for (source, request) in one {
    guard let twin = other[source], request.isWhole, twin.isWhole else { continue }
    demand(request.message.line == twin.message.line, "the same line however it is cut")
    demand(request.message.body == twin.message.body, "the same body")
    demand(
      NaiveForwarding.kept(request.message, isRequest: true)
        == NaiveForwarding.kept(twin.message, isRequest: true), "the same fields")
  }
  if seed & 1 == 0 {
    let early = Stage.shared.run(stream, answers, seed: seed, bytewise: true, answersEarly: true)
    _ = reading.compare(early, isCut: true)
  }
  return 0
}

extension ReceivedRequest {
  var isHead: Bool { message.line[0].elementsEqual("HEAD".utf8) }

  /// The answer is a 101, with or without others before it.
  var switches: Bool {
    guard let answer else { return false }
    var at = 0
    while case .whole(let head) = StrictReader.response(
      answer, from: at, toHead: isHead, isEnded: false)
    {
      if head.status == 101 { return true }
      if head.status >= 200 { return false }
      at = head.end
    }
    return answer[at...].starts(with: "HTTP/1.1 101".utf8)
  }

  /// The final answer in what the backend said, and where it ends; nil where none is whole.
  var finalAnswer: (message: StrictMessage, end: Int)? {
    guard let answer else { return nil }
    var at = 0
    while case .whole(let head) = StrictReader.response(
      answer, from: at, toHead: isHead, isEnded: isClosed)
    {
      at = head.framing == .untilClose ? answer.count : head.end
      if head.status >= 200 { return (head, at) }
    }
    return nil
  }
}

extension StagedPlay {
  /// The backend answers each request with one answer and nothing else.
  var isOrderly: Bool {
    requests.allSatisfy { $0.finalAnswer.map(\.end) == $0.answer?.count }
  }
}

/// What a client has sent, as the strict reader sees it.
private struct ExchangeReading {
  var originals: [(message: StrictMessage, isWhole: Bool)] = []

  init(_ stream: [UInt8]) {
    var at = 0
    while at < stream.count {
      switch StrictReader.request(stream, from: at) {
      case .whole(let message):
        originals.append((message, true))
        at = message.end
      case .part(let message?), .broken(let message):
        originals.append((message, false))
        return
      case .part(nil), .ambiguous: return
      }
    }
  }

  /// Gives what reached the backend by the place of its original.
  /// - Parameter isCut: bytes came one by one.
  func compare(_ play: StagedPlay, isCut: Bool) -> [Int: ReceivedRequest] {
    if getenv("FUZZ_SHOW") != nil { play.show() }
    var sources: [Int: ReceivedRequest] = [:]
    for received in play.requests {
      guard let source = source(of: received, but: sources) else {
        demand(false, "forwarded, and nobody has sent it, or not so often")
        continue
      }
      sources[source] = received
      check(received, of: originals[source])
      Tally.forwarded()
      // What follows may be another protocol's.
      if received.switches, !received.message.values("upgrade").isEmpty { return sources }
    }
    if play.requests.isEmpty { Tally.refused() }
    checkAnswers(play, sources, isCut: isCut)
    return sources
  }

  /// The first of the originals that this may have been. On two connections a later one may come
  /// earlier.
  private func source(of received: ReceivedRequest, but taken: [Int: ReceivedRequest]) -> Int? {
    let line = received.message.line
    let alike = originals.indices.filter { index in
      if taken[index] != nil || isFinalRecipient(originals[index].message) { return false }
      let original = originals[index].message
      let target = NaiveForwarding.parts(
        original.line[1], isOptions: NaiveForwarding.isOptions(original)
      ).1
      let body = received.message.body
      return original.line[0] == line[0] && target == line[1]
        && (received.isWhole ? original.body == body : original.body.starts(with: body))
    }
    let fields = NaiveForwarding.kept(received.message, isRequest: true)
    let same = alike.filter {
      NaiveForwarding.kept(originals[$0].message, isRequest: true) == fields
    }
    let trace = ExchangeReading.trace(of: received.message)
    return same.first { ExchangeReading.trace(of: originals[$0].message) == trace }
      ?? same.first { ExchangeReading.trace(of: originals[$0].message) == nil } ?? alike.first
  }

  private static func trace(of message: StrictMessage) -> String? {
    let parents = message.values("traceparent")
    if parents.count != 1 { return nil }
    return NaiveFields.traceparent(NaiveFields.latin(parents[0]))?.trace
  }

  private func check(
    _ received: ReceivedRequest, of original: (message: StrictMessage, isWhole: Bool)
  ) {
    var sent = received.message
    if !received.isWhole {
      sent.body = original.message.body
      sent.trailers = original.message.trailers.filter { $0.lowerName.hasPrefix("x-t") }
      if original.message.trailers.contains(where: { $0.name.contains(0x5F) }) { return }
    }
    demand(!received.isWhole || original.isWhole, "what was cut short never looks complete")
    NaiveForwarding.checkRequest(sent, of: original.message)
    checkOwn(sent, of: original.message)
  }

  /// What the gateway says of a request by itself. The client is trusted with nothing but a trace.
  private func checkOwn(_ sent: StrictMessage, of original: StrictMessage) {
    func only(_ name: String) -> String? {
      let values = sent.values(name)
      return values.count == 1 ? NaiveFields.latin(values[0]) : nil
    }
    demand(only("x-forwarded-for") == "192.0.2.1", "X-Forwarded-For is the peer")
    demand(only("x-forwarded-proto") == "http", "X-Forwarded-Proto")
    demand(
      sent.values("forwarded").isEmpty && sent.values("x-real-ip").isEmpty,
      "nothing else about the client")
    let names = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"]
    demand(
      sent.fields.allSatisfy {
        !NaiveForwarding.isForwarded($0.lowerName) || names.contains($0.lowerName)
      }, "no other field of that kind")
    let read = ExchangeReading.trace(of: original)
    let trace = ExchangeReading.trace(of: sent)
    demand(trace != nil, "one traceparent that is valid")
    if let read { demand(trace == read, "in the same trace") }
    let states = original.values("tracestate")
    let isKept = read != nil && NaiveFields.isTraceState(states)
    demand(sent.values("tracestate") == (isKept ? states : []), "tracestate with its parent only")
    let identifier = only("x-request-id")
    demand(identifier.map(NaiveFields.isIdentifier) == true, "one X-Request-ID that is safe")
    if let told = original.values("x-request-id").first,
      NaiveFields.isIdentifier(NaiveFields.latin(told))
    {
      demand(identifier == NaiveFields.latin(told), "the one that came")
    }
  }

  // MARK: Answers

  private func checkAnswers(
    _ play: StagedPlay, _ sources: [Int: ReceivedRequest], isCut: Bool
  ) {
    var at = 0
    var index = 0
    while at < play.answers.count {
      let original = index < originals.count ? originals[index].message : nil
      let toHead = original?.line[0].elementsEqual("HEAD".utf8) ?? false
      var reading = StrictReader.response(
        play.answers, from: at, toHead: toHead, isEnded: play.ending == .fin)
      if original == nil, case .part = reading {
        // To a head that the strict reader does not take, and that may be a HEAD.
        reading = StrictReader.response(
          play.answers, from: at, toHead: true, isEnded: play.ending == .fin)
      }
      switch reading {
      case .ambiguous(let why): return demand(false, "a client could misread an answer", why)
      case .broken: return demand(false, "a client gets whole chunks")
      case .part: return demand(play.ending == .reset, "what is cut short ends in a reset")
      case .whole(let answer):
        at = answer.framing == .untilClose ? play.answers.count : answer.end
        if answer.status < 200 { continue }
        demand(index <= originals.count, "no answer that nobody has asked for")
        if let original, let received = sources[index], !isOwn(answer, received) {
          let end = checkAnswer(answer, received, toOld: original.isOld)
          // What comes behind an answer, and after the next request has left, passes for the answer
          // to that: no reader could tell. What came together with the first one could be told.
          if isCut, end < received.answer?.count ?? 0 { return }
        } else {
          demand(
            !answer.values("x-gateway-reason").isEmpty || isFinalRecipient(original), "its own")
          // What the parser refuses it does not know for a HEAD: such a last answer has a body.
          if toHead, answer.members("connection").contains("close") { return }
        }
        index += 1
      }
    }
  }

  /// The gateway's own answer, in place of the backend's.
  private func isOwn(_ answer: StrictMessage, _ received: ReceivedRequest) -> Bool {
    !answer.values("x-gateway-reason").isEmpty && answer.values("via").isEmpty
  }

  /// The gateway answers such a request as the server that it is for.
  private func isFinalRecipient(_ original: StrictMessage?) -> Bool {
    guard let original, let zero = original.values("max-forwards").first else { return false }
    let isAsked =
      NaiveForwarding.isOptions(original) || original.line[0].elementsEqual("TRACE".utf8)
    return isAsked && Grammar.decimal(zero) == 0
  }

  /// Gives where in what the backend said its answer ends.
  private func checkAnswer(
    _ answer: StrictMessage, _ received: ReceivedRequest, toOld: Bool
  ) -> Int {
    guard let (final, end) = received.finalAnswer else {
      demand(false, "what a backend cut short, or muddled, never looks complete")
      return 0
    }
    NaiveForwarding.checkResponse(answer, of: final, toOld: toOld, toHead: received.isHead)
    return end
  }
}
