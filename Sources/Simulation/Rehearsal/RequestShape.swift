// Why this file exists: a request of a scenario is written once and sent millions of times, with
// the client's number and its own in their places.

import Configuration

struct RequestShape {
  private enum Piece {
    case text([UInt8])
    case client
    case number
  }

  private let pieces: [Piece]
  let body: Int
  let weight: Int
  let isHead: Bool

  init(_ request: FlowConfiguration.Request) {
    var text = "\(request.method) \(request.path) HTTP/1.1\r\nHost: \(request.host)\r\n"
    for field in request.fields { text += "\(field.name): \(field.value)\r\n" }
    if request.body > 0 { text += "Content-Length: \(request.body)\r\n" }
    pieces = RequestShape.pieces(of: text + "X-Simulated: ")
    body = request.body
    weight = request.weight
    isHead = request.method == "HEAD"
  }

  private static func pieces(of text: String) -> [Piece] {
    var pieces: [Piece] = []
    var rest = text[...]
    while let brace = rest.firstIndex(of: "{") {
      let tail = rest[brace...]
      for (name, piece) in [("{client}", Piece.client), ("{n}", .number)] where tail.hasPrefix(name)
      {
        pieces += [.text(Array(rest[..<brace].utf8)), piece]
        rest = tail.dropFirst(name.count)
      }
      if rest.startIndex <= brace {
        // A brace of another kind.
        pieces.append(.text(Array(rest[...brace].utf8)))
        rest = rest[rest.index(after: brace)...]
      }
    }
    return pieces + [.text(Array(rest.utf8))]
  }

  func write(client: Int, number: UInt64, into out: inout OutBuffer) {
    for piece in pieces {
      switch piece {
      case .text(let bytes): out.put(bytes)
      case .client: out.put(decimal: UInt64(client))
      case .number: out.put(decimal: number)
      }
    }
    out.put(hex: number)
    out.put("\r\n\r\n")
    out.bodyLeft = body
  }
}
