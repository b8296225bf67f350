// Why this file exists: metrics are counted in whole nanoseconds and told in seconds; going through
// floating point would write 0.30000000000000004.

/// Numbers as exact decimal text. Control plane.
package enum DecimalText {
  /// Seconds without trailing zeros: 500_000 is "0.0005".
  package static func seconds(nanoseconds: UInt64) -> String {
    let (whole, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
    if rest == 0 { return "\(whole)" }
    var digits = "\(rest + 1_000_000_000)".dropFirst()
    while digits.last == "0" { digits.removeLast() }
    return "\(whole).\(digits)"
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
