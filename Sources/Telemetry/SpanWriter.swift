// Why this file exists: which spans are made of an exchange, and what each says of it, in the words
// of OpenTelemetry's conventions for HTTP where there are some, and in `gateway.` words otherwise.
import HTTPSemantics
import Primitives

/// Writes the spans of records. What does not fit overflows `out`.
///
///     SERVER  GET users             the exchange, from the head's first byte to the last written
///     ├─ queue                      a wait for a connection
///     ├─ CLIENT  GET                an attempt, with the id that its backend was sent
///     │  └─ connect                 when the connection is its own
///     └─ response                   from the head of the backend's answer to the end
struct SpanWriter {
  var json: SpanJSON
  var out: ByteWriter {
    get { json.out }
    set { json.out = newValue }
  }

  init(_ out: ByteWriter) { json = SpanJSON(out) }

  /// The resource and the scope, up to the bracket before the first span.
  mutating func open(_ program: TracedProgram) {
    json.put("{\"resourceSpans\":[{\"resource\":{\"attributes\":[")
    json.isFirst = true
    json.attribute("service.name", "gateway")
    json.attribute("service.version", program.version)
    json.attribute("service.instance.id", program.instance)
    json.put("]},\"scopeSpans\":[{\"scope\":{\"name\":\"gateway\",\"version\":\"")
    json.put(program.version)
    json.put("\"},\"spans\":[")
  }

  /// - Parameter isFirst: no span stands before it.
  mutating func write(_ record: TraceRecord, isFirst: Bool) {
    var ids = SplitMix64(seed: record.head.pointee.seed)
    if !isFirst { json.put(",") }
    writeServer(record)
    var attempts: UInt64 = 0
    for index in 0..<record.stageCount {
      let stage = record.stage(index)
      switch stage.kind {
      case .wait:
        begin(record, "queue", id: &ids, stage.begun, stage.ended)
        json.end(.unset)
      case .attempt:
        writeAttempt(record, stage, number: attempts)
        if stage.connectBegun.nanoseconds != 0 { writeConnect(record, stage, id: &ids) }
        attempts += 1
      }
    }
    let head = record.head
    if head.pointee.answered.nanoseconds != 0 {
      begin(record, "response", id: &ids, head.pointee.answered, head.pointee.ended)
      json.end(.unset)
    }
  }

  // MARK: The exchange

  private mutating func writeServer(_ record: TraceRecord) {
    let head = record.head
    json.begin(
      head.pointee.trace, span: head.pointee.trace.span, parent: head.pointee.parent,
      isRemote: head.pointee.parent != 0)
    methodName(head.pointee)
    if head.pointee.route.count > 0 {
      json.put(" ")
      json.escaped(record.text(head.pointee.route))
    }
    json.kind(.server, wall(head.pointee.begun, record), wall(head.pointee.ended, record))
    request(record)
    if head.pointee.status != 0 {
      json.attribute("http.response.status_code", UInt64(head.pointee.status))
    }
    json.attribute("http.request.size", head.pointee.bytesIn)
    json.attribute("http.response.size", head.pointee.bytesOut)
    text("gateway.route", head.pointee.route, of: record)
    text("gateway.service", head.pointee.service, of: record)
    text("gateway.request_id", head.pointee.requestID, of: record)
    if head.pointee.stagesLeftOut > 0 {
      json.attribute("gateway.stages_left_out", UInt64(head.pointee.stagesLeftOut))
    }
    let reason = head.pointee.reason
    if reason != .none { json.attribute("gateway.reason", reason.word) }
    let status = head.pointee.status
    guard TraceHead.isError(status: status, reason: reason) else { return json.end(.unset) }
    if reason == .none {
      json.attribute("error.type", status: status)
    } else {
      json.attribute("error.type", reason.word)
    }
    json.end(.error)
  }

  private mutating func request(_ record: TraceRecord) {
    let head = record.head
    method(record)
    if let version = head.pointee.version {
      json.attribute("url.scheme", "http")
      json.attribute("network.protocol.version", version == .http11 ? "1.1" : "1.0")
    }
    text("url.path", head.pointee.path, of: record)
    if head.pointee.host.count > 0 { json.address(record.text(head.pointee.host)) }
    if let client = head.pointee.client { json.attribute("client.address", "\(client)") }
    text("user_agent.original", head.pointee.userAgent, of: record)
  }

  // MARK: Attempts

  /// - Parameter number: of attempts before it.
  private mutating func writeAttempt(_ record: TraceRecord, _ stage: TraceStage, number: UInt64) {
    let head = record.head
    json.put(",")
    json.begin(
      head.pointee.trace, span: stage.span, parent: head.pointee.trace.span, isRemote: false)
    methodName(head.pointee)
    json.kind(.client, wall(stage.begun, record), wall(stage.ended, record))
    method(record)
    json.attribute("network.protocol.version", "1.1")
    let backend = record.text(stage.backend)
    json.address(backend)
    if head.pointee.target.count > 0 {
      json.url(backend, record.text(head.pointee.target))
    }
    if number > 0 { json.attribute("http.request.resend_count", number) }
    if stage.status != 0 { json.attribute("http.response.status_code", UInt64(stage.status)) }
    json.end(failure(of: stage))
  }

  /// A client's span is an error from 400 on, a server's from 500.
  private mutating func failure(of stage: TraceStage) -> SpanJSON.Status {
    if stage.repeatedFor != .never {
      json.attribute("error.type", stage.repeatedFor.word)
    } else if stage.reason != .none {
      json.attribute("error.type", stage.reason.word)
    } else if stage.status >= 400 {
      json.attribute("error.type", status: stage.status)
    } else {
      return .unset
    }
    return .error
  }

  private mutating func writeConnect(
    _ record: TraceRecord, _ stage: TraceStage, id ids: inout SplitMix64
  ) {
    begin(
      record, "connect", parent: stage.span, id: &ids, stage.connectBegun, stage.connectEnded)
    json.address(record.text(stage.backend))
    json.end(stage.isConnected ? .unset : failure(of: stage))
  }

  // MARK: Pieces

  /// A span inside the gateway.
  private mutating func begin(
    _ record: TraceRecord, _ name: StaticString, parent: UInt64? = nil, id ids: inout SplitMix64,
    _ begun: Instant, _ ended: Instant
  ) {
    let trace = record.head.pointee.trace
    var id = ids.next()
    while id == 0 { id = ids.next() }
    json.put(",")
    json.begin(trace, span: id, parent: parent ?? trace.span, isRemote: false)
    json.put(name)
    json.kind(.inside, wall(begun, record), wall(ended, record))
  }

  private mutating func methodName(_ head: TraceHead) {
    json.put(head.method == .other ? "HTTP" : head.method.word)
  }

  private mutating func method(_ record: TraceRecord) {
    let head = record.head
    if head.pointee.version == nil { return }
    if head.pointee.method != .other {
      return json.attribute("http.request.method", head.pointee.method.word)
    }
    json.attribute("http.request.method", "_OTHER")
    text("http.request.method_original", head.pointee.methodText, of: record)
  }

  private mutating func text(_ key: StaticString, _ text: TraceText, of record: TraceRecord) {
    if text.count > 0 { json.attribute(key, record.text(text)) }
  }

  /// The time of day of an instant of the record: nanoseconds since 1970.
  private func wall(_ instant: Instant, _ record: TraceRecord) -> Int64 {
    record.head.pointee.endedAt - (record.head.pointee.ended - instant).nanoseconds
  }
}
