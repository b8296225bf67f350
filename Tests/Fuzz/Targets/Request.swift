// Why this file exists: fuzzes the connection of a client. A request that parser and rules accept
// must look right to the naive reader, and what is written of it must be that request again.
import HTTPParsing
import HTTPSemantics
import Primitives

func fuzzRequest(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let input = Array(UnsafeBufferPointer(start: bytes, count: count))
  let whole = Replay(.request, spanCapacity: 4, onHead: checkRequest)
  whole.play(input, cuts: [])
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

private func checkRequest(_ replay: Replay, _ base: UnsafePointer<UInt8>) {
  let table = replay.table
  var head = RequestParser.head(replay.request, table: table, base: base)
  let bytes = Array(
    UnsafeBufferPointer(start: base + Int(table.pointee.start), count: table.pointee.headLength))
  var facts = RequestFacts()
  let verdict = RequestRules.judge(&head, rules: RequestRuleSettings(), into: &facts)
  guard verdict == .accept else {
    replay.log.append(UInt8(ascii: "J"))
    replay.isRefused = true
    return
  }
  NaiveHead.check(bytes, isRequest: true)
  checkTarget(head, facts)
  let method = table.pointee.method.slice(in: base)
  let target = facts.pathAndQuery.slice(in: base)
  let slash: StaticString = "/"
  let star: StaticString = "*"
  var forwarded = target
  if facts.form == .asterisk {
    forwarded = ByteSlice(star.utf8Start, 1)
  } else if target.isEmpty || target[0] == 0x3F {
    forwarded = ByteSlice(slash.utf8Start, 1)
  }
  let authority = facts.authority.slice(in: base)
  let backend: StaticString = "backend:80"
  var added = RequestAdditions(
    method: method, target: forwarded,
    host: authority.isEmpty ? ByteSlice(backend.utf8Start, 10) : authority, framing: head.framing,
    receivedVersion: head.version)
  added.acceptsTrailers = facts.takesTrailers
  added.upgrade = facts.upgrade.slice(in: base)
  let room = UnsafeMutablePointer<UInt8>.allocate(capacity: 8192)
  defer { room.deallocate() }
  var writer = ByteWriter(room, capacity: 8192)
  let marks = RequestHeadWriter.write(head, added, into: &writer)
  demand(!writer.overflowed, "a head of 2 KiB fits into 8 KiB")
  demand(marks.host.end < UInt32(writer.count), "the mark of Host lies in the head")
  checkWritten(Array(writer.written.buffer), like: head, kept: keptFields(head))
}

/// The one form of the path is its own form: normalising twice changes nothing.
private func checkTarget(_ head: RequestHead, _ facts: RequestFacts) {
  if facts.form == .asterisk { return }
  let target = facts.pathAndQuery.slice(in: head.base)
  let capacity = target.count + PathPolicy.growth
  let room = UnsafeMutablePointer<UInt8>.allocate(capacity: 2 * capacity + 2)
  defer { room.deallocate() }
  var first = ByteWriter(room, capacity: capacity)
  guard case .rewritten = PathPolicy.normalise(target, encodedSlash: .keep, into: &first) else {
    return
  }
  var second = ByteWriter(room + capacity, capacity: capacity + 1)
  let again = PathPolicy.normalise(first.written, encodedSlash: .keep, into: &second)
  guard case .unchanged = again else { return demand(false, "a normal path is normal") }
}

/// Names and values of the lines that go on, except Host.
private func keptFields(_ head: RequestHead) -> [[UInt8]] {
  (0..<head.fieldCount).compactMap { index in
    let field = head.fields[index]
    switch field.kind {
    case .host, .connection, .transferEncoding, .te, .upgrade, .xForwardedFor: return nil
    default: break
    }
    if field.isDropped { return nil }
    return Array(field.name.slice(in: head.base).buffer) + [0x3A]
      + Array(field.value.slice(in: head.base).buffer)
  }
}

private func checkWritten(_ bytes: [UInt8], like original: RequestHead, kept: [[UInt8]]) {
  NaiveHead.check(bytes, isRequest: true)
  var heads = 0
  let replay = Replay(.request, spanCapacity: 4, isOurs: true) { replay, base in
    heads += 1
    var head = RequestParser.head(replay.request, table: replay.table, base: base)
    var facts = RequestFacts()
    let verdict = RequestRules.judge(&head, rules: RequestRuleSettings(), into: &facts)
    demand(verdict == .accept, "what we write is accepted by our own rules")
    demand(head.framing == original.framing, "the body ends where it ended")
    demand(head.method == original.method, "the same method")
    let ours: Set<FieldKind> = [.host, .connection, .transferEncoding, .te, .upgrade]
    var fields: [[UInt8]] = []
    for index in 0..<head.fieldCount where !ours.contains(head.fields[index].kind) {
      let field = head.fields[index]
      fields.append(
        Array(field.name.slice(in: base).buffer) + [0x3A]
          + Array(field.value.slice(in: base).buffer))
    }
    let via = Array("Via:1.\(original.version == .http11 ? 1 : 0) gateway".utf8)
    demand(
      fields.filter { !$0.starts(with: Array("X-Forwarded-For:".utf8)) } == kept + [via],
      "the same fields in the same order, and Via")
  }
  replay.play(bytes, cuts: [])
  demand(heads == 1, "what we write is one head")
}
