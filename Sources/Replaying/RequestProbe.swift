// Why this file exists: a verdict on a recorded request is worth something only when it comes from
// the code that serves requests. So a line becomes a head in bytes again, and goes through parser,
// rules and admission as it would on a connection.
import Forwarding
import HTTPParsing
import HTTPSemantics
import Primitives

/// One request at a time, in memory that is used again. Who makes it destroys it.
struct RequestProbe {
  /// A line's texts at their bounds, the conditions of a route, and the rest.
  private static let size = 512 * 1024
  /// Above what a head from here has; the limits of the configuration are about heads as they
  /// came.
  private static let maxFields = 1_000

  private let bytes: UnsafeMutablePointer<UInt8>
  /// For the normal form of the path, and for keys.
  private let room: UnsafeMutablePointer<UInt8>
  private let parser: UnsafeMutablePointer<RequestParser>
  private let table: UnsafeMutablePointer<HeadTable>
  private let spans: UnsafeMutablePointer<BodySpans>
  private(set) var head: RequestHead
  /// Bytes of the head as it is written here: that of the client had no fewer.
  private(set) var headLength = 0
  let admission: UnsafeMutablePointer<Admission>
  /// Splits are told whole, so the draw does not matter.
  private var random = Xoroshiro(seed: 1)

  init() {
    bytes = .allocate(capacity: RequestProbe.size)
    // Behind a head some bytes may be read, as on a connection.
    bytes.initialize(repeating: 0, count: RequestProbe.size)
    room = .allocate(capacity: 2 * RequestProbe.size)
    parser = .allocate(capacity: 1)
    RequestParser.initialise(parser)
    table = .allocate(capacity: 1)
    table.initialize(to: HeadTable.create(maxFields: RequestProbe.maxFields))
    spans = .allocate(capacity: 1)
    spans.initialize(to: BodySpans.create(capacity: 1))
    head = RequestHead(
      base: UnsafePointer(bytes), fields: table.pointee.fields, fieldCount: 0, method: .other,
      version: .http11, target: .empty, framing: .none, keepAlive: false)
    admission = .allocate(capacity: 1)
    admission.initialize(to: Admission(head))
  }

  func destroy() {
    RequestParser.destroy(parser)
    table.pointee.destroy()
    spans.pointee.destroy()
    bytes.deallocate()
    room.deallocate()
    parser.deallocate()
    table.deallocate()
    spans.deallocate()
    admission.deallocate()
  }

  /// Admits the request of a line. Nil when it cannot be written as a head.
  /// - Parameter conditions: what it is known to have had beside what the line says.
  mutating func admit(
    _ line: LogLine, _ snapshot: UnsafePointer<Snapshot>,
    _ conditions: [ConditionTable.Condition] = []
  ) -> AdmissionVerdict? {
    var writer = ByteWriter(bytes, capacity: RequestProbe.size - 64)
    RequestProbe.write(line, conditions, into: &writer)
    if writer.overflowed { return nil }
    headLength = writer.count
    RequestParser.destroy(parser)
    RequestParser.initialise(parser)
    let step = RequestParser.feed(
      parser, table: table, spans: spans, base: UnsafePointer(bytes), from: 0, to: writer.count,
      limits: ParseLimits(headSize: RequestProbe.size, headFields: RequestProbe.maxFields))
    switch step.event {
    case .head: break
    case .failed(let failure): return .refuse(failure.reason, failure.detail)
    case .needMore, .spansFull, .end: return nil
    }
    head = RequestParser.head(parser, table: table, base: UnsafePointer(bytes))
    admission.pointee.begin(head)
    var normal = ByteWriter(room, capacity: RequestProbe.size)
    let peer = line.client.slice.flatMap { IPAddress.parse($0) }
    return admission.pointee.admit(&head, snapshot, peer: peer, room: &normal, random: &random)
  }

  /// Room for keys, beside the normal form.
  var keyRoom: ByteWriter {
    ByteWriter(room + RequestProbe.size, capacity: RequestProbe.size)
  }

  private static func write(
    _ line: LogLine, _ conditions: [ConditionTable.Condition], into writer: inout ByteWriter
  ) {
    guard let method = line.method.slice, let path = line.path.slice else { return }
    writer.append(method)
    writer.append(" ")
    writer.append(path)
    var separator: StaticString = "?"
    for parameter in conditions where !parameter.isField {
      writer.append(separator)
      encode(parameter.name, into: &writer)
      writer.append("=")
      encode(parameter.value ?? "", into: &writer)
      separator = "&"
    }
    if let host = line.host.slice {
      writer.append(line.isHTTP10 ? " HTTP/1.0\r\nHost: " : " HTTP/1.1\r\nHost: ")
      writer.append(host)
      writer.append("\r\n")
    } else {
      writer.append(" HTTP/1.0\r\n")
    }
    if let agent = line.userAgent.slice {
      writer.append("User-Agent: ")
      writer.append(agent)
      writer.append("\r\n")
    }
    for field in conditions where field.isField {
      for byte in field.name.utf8 { writer.append(byte) }
      writer.append(": ")
      for byte in (field.value ?? "").utf8 { writer.append(byte) }
      writer.append("\r\n")
    }
    writer.append("\r\n")
  }

  /// Every byte as a triplet: the decoded text is what counts.
  private static func encode(_ text: String, into writer: inout ByteWriter) {
    for byte in text.utf8 {
      writer.append(0x25)
      writer.append(ASCII.hexDigit(byte >> 4))
      writer.append(ASCII.hexDigit(byte & 15))
    }
  }
}
