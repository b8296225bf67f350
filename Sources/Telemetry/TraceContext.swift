// Why this file exists: a request's place in a trace spanning many services, as four numbers (W3C
// Trace Context).
public import Primitives

/// A trace and one span in it.
@frozen @usableFromInline
package struct TraceContext: Equatable, Sendable {
  @usableFromInline package var traceHigh: UInt64
  @usableFromInline package var traceLow: UInt64
  @usableFromInline package var span: UInt64
  /// The caller records this trace, and whoever follows should.
  @usableFromInline package var isSampled: Bool

  @inlinable package init(traceHigh: UInt64, traceLow: UInt64, span: UInt64, isSampled: Bool) {
    self.traceHigh = traceHigh
    self.traceLow = traceLow
    self.span = span
    self.isSampled = isSampled
  }
  @inlinable package static func == (left: TraceContext, right: TraceContext) -> Bool {
    left.traceHigh == right.traceHigh && left.traceLow == right.traceLow
      && left.span == right.span && left.isSampled == right.isSampled
  }

  /// A trace that begins here.
  @inlinable @inline(__always) package static func start(
    random: inout Xoroshiro, isSampled: Bool
  ) -> TraceContext {
    TraceContext(
      traceHigh: random.next(), traceLow: random.nextNonZero(), span: random.nextNonZero(),
      isSampled: isSampled)
  }
  /// A new span of the same trace: ours below a caller's, or an attempt's below ours.
  @inlinable package func child(random: inout Xoroshiro) -> TraceContext {
    TraceContext(
      traceHigh: traceHigh, traceLow: traceLow, span: random.nextNonZero(), isSampled: isSampled)
  }

  /// The bytes that `write` makes.
  @inlinable package static var textLength: Int { 55 }
  /// Where the digits of the trace id stand in a text that begins at `start`.
  @inlinable package static func traceID(from start: UInt32) -> ByteRange {
    ByteRange(offset: start &+ 3, length: 32)  // a place in a buffer of some KiB
  }

  /// Reads a traceparent value (Trace Context section 3.2). Version 00 is exactly its four fields;
  /// of a higher version the first four are read, and what follows must begin with a dash; version
  /// ff, upper case digits and all-zero ids are refused. The caller has trimmed the value.
  package static func parse(_ text: ByteSlice) -> TraceContext? {
    guard text.count >= textLength else { return nil }
    let base = text.base
    guard base[2] == 0x2d, base[35] == 0x2d, base[52] == 0x2d else { return nil }
    guard let version = lowerHex(base, 2), version != 0xff else { return nil }
    if version == 0 {
      guard text.count == textLength else { return nil }
    } else if text.count > textLength {
      guard base[55] == 0x2d else { return nil }
    }
    guard let high = lowerHex(base + 3, 16), let low = lowerHex(base + 19, 16),
      let span = lowerHex(base + 36, 16), let flags = lowerHex(base + 53, 2),
      high | low != 0, span != 0
    else { return nil }
    return TraceContext(traceHigh: high, traceLow: low, span: span, isSampled: flags & 1 != 0)
  }

  /// Writes a traceparent value of version 00. Flags other than the sampled one are not ours to
  /// pass on.
  @inlinable @inline(__always) package func write(to writer: inout ByteWriter) {
    writer.append(together: TraceContext.textLength) { pen in
      pen.put("00-")
      pen.put(hex16: traceHigh)
      pen.put(hex16: traceLow)
      pen.put("-")
      pen.put(hex16: span)
      if isSampled { pen.put("-01") } else { pen.put("-00") }
    }
  }

  private static func lowerHex(_ base: UnsafePointer<UInt8>, _ count: Int) -> UInt64? {
    var value: UInt64 = 0
    for index in 0..<count {
      let byte = base[index]
      let digit = ASCII.hexValue(byte)
      guard digit < 16, byte < 0x41 || byte > 0x46 else { return nil }
      value = value << 4 | UInt64(digit)
    }
    return value
  }
}
