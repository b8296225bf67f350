// Why this file exists: limits are replayed at the times of the log, so the times have to be read.
package import Primitives

package enum LogTime {
  /// RFC 3339 with any number of decimals, `Z` or an offset, years 1970 to 2261: nanoseconds since
  /// 1970. Nil for everything else.
  package static func parse(_ text: ByteSlice) -> Int64? {
    guard text.count >= 20, text.base[4] == 0x2d, text.base[7] == 0x2d,
      text.base[10] == 0x54 || text.base[10] == 0x74 || text.base[10] == 0x20,
      text.base[13] == 0x3a, text.base[16] == 0x3a
    else { return nil }
    guard let year = number(text, 0, 4), let month = number(text, 5, 2),
      let day = number(text, 8, 2), let hour = number(text, 11, 2),
      let minute = number(text, 14, 2), let second = number(text, 17, 2),
      (1970...2261).contains(year), (1...12).contains(month), (1...31).contains(day), hour < 24,
      minute < 60, second <= 60
    else { return nil }
    var at = 19
    var fraction: Int64 = 0
    if text.base[at] == 0x2e {
      at += 1
      var unit: Int64 = 100_000_000
      let start = at
      while at < text.count, ASCII.isDigit(text.base[at]) {
        fraction += Int64(text.base[at] - 0x30) * unit
        unit /= 10
        at += 1
      }
      if at == start { return nil }
    }
    guard let offset = offset(text, at) else { return nil }
    let seconds = (days(year, month, day) * 24 + hour) * 3_600 + minute * 60 + second - offset
    return seconds < 0 ? nil : seconds * 1_000_000_000 + fraction
  }

  /// Seconds east of Greenwich, from `at` to the end.
  private static func offset(_ text: ByteSlice, _ at: Int) -> Int64? {
    let left = text.count - at
    if left == 1, text.base[at] == 0x5a || text.base[at] == 0x7a { return 0 }
    guard left == 6, text.base[at] == 0x2b || text.base[at] == 0x2d, text.base[at + 3] == 0x3a,
      let hours = number(text, at + 1, 2), let minutes = number(text, at + 4, 2), hours < 24,
      minutes < 60
    else { return nil }
    let seconds = hours * 3_600 + minutes * 60
    return text.base[at] == 0x2b ? seconds : -seconds
  }

  private static func number(_ text: ByteSlice, _ at: Int, _ digits: Int) -> Int64? {
    var value: Int64 = 0
    for index in at..<at + digits {
      let digit = text.base[index] &- 0x30
      if digit > 9 { return nil }
      value = value * 10 + Int64(digit)
    }
    return value
  }

  /// Days since 1970-01-01 of a Gregorian date: the reverse of `Timestamp.date`.
  private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
    let yearFromMarch = month > 2 ? year : year - 1
    let era = yearFromMarch / 400
    let yearOfEra = yearFromMarch - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }
}
