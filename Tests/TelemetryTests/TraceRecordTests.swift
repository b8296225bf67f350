// Why this file exists: a record has the size it has, whatever a request brings; what does not fit
// is left out and never written beyond its end.
import HTTPSemantics
import Primitives
import Telemetry
import Testing

@Suite struct TraceRecordTests {
  @Test func `texts are kept up to their bound and to the room for all`() {
    let trace = TraceFixture()
    let short = trace.keep("users")
    #expect(trace.record.text(short).text == "users")
    #expect(trace.record.text(trace.keep("abcdef", atMost: 3)).text == "abc")
    #expect(trace.keep("").count == 0)
    let long = String(repeating: "x", count: 4_000)
    let rest = TraceRecord.textsMost - 8
    #expect(trace.keep(long, atMost: 4_000).count == rest)
    #expect(trace.keep("more").count == 0)
    #expect(trace.record.text(short).text == "users")
  }

  @Test func `stages beyond the room are counted`() {
    let trace = TraceFixture()
    for index in 0..<20 {
      var stage = TraceStage(.attempt, begun: at(UInt64(index)), ended: at(UInt64(index) + 1))
      stage.span = UInt64(index)
      trace.record.add(stage, backend: lasting("10.0.0.1:80"))
    }
    #expect(trace.record.stageCount == TraceRecord.stagesMost)
    #expect(trace.record.stage(15).span == 15)
    #expect(trace.head.pointee.stagesLeftOut == 4)
  }

  @Test func `a copy has the stages and texts and takes more of them`() {
    let (one, other) = (TraceFixture(), TraceFixture(isSampled: false))
    one.record.add(TraceStage(.wait, begun: at(1), ended: at(2)))
    one.record.add(
      TraceStage(.attempt, begun: at(2), ended: at(3)), backend: lasting("10.0.0.1:80"))
    other.record.begin(as: one.record)
    other.record.add(
      TraceStage(.attempt, begun: at(3), ended: at(4)), backend: lasting("10.0.0.2:80"))
    #expect(one.record.stageCount == 2 && other.record.stageCount == 3)
    let labels = [1, 2].map { other.record.text(other.record.stage($0).backend).text }
    #expect(labels == ["10.0.0.1:80", "10.0.0.2:80"])
    #expect(other.head.pointee.trace.isSampled)
  }

  @Test func `spans are counted as they will be made`() {
    let trace = TraceFixture()
    #expect(trace.record.spanCount == 1)
    trace.record.add(TraceStage(.wait, begun: at(1), ended: at(2)))
    #expect(trace.record.spanCount == 2)
    trace.ordinary()
    #expect(trace.record.spanCount == 5, "server, queue, attempt, connect, response")
  }

  @Test(
    arguments: [
      (200, Reason.none, false), (404, .none, false), (500, .none, true), (503, .queueFull, true),
      (404, .noRoute, false), (429, .rateLimited, false), (408, .bodyTimeout, false),
      (499, .clientAbort, true), (200, .upstreamReset, true), (101, .none, false),
    ] as [(UInt16, Reason, Bool)])
  func `an error is what the gateway or a backend failed at, or a client that left`(
    status: UInt16, reason: Reason, isError: Bool
  ) {
    #expect(TraceHead.isError(status: status, reason: reason) == isError)
  }
}

@Suite struct TraceRingTests {
  private func put(_ ring: TraceRing, _ span: UInt64) -> Bool {
    let record = ring.next
    record.begin(TraceContext(traceHigh: 1, traceLow: 2, span: span, isSampled: true))
    return ring.publish(record)
  }

  @Test func `records come out in their order, and room is used again`() {
    let ring = TraceRing.create()
    defer { ring.destroy() }
    #expect(ring.waiting == 0)
    for span in 1...UInt64(3 * TraceRing.capacity) {
      _ = put(ring, span)
      #expect(ring.waiting == 1)
      #expect(ring.first?.head.pointee.trace.span == span)
      ring.drop()
    }
    #expect(ring.waiting == 0 && ring.droppedSpans == 0)
  }

  @Test func `what finds no room is counted, and what waits is not touched`() {
    let ring = TraceRing.create()
    defer { ring.destroy() }
    for span in 1...UInt64(TraceRing.capacity) { _ = put(ring, span) }
    #expect(ring.waiting == TraceRing.capacity && ring.droppedSpans == 0)
    for span in 1...UInt64(3) { #expect(!put(ring, 9_000 + span)) }
    #expect(ring.waiting == TraceRing.capacity && ring.droppedSpans == 3)
    #expect(ring.first?.head.pointee.trace.span == 1)
    ring.drop()
    _ = put(ring, 7)
    #expect(ring.waiting == TraceRing.capacity && ring.droppedSpans == 3)
  }

  @Test func `the reader is called once when half of the room is taken`() {
    let ring = TraceRing.create()
    defer { ring.destroy() }
    let calls = (1...UInt64(TraceRing.capacity)).filter { put(ring, $0) }
    #expect(calls == [UInt64(TraceRing.capacity / 2)])
  }
}
