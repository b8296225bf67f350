// Why this file exists: the admin endpoints speak JSON, whose members should stand in the order in
// which people read them.
import Primitives
import Telemetry

/// Writes one JSON text (RFC 8259) from left to right. Traps when brackets or keys do not fit
/// together. Control plane.
package struct JSONWriter {
  package private(set) var bytes: [UInt8] = []
  /// The brackets that are open; true = an object.
  private var open: [Bool] = []
  private var needsComma = false
  private var hasKey = false

  package init() {}

  /// The text, with a line feed at its end. All brackets must be closed.
  package var finished: [UInt8] {
    precondition(open.isEmpty && !bytes.isEmpty)
    return bytes + [0x0A]
  }

  package mutating func beginObject() { begin(0x7B, true) }
  package mutating func endObject() { end(0x7D, true) }
  package mutating func beginArray() { begin(0x5B, false) }
  package mutating func endArray() { end(0x5D, false) }

  /// The name of the value that comes next, inside an object.
  package mutating func key(_ name: String) {
    precondition(open.last == true && !hasKey)
    if needsComma { bytes.append(0x2C) }
    quote(name)
    bytes.append(0x3A)
    hasKey = true
    needsComma = false
  }

  package mutating func string(_ value: String) {
    beginValue()
    quote(value)
  }
  package mutating func integer(_ value: some FixedWidthInteger) { plain("\(value)") }
  /// JSON has no infinity and no NaN: they are null.
  package mutating func number(_ value: Double) { plain(value.isFinite ? "\(value)" : "null") }
  package mutating func boolean(_ value: Bool) { plain(value ? "true" : "false") }
  package mutating func null() { plain("null") }
  /// A value that somebody else has written as JSON already.
  package mutating func written(_ json: String) { plain(json) }

  /// nil is null.
  package mutating func member(_ name: String, _ value: String?) {
    key(name)
    if let value { string(value) } else { null() }
  }
  package mutating func member(_ name: String, _ value: some FixedWidthInteger) {
    key(name)
    integer(value)
  }
  package mutating func member(_ name: String, _ value: Double) {
    key(name)
    number(value)
  }
  package mutating func member(_ name: String, _ value: Bool) {
    key(name)
    boolean(value)
  }

  private mutating func begin(_ bracket: UInt8, _ isObject: Bool) {
    beginValue()
    bytes.append(bracket)
    open.append(isObject)
    needsComma = false
  }

  private mutating func end(_ bracket: UInt8, _ isObject: Bool) {
    precondition(open.last == isObject && !hasKey)
    open.removeLast()
    bytes.append(bracket)
    needsComma = true
  }

  private mutating func plain(_ text: String) {
    beginValue()
    bytes.append(contentsOf: text.utf8)
  }

  private mutating func beginValue() {
    precondition(hasKey == (open.last == true), "a value in an object needs a key, no other does")
    precondition(!open.isEmpty || bytes.isEmpty, "one text has one value")
    if needsComma { bytes.append(0x2C) }
    hasKey = false
    needsComma = true
  }

  private mutating func quote(_ text: String) {
    bytes.append(0x22)
    let source = Array(text.utf8)
    bytes += source.withUnsafeBufferPointer { source in
      guard let base = source.baseAddress else { return [] }
      return [UInt8](unsafeUninitializedCapacity: source.count * JSONBytes.worstCase) {
        room, count in
        let target = room.baseAddress.unsafelyUnwrapped  // the source is not empty
        count = JSONBytes.escape(ByteSlice(base, source.count), to: target) - target
      }
    }
    bytes.append(0x22)
  }
}
