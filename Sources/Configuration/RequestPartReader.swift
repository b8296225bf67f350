// Why this file exists: parts of requests and responses that a configuration names (a target to ask
// for, a field to hash by, statuses that count) have rules of HTTP, which are not those of YAML.
import Primitives

/// Reads `/path?query`, `header:Name` and `200-399`.
enum RequestPartReader {
  private static let longestTarget = 4_096
  static let longestName = 128

  // MARK: Targets

  /// In origin-form (RFC 9112 section 3.2.1), sent as it stands.
  static func target(_ text: String) throws(ScalarProblem) -> String {
    if let scheme = text.firstRange(of: "://") {
      let path = text[scheme.upperBound...].drop { $0 != "/" }
      throw ScalarProblem(
        .badPath, "is a URL, not a path", "write \(path.isEmpty ? "/" : String(path))")
    }
    guard text.hasPrefix("/") else {
      throw ScalarProblem(.badPath, "does not begin with a slash", "write /\(text)")
    }
    guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
      throw ScalarProblem(
        .badPath, "holds a space, a control or a non-ASCII character",
        "write it percent-encoded, as %20")
    }
    guard !text.contains("#") else {
      throw ScalarProblem(.badPath, "holds a fragment, which is never sent", "leave '#' out")
    }
    guard text.utf8.count <= longestTarget else {
      throw ScalarProblem(.badPath, "is too long", "use at most \(longestTarget) bytes")
    }
    return text
  }

  // MARK: Keys

  static func key(_ text: String, _ words: [SchemaWord]) throws(ScalarProblem) -> RequestKey {
    let kind = text.prefix { $0 != ":" }
    let name = text[kind.endIndex...].dropFirst()
    let forms = words.map(\.text) + ["header:Name", "cookie:Name", "query:name"]
    let all = "\(forms.dropLast().joined(separator: ", ")) or \(forms[forms.count - 1])"
    guard ["header", "cookie", "query"].contains(kind) else {
      let near = NearestName.of(String(kind), among: ["header", "cookie", "query"])
      let meant = near.flatMap { name.isEmpty ? nil : "write \($0):\(name)" }
      throw ScalarProblem(.unknownWord, "is not known here", meant ?? "write one of \(all)")
    }
    guard !name.isEmpty else {
      throw ScalarProblem(.badName, "names nothing", "write one like \(kind):name")
    }
    guard name.utf8.count <= longestName else {
      throw ScalarProblem(.badName, "is too long", "use at most \(longestName) bytes")
    }
    switch kind {
    case "header":
      guard name.utf8.allSatisfy(ASCII.isToken) else {
        throw ScalarProblem(.badName, "is not the name of a field", "write one like header:X-User")
      }
      return .header(name.lowercased())
    case "cookie":
      guard name.utf8.allSatisfy(ASCII.isToken) else {
        throw ScalarProblem(.badName, "is not the name of a cookie", "write one like cookie:sid")
      }
      return .cookie(String(name))
    default:
      let isName = name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
      guard isName, !name.contains(where: { "&=#".contains($0) }) else {
        throw ScalarProblem(
          .badName, "is not the name of a query parameter", "write one like query:user")
      }
      return .query(String(name))
    }
  }

  // MARK: Statuses

  static func statuses(
    _ text: String, in bounds: ClosedRange<UInt16>
  ) throws(ScalarProblem) -> ClosedRange<UInt16> {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    let numbers = parts.compactMap { status($0) }
    guard (1...2).contains(parts.count), numbers.count == parts.count,
      let first = numbers.first, let last = numbers.last
    else {
      throw ScalarProblem(.notNumber, "is neither a status nor a range", meant(text))
    }
    guard first <= last else {
      throw ScalarProblem(
        .outOfBounds, "is a range that ends before it begins", "write \(last)-\(first)")
    }
    guard bounds.contains(first), bounds.contains(last) else {
      throw ScalarProblem(
        .outOfBounds, "is out of bounds",
        "write statuses from \(bounds.lowerBound) to \(bounds.upperBound)")
    }
    return first...last
  }

  private static func status(_ text: Substring) -> UInt16? {
    text.count == 3 && text.utf8.allSatisfy(ASCII.isDigit) ? UInt16(text) : nil
  }

  /// People write `2xx`, `200..299` and `200-2xx` too.
  private static func meant(_ text: String) -> String {
    if let digit = text.first, text.count == 3, digit.isNumber,
      text.dropFirst().lowercased() == "xx"
    {
      return "write \(digit)00-\(digit)99"
    }
    let numbers = text.split { !$0.isASCII || !$0.isNumber }
    if numbers.count == 2, numbers.allSatisfy({ status($0) != nil }) {
      return "write \(numbers[0])-\(numbers[1])"
    }
    return "write one like 204 or 200-399"
  }
}
