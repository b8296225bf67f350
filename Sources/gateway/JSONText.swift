// Why this file exists: the diagnostic log and the demo backends speak JSON, and neither needs more than objects of strings,
// numbers and objects, written in order.

import Primitives
import Telemetry

/// Builds one JSON text from left to right.
struct JSONText {
  enum Value {
    case string(String)
    case number(Int)
  }

  private(set) var bytes: [UInt8] = []
  private var needsComma = false

  mutating func open(_ bracket: Unicode.Scalar) {
    separate()
    bytes.append(UInt8(ascii: bracket))
    needsComma = false
  }

  mutating func close(_ bracket: Unicode.Scalar) {
    bytes.append(UInt8(ascii: bracket))
    needsComma = true
  }

  mutating func key(_ name: String) {
    separate()
    append(quoted: name)
    bytes.append(UInt8(ascii: ":"))
    needsComma = false
  }

  mutating func value(_ value: Value) {
    separate()
    switch value {
    case .string(let text): append(quoted: text)
    case .number(let number): bytes.append(contentsOf: String(number).utf8)
    }
    needsComma = true
  }

  mutating func member(_ name: String, _ value: Value) {
    key(name)
    self.value(value)
  }

  private mutating func separate() {
    if needsComma { bytes.append(UInt8(ascii: ",")) }
  }

  private mutating func append(quoted text: String) {
    var text = text
    bytes.append(UInt8(ascii: "\""))
    text.withUTF8 { source in
      guard let start = source.baseAddress else { return }
      bytes += [UInt8](unsafeUninitializedCapacity: source.count * JSONBytes.worstCase) { room, count in
        guard let base = room.baseAddress else { return }
        count = JSONBytes.escape(ByteSlice(start, source.count), to: base) - base
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }
}
