// Why this file exists: trailers arrive when the head's buffer is long gone and may be split over
// reads, so they are the one part of a message that is copied. Few messages have any: the memory is
// taken at the first trailer only.
public import HTTPSemantics
import Primitives

/// The trailers of one message, names and values copied side by side; the fields' offsets count
/// from `bytes`.
@frozen @usableFromInline
package struct TrailerStore {
  @usableFromInline package var bytes: UnsafeMutablePointer<UInt8>
  @usableFromInline package var byteCount: Int
  var byteCapacity: Int
  @usableFromInline package var fields: UnsafeMutablePointer<Field>
  @usableFromInline package var count: Int
  var fieldCapacity: Int
  var afterValue: Bool

  static func create() -> UnsafeMutablePointer<TrailerStore> {
    let store = UnsafeMutablePointer<TrailerStore>.allocate(capacity: 1)
    let byteCapacity = 512
    let fieldCapacity = 8
    store.initialize(
      to: TrailerStore(
        bytes: .allocate(capacity: byteCapacity), byteCount: 0, byteCapacity: byteCapacity,
        fields: .allocate(capacity: fieldCapacity), count: 0, fieldCapacity: fieldCapacity,
        afterValue: false))
    return store
  }

  static func destroy(_ store: UnsafeMutablePointer<TrailerStore>) {
    store.pointee.bytes.deallocate()
    store.pointee.fields.deallocate()
    store.deallocate()
  }

  /// What the trailers cost on the wire so far, with the colon, a space and the line end of each.
  var wireCost: Int { byteCount + 4 * count }

  /// One more piece of a name; `afterValue` says whether it begins a field line.
  mutating func appendName(_ piece: UnsafePointer<UInt8>, _ length: Int) {
    if afterValue || count == 0 {
      if count == fieldCapacity { growFields() }
      (fields + count).initialize(
        to: Field(
          nameOffset: UInt32(byteCount), nameLength: 0, valueOffset: UInt32(byteCount),
          valueLength: 0,
          kind: .other))
      count += 1
      afterValue = false
    }
    append(piece, length)
    fields[count - 1].nameLength += UInt16(length)
    fields[count - 1].valueOffset = UInt32(byteCount)
  }

  mutating func appendValue(_ piece: UnsafePointer<UInt8>, _ length: Int) {
    precondition(count > 0)
    append(piece, length)
    fields[count - 1].valueLength += UInt32(length)
    afterValue = true
  }

  private mutating func append(_ piece: UnsafePointer<UInt8>, _ length: Int) {
    if byteCount + length > byteCapacity { growBytes(to: byteCount + length) }
    (bytes + byteCount).update(from: piece, count: length)
    byteCount += length
  }

  private mutating func growBytes(to least: Int) {
    let capacity = max(byteCapacity * 2, least)
    let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
    larger.update(from: bytes, count: byteCount)
    bytes.deallocate()
    bytes = larger
    byteCapacity = capacity
  }

  private mutating func growFields() {
    let larger = UnsafeMutablePointer<Field>.allocate(capacity: fieldCapacity * 2)
    larger.update(from: fields, count: count)
    fields.deallocate()
    fields = larger
    fieldCapacity *= 2
  }
}
