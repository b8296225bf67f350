// Why this file exists: spans leave the process as the JSON of OpenTelemetry's protocol (OTLP 1.x,
// ExportTraceServiceRequest); here the records of traces become the body of one request.
import Primitives

/// The program that the spans are of.
package struct TracedProgram: Sendable {
  package var version: String
  /// Tells processes of the same program apart.
  package var instance: String

  package init(version: String, instance: String) {
    self.version = version
    self.instance = instance
  }
}

/// One body, put together in memory of its own. Control loop only.
package final class SpanBatch {
  /// As many bytes as a body has at most.
  package static let capacity = 1 << 20

  private var spans: SpanWriter
  private let memory: UnsafeMutablePointer<UInt8>
  private let opening: Int
  /// Spans in it.
  package private(set) var count = 0

  private static let closing: StaticString = "]}]}]}"

  /// - Parameter capacity: of the body, in bytes.
  package init(_ program: TracedProgram, capacity: Int = SpanBatch.capacity) {
    memory = .allocate(capacity: capacity)
    spans = SpanWriter(
      ByteWriter(memory, capacity: capacity - SpanBatch.closing.utf8CodeUnitCount))
    spans.open(program)
    opening = spans.out.count
    precondition(!spans.out.overflowed)
  }

  deinit { memory.deallocate() }

  /// Adds the spans of an exchange. False, and nothing added, when they find no room.
  package func append(_ record: TraceRecord) -> Bool {
    let before = spans.out.cursor
    spans.write(record, isFirst: count == 0)
    if spans.out.overflowed {
      precondition(count > 0, "a body has room for any one exchange")
      spans.out.rewind(to: before)
      return false
    }
    count += record.spanCount
    return true
  }

  /// The body, whole. Valid until the batch is changed.
  package var body: UnsafeBufferPointer<UInt8> {
    let end = SpanBatch.closing
    spans.out.cursor.update(from: end.utf8Start, count: end.utf8CodeUnitCount)
    return UnsafeBufferPointer(start: memory, count: spans.out.count + end.utf8CodeUnitCount)
  }

  /// Begins anew, without spans.
  package func clear() {
    spans.out.rewind(to: memory + opening)
    count = 0
  }
}
