// Why this file exists: what the writers make of a message must be that message again for the next
// parser; seeded random messages show it beside the examples.
import HTTPParsing
import HTTPSemantics
import Primitives
import Testing

/// A random but well-formed message, in the parts from which it is put together.
private struct Message {
  var fields: [(name: String, value: String)] = []
  var chunks: [String]?
  var trailers: [(name: String, value: String)] = []
  var length: String?

  init(_ random: inout SplitMix64) {
    let names = [
      "Accept", "X-A", "x-b", "Cookie", "Etag", "User-Agent", "Cache-Control", "Via", "!#$",
    ]
    let values = [
      "", "1", "a b", "a, \tb", "\"q\"", "\u{E4}\u{FF}", String(repeating: "v", count: 300),
    ]
    for _ in 0..<random.next() % 12 {
      fields.append((pick(names, &random), pick(values, &random)))
    }
    switch random.next() % 3 {
    case 0: break
    case 1: length = String(repeating: "b", count: Int(random.next() % 40))
    default:
      chunks = (0..<random.next() % 6).map { _ in
        String(repeating: "c", count: 1 + Int(random.next() % 40))
      }
      for _ in 0..<random.next() % 4 {
        trailers.append((pick(["X-T", "Grpc-Status"], &random), pick(values, &random)))
      }
    }
  }

  /// The message on the wire, with blanks where the grammar allows them.
  func bytes(_ startLine: String, _ random: inout SplitMix64) -> String {
    let blanks = ["", " ", "  ", "\t", " \t "]
    var text = startLine
    for field in fields + framing {
      // llhttp refuses a tab behind `chunked`; nobody sends one.
      let behind = field.name == "Transfer-Encoding" ? " " : pick(blanks, &random)
      text += field.name + ":" + pick(blanks, &random) + field.value + behind + "\r\n"
    }
    text += "\r\n" + (length ?? "")
    guard let chunks else { return text }
    for chunk in chunks {
      let digits = String(chunk.utf8.count, radix: 16, uppercase: random.next() % 2 == 0)
      let zeros = String(repeating: "0", count: Int(random.next() % 3))
      text +=
        zeros + digits + pick(["", ";x", ";a=b", ";a=\"b c\""], &random) + "\r\n" + chunk + "\r\n"
    }
    text += pick(["0", "000", "0;end"], &random) + "\r\n"
    for field in trailers {
      text += field.name + ":" + pick(blanks, &random) + field.value + "\r\n"
    }
    return text + "\r\n"
  }

  var framing: [(name: String, value: String)] {
    if let length { return [("Content-Length", String(length.utf8.count))] }
    return chunks == nil ? [] : [("Transfer-Encoding", "chunked")]
  }

  /// What the log of the message says behind its first line.
  var log: [String] {
    var lines = (fields + framing).map { "\($0.name): \($0.value)" }
    let body = length ?? chunks?.joined() ?? ""
    if !body.isEmpty {
      lines.append("body \(body.utf8.count > 200 ? "\(body.utf8.count) bytes" : body)")
    }
    lines += trailers.map { "trailer \($0.name): \($0.value)" }
    return lines + ["end"]
  }
}

private func pick(_ words: [String], _ random: inout SplitMix64) -> String {
  words[Int(random.next() % UInt64(words.count))]
}

@Suite struct RoundTripTests {
  @Test func `random messages behind one another are read as they were made`() {
    for seed in 1...60 as ClosedRange<UInt64> {
      var random = SplitMix64(seed: seed)
      var text = ""
      var expected: [String] = []
      for index in 0..<3 {
        let message = Message(&random)
        text += message.bytes("POST /\(index) HTTP/1.1\r\n", &random)
        let framing =
          message.chunks != nil ? "chunked" : message.length.map { "length(\($0.utf8.count))" }
        expected += ["POST /\(index) 1.1 \(framing ?? "none")"] + message.log
      }
      let input = raw(text)
      #expect(Player().play(input) == expected, "seed \(seed)")
      for _ in 0..<20 {
        let cuts = (0..<random.next() % 8).map { _ in Int(random.next() % UInt64(input.count)) }
        #expect(Player().play(input, cuts: cuts.sorted()) == expected, "seed \(seed)")
      }
    }
  }

  @Test func `what is written for a backend is read there as the same request`() {
    for seed in 1...200 as ClosedRange<UInt64> {
      var random = SplitMix64(seed: seed)
      let message = Message(&random)
      let head = message.bytes("PUT /p?q HTTP/1.1\r\nHost: h\r\n", &random)
      let forwarded = withRequest(head) { head, facts, method in
        var added = RequestAdditions(
          method: method, target: facts.pathAndQuery.slice(in: head.base),
          host: facts.authority.slice(in: head.base), framing: head.framing,
          receivedVersion: head.version)
        added.requestID = slice("id")
        return written(capacity: 65_536) { _ = RequestHeadWriter.write(head, added, into: &$0) }
      }
      let bytes = raw(
        forwarded!.split(separator: #"\r\n"#, omittingEmptySubsequences: false)
          .joined(separator: "\r\n"))
      let log = Player().play(bytes)
      let kept = message.fields.map { "\($0.name): \($0.value)" }
      let length = message.framing.filter { $0.name == "Content-Length" }.map {
        "\($0.name): \($0.value)"
      }
      let coding = message.chunks == nil ? [] : ["Transfer-Encoding: chunked"]
      let ours = ["X-Request-ID: id", "Via: 1.1 gateway"]
      #expect(
        Array(log.dropFirst().prefix(while: { $0 != "end" && $0 != "more" }))
          == ["Host: h"] + kept + length + ours + coding, "seed \(seed)")
    }
  }
}
