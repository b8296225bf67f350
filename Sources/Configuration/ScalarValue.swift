// Why this file exists: what a scalar of the file turns out to be, once the schema has said what it
// must be; and how a value is written back, so that bounds, defaults and suggestions read like the
// file.
package import Primitives

/// A typed scalar.
package enum ScalarValue: Sendable, Hashable {
  /// One of the row's words.
  case word(String)
  case boolean(Bool)
  case integer(Int64)
  case duration(Duration)
  case bytes(UInt64)
  /// Bytes a second.
  case byteRate(UInt64)
  case share(Share)
  case rate(Rate)
  case address(NetworkAddress)
  case cidr(CIDR)
  case requestKey(RequestKey)
  case url(HTTPURL)
  case statuses(ClosedRange<UInt16>)
  case text(String)
}

/// What is wrong with a scalar. `detail` follows the value in the message and never repeats any of
/// it; only `suggestion` may, which is left out when the value is secret.
struct ScalarProblem: Error, Equatable {
  var code: DiagnosticCode
  var detail: String
  var suggestion: String?

  init(_ code: DiagnosticCode, _ detail: String, _ suggestion: String? = nil) {
    self.code = code
    self.detail = detail
    self.suggestion = suggestion
  }
}

/// Quantities the way the file has them.
enum QuantityText {
  /// In the largest unit that is exact: `90s`, `250ms`, `2h`.
  static func duration(_ duration: Duration) -> String {
    let milliseconds = duration.nanoseconds / 1_000_000
    for (unit, length) in [("h", 3_600_000), ("m", 60_000), ("s", 1_000)] as [(String, Int64)]
    where milliseconds != 0 && milliseconds % length == 0 {
      return "\(milliseconds / length)\(unit)"
    }
    return milliseconds == 0 ? "0s" : "\(milliseconds)ms"
  }

  /// In the largest binary unit that is exact: `10MiB`, `1500B`.
  static func size(_ bytes: UInt64) -> String {
    for (unit, shift) in [("GiB", 30), ("MiB", 20), ("KiB", 10)]
    where bytes != 0 && bytes % (1 << UInt64(shift)) == 0 {
      return "\(bytes >> UInt64(shift))\(unit)"
    }
    return "\(bytes)B"
  }

  /// `20%`, `0.5%`
  static func share(_ share: Share) -> String {
    let whole = share.partsPerMillion / 10_000
    let rest = share.partsPerMillion % 10_000
    if rest == 0 { return "\(whole)%" }
    var digits = String(10_000 + rest).dropFirst()
    while digits.last == "0" { digits.removeLast() }
    return "\(whole).\(digits)%"
  }

  /// `10/s`, `50/10s`
  static func rate(_ rate: Rate) -> String {
    let period = duration(rate.period)
    let isOne = period.hasPrefix("1") && period.count == 2
    return "\(rate.count)/" + (isOne ? String(period.dropFirst()) : period)
  }
}
