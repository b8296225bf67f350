// Why this file exists: fuzzes the connection of a client. What parser and rules accept must be a
// request to the strict reader too, the same one; and what is written of it, head and body, must be
// that request again, alone, and nothing behind it.
import HTTPParsing
import HTTPSemantics
import Primitives

func fuzzRequest(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let input = Array(UnsafeBufferPointer(start: bytes, count: count))
  let whole = Replay(.request, spanCapacity: 4, onHead: forwardRequest)
  whole.play(input, cuts: [])
  compareRequests(whole, input)
  demandSameInPieces(.request, input, whole: whole.isJudged ? unjudged(input) : whole)
  return 0
}

/// The rules stop a judged play at a request that they refuse; the comparison needs one without.
private func unjudged(_ input: [UInt8]) -> Replay {
  let replay = Replay(.request, spanCapacity: 4)
  replay.play(input, cuts: [])
  return replay
}

extension Replay {
  /// Its target stopped it.
  var isJudged: Bool { isRefused && log.last == UInt8(ascii: "J") }
}

/// Reads the same bytes with the second reader, one message after the other.
private func compareRequests(_ replay: Replay, _ input: [UInt8]) {
  var at = 0
  for message in replay.messages {
    // A body that is whole may still have been refused, for its size or for a trailer.
    guard message.head != nil, message.isWhole || !replay.isRefused else { return Tally.refused() }
    switch StrictReader.request(input, from: at) {
    case .ambiguous(let why): return demand(false, "accepted, but not by the strict reader", why)
    case .part(nil): return demand(false, "accepted, but its head is not complete")
    case .part(let part?), .broken(let part):
      demand(!message.isWhole, "a request that is complete to one reader only")
      demand(part.framing == message.framing.strict, "and of one framing")
      return
    case .whole(let original):
      demand(message.isWhole && message.end == original.end, "both see the same end")
      demand(message.body == original.body, "and the same body")
      demand(message.framing.strict == original.framing, "framed alike")
      at = original.end
      guard let forwarded = message.forwarded else { return Tally.refused() }
      Tally.forwarded()
      guard case .whole(let sent) = StrictReader.request(forwarded), sent.end == forwarded.count
      else { return demand(false, "what is forwarded is exactly one message") }
      NaiveForwarding.checkRequest(sent, of: original)
    }
  }
}

extension Framing {
  var strict: StrictFraming {
    switch self {
    case .none: .none
    case .length(let length): .length(Int(length))
    case .chunked: .chunked
    case .untilClose: .untilClose
    }
  }
}

/// Judges the head and writes what goes on of it, as far as that needs no configuration.
private func forwardRequest(_ replay: Replay, _ base: UnsafePointer<UInt8>) {
  let table = replay.table
  var head = RequestParser.head(replay.request, table: table, base: base)
  var facts = RequestFacts()
  let verdict = RequestRules.judge(&head, rules: RequestRuleSettings(), into: &facts)
  guard verdict == .accept, let target = normalised(head, facts) else {
    replay.log.append(UInt8(ascii: "J"))
    replay.isRefused = true
    return
  }
  let authority = facts.authority.slice(in: base)
  let backend: StaticString = "backend:80"
  let head8KiB = target.withUnsafeBufferPointer { target in
    var added = RequestAdditions(
      method: table.pointee.method.slice(in: base),
      target: ByteSlice(target.baseAddress.unsafelyUnwrapped, target.count),
      host: authority.isEmpty ? ByteSlice(backend.utf8Start, 10) : authority,
      framing: head.framing, receivedVersion: head.version)
    if facts.form == .origin, Array(facts.pathAndQuery.slice(in: base).buffer) == Array(target) {
      // As the data plane has it: a target that is as it was sent lies where it was read.
      added.target = facts.pathAndQuery.slice(in: base)
    }
    added.acceptsTrailers = facts.takesTrailers
    added.upgrade = facts.upgrade.slice(in: base)
    if case .forward(let left) = facts.maxForwards { added.maxForwards = Int64(left) }
    return written(capacity: 8192) { writer in
      let marks = RequestHeadWriter.write(head, added, into: &writer)
      demand(marks.host.end < UInt32(writer.count), "the mark of Host lies in the head")
    }
  }
  let last = replay.messages.count - 1
  replay.messages[last].head = head8KiB
  replay.messages[last].sentFraming = head.framing
  replay.messages[last].dropsTrailers = facts.dropsTrailers
}

/// The target that is forwarded; nil when it is refused.
private func normalised(_ head: RequestHead, _ facts: RequestFacts) -> [UInt8]? {
  if facts.form == .asterisk { return [0x2A] }
  let target = facts.pathAndQuery.slice(in: head.base)
  var isRefused = false
  let form = written(capacity: target.count + PathPolicy.growth) { writer in
    switch PathPolicy.normalise(target, encodedSlash: .keep, into: &writer) {
    case .unchanged: writer.append(target)
    case .rewritten: break
    case .refused: isRefused = true
    }
  }
  return isRefused ? nil : form
}
