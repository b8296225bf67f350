// Why this file exists: numbers with units are where configuration files go wrong most: `30` of
// what? Every quantity needs its unit, and everything that is nearly right is answered with what is
// right.
import Primitives

/// Reads numbers, durations, sizes, shares and rates.
enum QuantityReader {
  // MARK: Numbers

  static func integer(
    _ text: String, in bounds: ClosedRange<Int64>
  ) throws(ScalarProblem) -> Int64 {
    let range = "write a number from \(bounds.lowerBound) to \(bounds.upperBound)"
    var digits = Substring(text)
    let isNegative = digits.first == "-"
    if isNegative { digits = digits.dropFirst() }
    if let problem = surprise(digits) { throw problem }
    guard isDigits(digits) else {
      throw ScalarProblem(.notNumber, "is not a whole number", "write plain decimal digits")
    }
    guard let magnitude = Int64(digits) else {
      throw ScalarProblem(.outOfBounds, "is out of bounds", range)
    }
    let number = isNegative ? -magnitude : magnitude
    if !bounds.contains(number) { throw ScalarProblem(.outOfBounds, "is out of bounds", range) }
    return number
  }

  /// What YAML 1.1 reads as another number than a person does: `012`, `22:22`, `1_000`, `0x1F`.
  private static func surprise(_ digits: Substring) -> ScalarProblem? {
    if digits.count > 1, digits.first == "0", isDigits(digits) {
      let plain = digits.drop { $0 == "0" }
      return ScalarProblem(
        .notNumber, "has a leading zero, which makes it octal in YAML 1.1",
        "write \(plain.isEmpty ? "0" : plain)")
    }
    if digits.contains(":"), digits.split(separator: ":").allSatisfy(isDigits) {
      return ScalarProblem(
        .notNumber, "has a colon, which makes it a number in base 60 in YAML 1.1",
        "write plain decimal digits")
    }
    let joined = digits.filter { $0 != "_" }
    if joined.count < digits.count, isDigits(joined[...]) {
      return ScalarProblem(.notNumber, "has an underscore between its digits", "write \(joined)")
    }
    return nil
  }

