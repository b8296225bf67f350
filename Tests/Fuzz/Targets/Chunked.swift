// Why this file exists: fuzzes what follows the head of a chunked request. What the parser takes
// for a whole body must be one to the strict reader, with the same data and trailers; and what we
// write of it must decode to that data again.
import HTTPParsing

func fuzzChunked(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let head = Array("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)
  let stream = Array(UnsafeBufferPointer(start: bytes, count: count))
  let whole = Replay(.request, spanCapacity: 4)
  whole.play(head + stream, cuts: [])
  demandSameInPieces(.request, head + stream, whole: whole)

  guard let message = whole.messages.first, message.isWhole else {
    Tally.refused()
    return 0
  }
  var strict = StrictChunks(stream)
  demand(strict.read() == .whole, "what the parser takes for a whole body is one")
  demand(strict.data == message.body, "and holds the same data")
  demand(strict.at == message.end - head.count, "and ends there")
  guard let ending = message.ending else { return 0 }
  Tally.forwarded()
  let ours = PlayedMessage.chunks(of: message.body) + ending
  var again = StrictChunks(ours)
  demand(again.read() == .whole && again.data == message.body, "what we write is the same data")
  demand(again.at == ours.count, "and nothing is left over")
  var rest = strict.trailers[...]
  for trailer in again.trailers {
    while let first = rest.first, first != trailer { rest.removeFirst() }
    demand(!rest.isEmpty, "no trailer that nobody sent, none twice")
    rest.removeFirst()
  }
  return 0
}
