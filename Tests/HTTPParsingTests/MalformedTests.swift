// Why this file exists: parser and rules together give every request of the corpus its one answer,
// however its bytes arrive.
import Glibc
import HTTPParsing
import HTTPSemantics
import Primitives
import Testing

/// What the rules say of a head, in the words of the parser's failures; nil when it is accepted.
func judge(_ head: inout RequestHead) -> String? {
  var facts = RequestFacts()
  switch RequestRules.judge(&head, rules: RequestRuleSettings(), into: &facts) {
  case .accept: break
  case .refuse(let reason, let detail):
    if case .badRequest = reason { return "failed \(detail)" }
    return "failed \(reason)"
  }
  if case .asterisk = facts.form { return nil }
  let target = facts.pathAndQuery.slice(in: head.base)
  let room = UnsafeMutablePointer<UInt8>.allocate(capacity: target.count + PathPolicy.growth)
  defer { room.deallocate() }
  var writer = ByteWriter(room, capacity: target.count + PathPolicy.growth)
  switch PathPolicy.normalise(target, encodedSlash: .reject, into: &writer) {
  case .refused: return "failed target"
  case .unchanged, .rewritten: return nil
  }
}

@Suite struct MalformedTests {
  @Test(arguments: MalformedCorpus.all)
  func `every request of the corpus gets its one answer`(_ row: Malformed) {
    var player = Player()
    player.judge = judge
    let log = player.playEveryWay(raw(row.input))
    #expect(log.last == row.verdict)
    #expect(!log.contains { $0.hasPrefix("cut at") || $0.hasPrefix("byte by byte") })
  }

  @Test func `the corpus is large enough to mean something`() {
    #expect(MalformedCorpus.all.count >= 180)
    #expect(Set(MalformedCorpus.all.map(\.input)).count == MalformedCorpus.all.count)
  }

  /// Each of llhttp's leniencies, shown by a request that only it would let through.
  @Test(arguments: [
    ("LENIENT_HEADERS", "GET / HTTP/1.1\r\nX: a\u{01}\r\n\r\n"),
    (
      "LENIENT_CHUNKED_LENGTH",
      "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n"
    ),
    ("LENIENT_TRANSFER_ENCODING", "GET / HTTP/1.1\r\nTransfer-Encoding: chunked, a\r\n\r\n"),
    ("LENIENT_VERSION", "GET / HTTP/1.4\r\n\r\n"),
    ("LENIENT_OPTIONAL_LF_AFTER_CR", "GET / HTTP/1.1\rX: y\r\n\r\n"),
    (
      "LENIENT_OPTIONAL_CRLF_AFTER_CHUNK",
      "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na0\r\n\r\n"
    ),
    ("LENIENT_OPTIONAL_CR_BEFORE_LF", "GET / HTTP/1.1\nX: y\n\n"),
    (
      "LENIENT_SPACES_AFTER_CHUNK_SIZE",
      "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1 \r\na\r\n0\r\n\r\n"
    ),
    ("LENIENT_HEADER_VALUE_RELAXED", "GET / HTTP/1.1\r\nX: a\u{1F}b\r\n\r\n"),
  ])
  func `no leniency of llhttp is in force`(_ name: String, _ input: String) {
    #expect(Player().play(raw(input)).last?.hasPrefix("failed") == true)
  }

  @Test func `no source of this room can switch a leniency on`() throws {
    let here = "\(#filePath)"
    let root = here.prefix(here.count - "/Tests/HTTPParsingTests/MalformedTests.swift".count)
    let folder = root + "/Sources/HTTPParsing"
    let directory = try #require(opendir(String(folder)))
    defer { closedir(directory) }
    var sources = 0
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      guard name.hasSuffix(".swift") else { continue }
      sources += 1
      let file = try #require(fopen("\(folder)/\(name)", "r"))
      defer { fclose(file) }
      var text = [UInt8](repeating: 0, count: 1 << 20)
      let count = fread(&text, 1, text.count, file)
      #expect(count < text.count)
      let source = String(decoding: text[..<count], as: UTF8.self)
      #expect(!source.contains("set_lenient") && !source.contains("lenient_flags"))
    }
    #expect(sources > 10)
  }
}
