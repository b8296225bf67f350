// Why this file exists: metrics are counted in whole nanoseconds and told in seconds; going through
// floating point would write 0.30000000000000004.

/// Numbers as exact decimal text. Control plane.
package enum DecimalText {
  package static func append(_ value: UInt64, to bytes: inout [UInt8]) {
    var digit: UInt64 = 1
    while value / digit >= 10 { digit *= 10 }
    var rest = value
    while digit > 0 {
      bytes.append(0x30 + UInt8(rest / digit))
      rest %= digit
      digit /= 10
    }
  }

  /// Seconds without trailing zeros: 500_000 is "0.0005".
  package static func append(seconds nanoseconds: UInt64, to bytes: inout [UInt8]) {
    let (whole, fraction) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
    append(whole, to: &bytes)
    if fraction == 0 { return }
    bytes.append(0x2e)
    var rest = fraction
    var digit: UInt64 = 100_000_000
    while rest > 0 {
      bytes.append(0x30 + UInt8(rest / digit))
      rest %= digit
      digit /= 10
    }
  }

  /// A finite number without an exponent where the reader may be a person: whole numbers have no
  /// fraction. Infinite and undefined ones are told in the words of Prometheus.
  package static func value(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
    if let whole = Int64(exactly: value) { return "\(whole)" }
    return "\(value)"
  }
}
