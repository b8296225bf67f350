// Why this file exists: every log line bears the time of day; turning seconds into a date is done
// once a second and kept as text.
public import Primitives

/// Writes RFC 3339 times in UTC with microseconds, keeping the text of the last second. One per
/// writer.
@frozen @usableFromInline
package struct Timestamp {
  /// Seconds since 1970 that `words` are the text of.
  @usableFromInline package var second: Int64
  /// The 20 bytes `2024-05-06T07:08:09.`
  @usableFromInline package var words: (UInt64, UInt64, UInt32)

  /// `2024-05-06T07:08:09.123456Z`
  @inlinable package static var length: Int { 27 }

  package init() {
    second = 0
    words = (0, 0, 0)
    keep(0)
  }

  /// Writes the time; 27 bytes for the years 0 to 9999, to which other instants are held.
  @inlinable package mutating func write(
    nanoseconds: Int64, to writer: inout ByteWriter
  ) {
    guard writer.reserve(Timestamp.length) else { return }
    write(nanoseconds: nanoseconds, to: writer.cursor)
    writer.cursor += Timestamp.length
  }

  /// The same into 27 bytes at `target`.
  @inlinable package mutating func write(
    nanoseconds: Int64, to target: UnsafeMutablePointer<UInt8>
  ) {
    // Rounded down, also before 1970.
    var now = nanoseconds / 1_000_000_000
    var rest = nanoseconds - now * 1_000_000_000
    if rest < 0 {
      now -= 1
      rest += 1_000_000_000
    }
    if now != second { keep(now) }
    let raw = UnsafeMutableRawPointer(target)
    raw.storeBytes(of: words.0, as: UInt64.self)
    raw.storeBytes(of: words.1, toByteOffset: 8, as: UInt64.self)
    raw.storeBytes(of: words.2, toByteOffset: 16, as: UInt32.self)
    let microseconds = UInt32(truncatingIfNeeded: rest / 1_000)  // below a million
    let whole = microseconds / 1_000
    ASCII.writeThreeDigits(whole, to: target + 20)
    ASCII.writeThreeDigits(microseconds &- whole &* 1_000, to: target + 23)
    target[26] = 0x5a
  }

  /// Makes the text of a second.
  @usableFromInline package mutating func keep(_ second: Int64) {
    self.second = second
    let held = min(max(second, -62_167_219_200), 253_402_300_799)  // years 0 to 9999
    var day = held / 86_400
    var left = held - day * 86_400
    if left < 0 {
      day -= 1
      left += 86_400
    }
    let date = Timestamp.date(day: day)
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { room in
      guard let base = room.baseAddress else { return }
      var writer = ByteWriter(base, capacity: 20)
      func field(_ value: Int64, _ digits: Int, end: UInt8) {
        writer.appendDecimal(UInt64(value), digits: digits)
        writer.append(end)
      }
      field(date.year, 4, end: 0x2d)
      field(date.month, 2, end: 0x2d)
      field(date.day, 2, end: 0x54)
      field(left / 3_600, 2, end: 0x3a)
      field(left / 60 % 60, 2, end: 0x3a)
      field(left % 60, 2, end: 0x2e)
      let raw = UnsafeRawPointer(base)
      words.0 = raw.loadUnaligned(as: UInt64.self)
      words.1 = raw.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
      words.2 = raw.loadUnaligned(fromByteOffset: 16, as: UInt32.self)
    }
  }

  /// The Gregorian date of a day counted from 1970-01-01. Years are taken to begin in March, so
  /// that the leap day is the last of its year, and 400 years are 146,097 days.
  package static func date(day: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let fromMarch = day + 719_468  // days since 0000-03-01
    let era = (fromMarch >= 0 ? fromMarch : fromMarch - 146_096) / 146_097
    let dayOfEra = fromMarch - era * 146_097
    let leapDays = dayOfEra / 1_460 - dayOfEra / 36_524 + dayOfEra / 146_096
    let yearOfEra = (dayOfEra - leapDays) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let marchMonth = (5 * dayOfYear + 2) / 153
    let dayOfMonth = dayOfYear - (153 * marchMonth + 2) / 5 + 1
    let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
    return (era * 400 + yearOfEra + (month <= 2 ? 1 : 0), month, dayOfMonth)
  }
}