  private static func isDigits(_ text: Substring) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy(ASCII.isDigit)
  }

  // MARK: A number and its unit

  /// `1.5 MiB` taken apart.
  private struct Quantity {
    var whole: Substring
    /// Behind the point; nil without one.
    var fraction: Substring?
    var hasSpace: Bool
    var unit: String

    /// nil when it does not begin with a digit.
    init?(_ text: String) {
      whole = text.prefix { $0.isASCII && $0.isNumber }
      guard !whole.isEmpty else { return nil }
      var rest = text[whole.endIndex...]
      if rest.first == "." {
        let digits = rest.dropFirst().prefix { $0.isASCII && $0.isNumber }
        fraction = digits
        rest = rest[digits.endIndex...]
      }
      hasSpace = rest.first == " "
      unit = String(rest.drop { $0 == " " })
    }

    /// The number as it was written.
    var number: String { String(whole) + (fraction.map { ".\($0)" } ?? "") }

    /// The number times `scale`; nil when that is no whole number, or too large.
    func scaled(by scale: UInt64) -> UInt64? {
      guard let units = UInt64(whole) else { return nil }
      let (product, tooBig) = units.multipliedReportingOverflow(by: scale)
      if tooBig { return nil }
      guard let fraction, !fraction.isEmpty else { return product }
      guard fraction.utf8.count <= 9, let parts = UInt64(fraction) else { return nil }
      var divisor: UInt64 = 1
      for _ in fraction.utf8 { divisor *= 10 }
      let (numerator, over) = parts.multipliedReportingOverflow(by: scale)
      guard !over, numerator % divisor == 0 else { return nil }
      let (sum, overflow) = product.addingReportingOverflow(numerator / divisor)
      return overflow ? nil : sum
    }
  }

  private static func quantity(
    _ text: String, _ kind: String, _ example: String
  ) throws(ScalarProblem) -> Quantity {
    if text.contains(":"), var problem = surprise(text[...]) {
      problem.suggestion = "write one like \(example)"
      throw problem
    }
    guard let quantity = Quantity(text) else {
      throw ScalarProblem(.notNumber, "is not a \(kind)", "write one like \(example)")
    }
    if quantity.whole.count > 1, quantity.whole.first == "0" {
      throw ScalarProblem(.notNumber, "has a leading zero", "write one like \(example)")
    }
    return quantity
  }

  // MARK: Durations

  private static let durationUnits: [(name: String, nanoseconds: UInt64)] = [
    ("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000), ("h", 3_600_000_000_000),
  ]

  /// What people write, and the unit they mean.
  private static let durationAliases: [String: String] = [
    "msec": "ms", "msecs": "ms", "millis": "ms", "millisecond": "ms", "milliseconds": "ms",
    "sec": "s", "secs": "s", "second": "s", "seconds": "s", "min": "m", "mins": "m",
    "minute": "m", "minutes": "m", "hr": "h", "hrs": "h", "hour": "h", "hours": "h",
  ]

  static func duration(
    _ text: String, in bounds: ClosedRange<Duration>
  ) throws(ScalarProblem) -> Duration {
    let quantity = try quantity(text, "duration", "250ms, 5s, 2m or 1h")
    let number = quantity.number
    if quantity.unit.isEmpty {
      throw ScalarProblem(.noUnit, "has no unit", "write \(number)s or \(number)ms")
    }
    guard let unit = durationUnits.first(where: { $0.name == quantity.unit }) else {
      throw badDurationUnit(quantity)
    }
    if quantity.hasSpace {
      throw ScalarProblem(
        .badUnit, "has a space before its unit", "write \(number)\(unit.name)")
    }
    let range =
      "write a duration from \(QuantityText.duration(bounds.lowerBound)) to "
      + QuantityText.duration(bounds.upperBound)
    guard let nanoseconds = quantity.scaled(by: unit.nanoseconds), nanoseconds <= Int64.max else {
      if quantity.fraction != nil {
        throw ScalarProblem(.notNumber, "is not a whole number", "use a smaller unit")
      }
      throw ScalarProblem(.outOfBounds, "is out of bounds", range)
    }
    let duration = Duration(nanoseconds: Int64(nanoseconds))
    if quantity.fraction != nil {
      let isExact = nanoseconds % 1_000_000 == 0
      throw ScalarProblem(
        .notNumber, "is not a whole number",
        isExact ? "write \(QuantityText.duration(duration))" : "the smallest unit is ms")
    }
    if !bounds.contains(duration) { throw ScalarProblem(.outOfBounds, "is out of bounds", range) }
    return duration
  }

  private static func badDurationUnit(_ quantity: Quantity) -> ScalarProblem {
    let unit = quantity.unit.lowercased()
    let number = quantity.number
    if let sum = sum(of: number + quantity.unit) {
      return ScalarProblem(
        .badUnit, "has more than one unit", "write \(QuantityText.duration(sum))")
    }
    if let known = durationAliases[unit] ?? durationUnits.first(where: { $0.name == unit })?.name {
      return ScalarProblem(.badUnit, "has an unknown unit", "write \(number)\(known)")
    }
    if unit == "d" || unit == "day" || unit == "days", let days = Int64(number), days < 10_000 {
      return ScalarProblem(.badUnit, "has an unknown unit", "write \(days * 24)h")
    }
    return ScalarProblem(.badUnit, "has an unknown unit", "the units are ms, s, m and h")
  }

  /// `1m30s` as one duration.
  private static func sum(of text: String) -> Duration? {
    var rest = text[...]
    var total: UInt64 = 0
    var parts = 0
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isASCII && $0.isNumber }
      rest = rest[digits.endIndex...]
      let name = rest.prefix { $0.isASCII && $0.isLetter }
      rest = rest[name.endIndex...]
      guard let unit = durationUnits.first(where: { $0.name == name }), digits.count <= 6,
        let count = UInt64(digits), parts < 4
      else { return nil }
      total += count * unit.nanoseconds  // at most 4 * 10^6 * 3.6 * 10^12
      parts += 1
    }
    return parts > 1 && total <= Int64.max ? Duration(nanoseconds: Int64(total)) : nil
  }

  // MARK: Sizes

  private static let sizeUnits: [(name: String, bytes: UInt64)] = [
    ("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("KB", 1_000),
    ("MB", 1_000_000), ("GB", 1_000_000_000),
  ]

  static func size(
    _ text: String, in bounds: ClosedRange<UInt64>, suffix: String = ""
  ) throws(ScalarProblem) -> UInt64 {
    let quantity = try quantity(text, suffix.isEmpty ? "size" : "rate", "4KiB\(suffix)")
    let number = quantity.number
    if quantity.unit.isEmpty {
      throw ScalarProblem(
        .noUnit, "has no unit", "write \(number)KiB\(suffix) or \(number)B\(suffix)")
    }
    guard let unit = sizeUnits.first(where: { $0.name + suffix == quantity.unit }) else {
      throw badSizeUnit(quantity, suffix: suffix)
    }
    if quantity.hasSpace {
      throw ScalarProblem(
        .badUnit, "has a space before its unit", "write \(number)\(unit.name)\(suffix)")
    }
    let range =
      "write a \(suffix.isEmpty ? "size" : "rate") from "
      + "\(QuantityText.size(bounds.lowerBound))\(suffix) to "
      + "\(QuantityText.size(bounds.upperBound))\(suffix)"
    guard let bytes = quantity.scaled(by: unit.bytes) else {
      if quantity.fraction != nil {
        throw ScalarProblem(.notNumber, "is not a whole number", "use a smaller unit")
      }
      throw ScalarProblem(.outOfBounds, "is out of bounds", range)
    }
    if quantity.fraction != nil {
      throw ScalarProblem(
        .notNumber, "is not a whole number", "write \(QuantityText.size(bytes))\(suffix)")
    }
    if !bounds.contains(bytes) { throw ScalarProblem(.outOfBounds, "is out of bounds", range) }
    return bytes
  }

  private static func badSizeUnit(_ quantity: Quantity, suffix: String) -> ScalarProblem {
    let number = quantity.number
    let unit = quantity.unit.lowercased()
    let bare = suffix.isEmpty ? unit : String(unit.prefix { $0 != "/" })
    let units = suffix.isEmpty ? "KiB, MiB, GiB, KB, MB and GB" : "B/s, KiB/s, MiB/s and GiB/s"
    if let known = sizeUnits.first(where: { $0.name.lowercased() == bare }) {
      let detail = bare == unit && !suffix.isEmpty ? "is not per second" : "has an unknown unit"
      return ScalarProblem(.badUnit, detail, "write \(number)\(known.name)\(suffix)")
    }
    if let letter = ["k", "m", "g"].first(where: { $0 == bare }) {
      let upper = letter.uppercased()
      return ScalarProblem(
        .badUnit, "has an unknown unit",
        "write \(number)\(upper)iB\(suffix) or \(number)\(upper)B\(suffix)")
    }
    return ScalarProblem(.badUnit, "has an unknown unit", "the units are \(units)")
  }

  // MARK: Shares and rates

  static func share(_ text: String, in bounds: ClosedRange<Share>) throws(ScalarProblem) -> Share {
    let quantity = try quantity(text, "share", "50%")
    let number = quantity.number
    if quantity.unit.isEmpty { throw ScalarProblem(.noUnit, "has no unit", "write \(number)%") }
    guard quantity.unit == "%" else {
      throw ScalarProblem(.badUnit, "has an unknown unit", "write \(number)%")
    }
    if quantity.hasSpace {
      throw ScalarProblem(.badUnit, "has a space before its unit", "write \(number)%")
    }
    let range =
      "write a share from \(QuantityText.share(bounds.lowerBound)) to "
      + QuantityText.share(bounds.upperBound)
    guard let parts = quantity.scaled(by: 10_000) else {
      throw ScalarProblem(.outOfBounds, "is out of bounds or has more than four decimals", range)
    }
    let share = Share(partsPerMillion: UInt32(clamping: parts))
    if !bounds.contains(share) { throw ScalarProblem(.outOfBounds, "is out of bounds", range) }
    return share
  }

  /// The longest period of a rate.
  private static let longestPeriod = Duration.seconds(24 * 3_600)

  static func rate(_ text: String, in bounds: ClosedRange<UInt32>) throws(ScalarProblem) -> Rate {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    let count = parts[0]
    let example = "write one like 10/s, 600/m or 50/10s"
    guard isDigits(count), parts.count <= 2 else {
      throw ScalarProblem(.notNumber, "is not a rate", example)
    }
    if count.count > 1, count.first == "0" {
      throw ScalarProblem(.notNumber, "has a leading zero", example)
    }
    guard parts.count == 2 else {
      throw ScalarProblem(.noUnit, "has no unit", "write \(count)/s or \(count)/m")
    }
    let written = parts[1]
    let period: Duration
    do throws(ScalarProblem) {
      let isBare = written.first.map { !$0.isNumber } ?? false
      period = try duration(
        isBare ? "1\(written)" : String(written), in: .milliseconds(1)...longestPeriod)
    } catch {
      if error.code == .outOfBounds {
        throw ScalarProblem(
          error.code, "has a period that is out of bounds",
          "write one from 1ms to \(QuantityText.duration(longestPeriod))")
      }
      let known = durationAliases[written.lowercased()]
      throw ScalarProblem(
        .badUnit, "has an unknown period", known.map { "write \(count)/\($0)" } ?? example)
    }
    guard let number = UInt32(count), bounds.contains(number) else {
      throw ScalarProblem(
        .outOfBounds, "is out of bounds",
        "write a count from \(bounds.lowerBound) to \(bounds.upperBound)")
    }
    return Rate(count: number, period: period)
  }
}
