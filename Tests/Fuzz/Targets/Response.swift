// Why this file exists: fuzzes the connection of a backend, in the same way.
import HTTPParsing
import HTTPSemantics
import Primitives

func fuzzResponse(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let input = Array(UnsafeBufferPointer(start: bytes, count: count))
  for side in [Side.response(toHead: false), .response(toHead: true)] {
    let whole = Replay(side, spanCapacity: 4, onHead: checkResponse)
    whole.play(input, cuts: [])
    demandSameInPieces(side, input, whole: whole)
  }
  return 0
}

/// Judges a copy of the head, so that the play goes on as if nothing had been asked.
private func checkResponse(_ replay: Replay, _ base: UnsafePointer<UInt8>) {
  let table = replay.table
  var head = ResponseParser.head(replay.response, table: table, base: base)
  var facts = ResponseFacts()
  let method: Method = replay.side == .response(toHead: true) ? .head : .get
  let context = ResponseContext(requestMethod: method, clientVersion: .http11)
  guard ResponseRules.judge(&head, context, into: &facts) == .accept else { return }
  NaiveHead.check(
    Array(
      UnsafeBufferPointer(start: base + Int(table.pointee.start), count: table.pointee.headLength)),
    isRequest: false)
  let nothing = ByteSlice(base, 0)
  let room = UnsafeMutablePointer<UInt8>.allocate(capacity: 8192)
  defer { room.deallocate() }
  var writer = ByteWriter(room, capacity: 8192)
  let added = ResponseAdditions(
    framing: head.framing, connection: .none, requestID: nothing, date: nothing, upgrade: nothing)
  ResponseHeadWriter.write(head, added, into: &writer)
  demand(!writer.overflowed, "a head of 2 KiB fits into 8 KiB")
  let written = Array(writer.written.buffer)
  NaiveHead.check(written, isRequest: false)
  var heads = 0
  let again = Replay(replay.side, spanCapacity: 4, isOurs: true) { replay, base in
    heads += 1
    var copy = ResponseParser.head(replay.response, table: replay.table, base: base)
    var facts = ResponseFacts()
    demand(
      ResponseRules.judge(&copy, context, into: &facts) == .accept,
      "what we write is accepted by our own rules")
    demand(copy.status == head.status, "the same status")
    demand(copy.framing == head.framing, "the body ends where it ended")
  }
  again.play(written, cuts: [])
  demand(heads == 1, "what we write is one head")
}
