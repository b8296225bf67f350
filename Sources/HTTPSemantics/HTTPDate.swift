// Why this file exists: an answer without a Date gets one from us (RFC 9110 section 6.6.1), in the
// one form that HTTP writes.

/// Dates as HTTP writes them: `Sun, 06 Nov 1994 08:49:37 GMT` (IMF-fixdate, RFC 9110 section
/// 5.6.7).
package enum HTTPDate {
  package static var length: Int { 29 }

  /// Writes the `length` bytes of the date that is `second` seconds after 1970. Years 1970 to 9999.
  package static func write(second: Int64, to target: UnsafeMutablePointer<UInt8>) {
    let days = second / 86_400
    let rest = second % 86_400
    let (year, month, day) = civil(days)
    copy(names(dayNames, Int((days + 4) % 7)), target)
    copy(", ", target + 3)
    digits(day, 2, target + 5)
    copy(" ", target + 7)
    copy(names(monthNames, month - 1), target + 8)
    copy(" ", target + 11)
    digits(year, 4, target + 12)
    copy(" ", target + 16)
    digits(Int(rest / 3600), 2, target + 17)
    copy(":", target + 19)
    digits(Int(rest / 60 % 60), 2, target + 20)
    copy(":", target + 22)
    digits(Int(rest % 60), 2, target + 23)
    copy(" GMT", target + 25)
  }

  private static var dayNames: StaticString { "SunMonTueWedThuFriSat" }
  private static var monthNames: StaticString { "JanFebMarAprMayJunJulAugSepOctNovDec" }

  private static func names(_ list: StaticString, _ index: Int) -> UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(start: list.utf8Start + 3 * index, count: 3)
  }

  private static func copy(_ text: StaticString, _ target: UnsafeMutablePointer<UInt8>) {
    target.update(from: text.utf8Start, count: text.utf8CodeUnitCount)
  }

  private static func copy(
    _ text: UnsafeBufferPointer<UInt8>, _ target: UnsafeMutablePointer<UInt8>
  ) {
    for (index, byte) in text.enumerated() { target[index] = byte }
  }

  private static func digits(_ value: Int, _ count: Int, _ target: UnsafeMutablePointer<UInt8>) {
    var left = value
    for index in (0..<count).reversed() {
      target[index] = UInt8(0x30 + left % 10)
      left /= 10
    }
  }

  /// The date of a day counted from 1970, by eras of 400 years that begin in March, so that the
  /// leap day comes last.
  private static func civil(_ days: Int64) -> (year: Int, month: Int, day: Int) {
    let shifted = Int(days) + 719_468
    let era = shifted / 146_097
    let dayOfEra = shifted % 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
  }
}
