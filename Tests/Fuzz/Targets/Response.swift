// Why this file exists: fuzzes the connection of a backend, in the same way, for clients of both
// versions.
import HTTPParsing
import HTTPSemantics
import Primitives

func fuzzResponse(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let input = Array(UnsafeBufferPointer(start: bytes, count: count))
  for toHead in [false, true] {
    for version in [HTTPVersion.http11, .http10] {
      let whole = Replay(.response(toHead: toHead), spanCapacity: 4) { replay, base in
        forwardResponse(replay, base, toHead: toHead, version)
      }
      whole.play(input, cuts: [], finishing: true)
      compareResponses(whole, input, toHead: toHead, toOld: version == .http10)
    }
    let side = Side.response(toHead: toHead)
    let plain = Replay(side, spanCapacity: 4)
    plain.play(input, cuts: [])
    demandSameInPieces(side, input, whole: plain)
  }
  return 0
}

private func compareResponses(
  _ replay: Replay, _ input: [UInt8], toHead: Bool, toOld: Bool
) {
  var at = 0
  for message in replay.messages {
    guard message.head != nil, message.isWhole || !replay.isRefused else { return Tally.refused() }
    switch StrictReader.response(input, from: at, toHead: toHead, isEnded: true) {
    case .ambiguous(let why): return demand(false, "accepted, but not by the strict reader", why)
    case .part(nil): return demand(false, "accepted, but its head is not complete")
    case .part, .broken:
      return demand(!message.isWhole, "an answer that is complete to one reader only")
    case .whole(let original):
      demand(message.isWhole, "both see an end")
      demand(message.body == original.body, "and the same body")
      demand(message.framing.strict == original.framing, "framed alike")
      if original.framing == .untilClose { at = input.count } else { at = original.end }
      demand(message.end == at, "and end there")
      guard let forwarded = message.forwarded else { return Tally.refused() }
      Tally.forwarded()
      let reading = StrictReader.response(forwarded, toHead: toHead, isEnded: true)
      guard case .whole(let sent) = reading,
        sent.framing == .untilClose || sent.end == forwarded.count
      else { return demand(false, "what the client gets is exactly one message") }
      NaiveForwarding.checkResponse(sent, of: original, toOld: toOld, toHead: toHead)
    }
  }
}

/// Judges a copy of the head, so that the play goes on as if nothing had been asked.
private func forwardResponse(
  _ replay: Replay, _ base: UnsafePointer<UInt8>, toHead: Bool, _ version: HTTPVersion
) {
  var head = ResponseParser.head(replay.response, table: replay.table, base: base)
  var facts = ResponseFacts()
  let context = ResponseContext(requestMethod: toHead ? .head : .get, clientVersion: version)
  guard ResponseRules.judge(&head, context, into: &facts) == .accept else {
    replay.isRefused = true
    return
  }
  let needsReframing = head.framing == .chunked || head.framing == .untilClose
  let shown: Framing = !needsReframing ? head.framing : version == .http11 ? .chunked : .untilClose
  let nothing = ByteSlice(base, 0)
  let added = ResponseAdditions(
    framing: shown, connection: .none, requestID: nothing, date: nothing, upgrade: nothing)
  let last = replay.messages.count - 1
  replay.messages[last].head = written(capacity: 8192) {
    ResponseHeadWriter.write(head, added, into: &$0)
  }
  replay.messages[last].sentFraming = shown
  replay.messages[last].dropsTrailers = facts.dropsTrailers
}
