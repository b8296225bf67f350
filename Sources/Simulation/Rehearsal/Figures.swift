// Why this file exists: numbers in the reports read the same everywhere, and are the same bytes on
// every machine; no locale and no formatter of the system is asked.

package import Primitives

package enum Figures {
  /// `1,234,567`
  package static func count(_ number: Int) -> String {
    var text = ""
    for (place, digit) in String(number).reversed().enumerated() {
      if place > 0 && place % 3 == 0 && digit != "-" { text.append(",") }
      text.append(digit)
    }
    return String(text.reversed())
  }

  /// With so many decimals, rounded half up.
  package static func decimal(_ value: Double, _ decimals: Int) -> String {
    var scale = 1
    for _ in 0..<decimals { scale *= 10 }
    let scaled = Int((abs(value) * Double(scale)).rounded())
    let sign = value < 0 && scaled > 0 ? "-" : ""
    if decimals == 0 { return sign + String(scaled) }
    let rest = String(scaled % scale)
    return sign + "\(scaled / scale)." + String(repeating: "0", count: decimals - rest.count) + rest
  }

  /// `99.98%`. Rounded away from both ends: 100% is all, 0% is none.
  package static func share(_ part: Int, of whole: Int) -> String {
    if whole == 0 { return "-" }
    if part == whole { return "100%" }
    if part == 0 { return "0%" }
    let parts = Int((Double(part) / Double(whole) * 10_000).rounded())
    let bounded = part < whole ? min(max(parts, 1), 9_999) : parts
    return decimal(Double(bounded) / 100, 2) + "%"
  }

  /// `412 µs`, `5.3 ms`, `1.20 s`
  package static func time(_ duration: Duration) -> String {
    let nanoseconds = Double(duration.nanoseconds)
    if nanoseconds < 1e6 { return decimal(nanoseconds / 1e3, 0) + " µs" }
    if nanoseconds < 1e8 { return decimal(nanoseconds / 1e6, 1) + " ms" }
    if nanoseconds < 1e9 { return decimal(nanoseconds / 1e6, 0) + " ms" }
    return decimal(nanoseconds / 1e9, 2) + " s"
  }

  /// Seconds with one decimal where there is one: `30`, `31.2`.
  package static func seconds(_ duration: Duration) -> String {
    let text = decimal(Double(duration.nanoseconds) / 1e9, 1)
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }
}
