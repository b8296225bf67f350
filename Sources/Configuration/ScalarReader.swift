// Why this file exists: the schema, not YAML, says what a scalar is; here a text and a row become a
// typed value, or the reason why not and what to write instead.
import HTTPSemantics
import Primitives

enum ScalarReader {
  static func read(_ text: String, as row: SchemaRow) throws(ScalarProblem) -> ScalarValue {
    if let word = row.words.first(where: { $0.text == text }) { return .word(word.text) }
    do throws(ScalarProblem) {
      return try value(text, as: row)
    } catch {
      throw better(error, text, row)
    }
  }

  private static func value(
    _ text: String, as row: SchemaRow
  ) throws(ScalarProblem) -> ScalarValue {
    switch row.kind {
    case .mapping, .named, .list:
      preconditionFailure("the decoder asks for scalars only where the schema has one")
    case .word: throw unknownWord(row)
    case .boolean: return .boolean(try boolean(text))
    case .integer(let bounds): return .integer(try QuantityReader.integer(text, in: bounds))
    case .duration(let bounds): return .duration(try QuantityReader.duration(text, in: bounds))
    case .size(let bounds): return .bytes(try QuantityReader.size(text, in: bounds))
    case .byteRate(let bounds):
      return .byteRate(try QuantityReader.size(text, in: bounds, suffix: "/s"))
    case .share(let bounds): return .share(try QuantityReader.share(text, in: bounds))
    case .rate(let bounds): return .rate(try QuantityReader.rate(text, in: bounds))
    case .address(let use): return .address(try AddressReader.address(text, for: use))
    case .cidr: return .cidr(try cidr(text))
    case .authority: return .text(try authority(text))
    case .filePath: return .text(try filePath(text))
    case .pathPattern: return .text(try pathPattern(text))
    case .pathPrefix: return .text(try RouteValueReader.pathPrefix(text))
    case .hostPattern: return .text(try RouteValueReader.hostPattern(text))
    case .method: return .text(try RouteValueReader.method(text))
    case .fieldName: return .text(try RouteValueReader.fieldName(text))
    case .matchText(let limit): return .text(try RouteValueReader.matchText(text, limit: limit))
    case .template(let limit): return .text(try RouteValueReader.template(text, limit: limit))
    case .httpURL: return .url(try HTTPURL.parse(text))
    case .location: return .text(try RouteValueReader.location(text))
    case .mediaType: return .text(try RouteValueReader.mediaType(text))
    case .body(let limit): return .text(try RouteValueReader.body(text, limit: limit))
    case .requestTarget: return .text(try RequestPartReader.target(text))
    case .requestKey: return .requestKey(try RequestPartReader.key(text, row.words))
    case .status(let bounds):
      return .statuses(try RequestPartReader.statuses(text, in: bounds))
    case .upgradeToken: return .text(try upgradeToken(text))
    case .name(let limit): return .text(try name(text, limit: limit))
    case .text(let limit): return .text(try plainText(text, limit: limit))
    }
  }

  // MARK: Words

  private static func unknownWord(_ row: SchemaRow) -> ScalarProblem {
    let words = row.words.map(\.text)
    let allowed =
      words.count == 1
      ? "write \(words[0])"
      : "write one of \(words.dropLast().joined(separator: ", ")) or \(words[words.count - 1])"
    return ScalarProblem(.unknownWord, "is not known here", allowed)
  }

  /// What people write, and YAML 1.1 reads, for "not there".
  private static let nothing: Set<String> = [
    "none", "null", "~", "nil", "off", "no", "false", "disabled", "disable", "unlimited",
    "infinite", "infinity",
  ]

  static func meansNothing(_ text: String) -> Bool { nothing.contains(text.lowercased()) }

  /// A word meant is a better guess than a value misspelt.
  private static func better(
    _ problem: ScalarProblem, _ text: String, _ row: SchemaRow
  ) -> ScalarProblem {
    let words = row.words.map(\.text)
    if let near = NearestName.of(text, among: words) {
      let code = row.kind == .word ? problem.code : .unknownWord
      return ScalarProblem(code, "is not known here", "did you mean '\(near)'?")
    }
    if words.contains("none"), meansNothing(text) {
      return ScalarProblem(.unknownWord, "is not known here", "write none")
    }
    return problem
  }

  private static func boolean(_ text: String) throws(ScalarProblem) -> Bool {
    switch text {
    case "true": return true
    case "false": return false
    default: break
    }
    switch text.lowercased() {
    case "yes", "y", "on":
      throw ScalarProblem(.notBoolean, "is a boolean in YAML 1.1 only", "write true")
    case "no", "n", "off":
      throw ScalarProblem(.notBoolean, "is a boolean in YAML 1.1 only", "write false")
    case "true", "1": throw ScalarProblem(.notBoolean, "is not a boolean", "write true")
    case "false", "0": throw ScalarProblem(.notBoolean, "is not a boolean", "write false")
    default: throw ScalarProblem(.notBoolean, "is not a boolean", "write true or false")
    }
  }

  // MARK: Network

  private static func cidr(_ text: String) throws(ScalarProblem) -> CIDR {
    guard let range = CIDR.parse(text) else {
      throw ScalarProblem(
        .badAddress, "is not an address range", "write one like 10.0.0.0/8 or 2001:db8::/32")
    }
    return range
  }

  private static func authority(_ text: String) throws(ScalarProblem) -> String {
    let isValid = withBytes(of: text) { Authority.parse($0) != nil }
    guard isValid, text.utf8.count <= 255, !text.hasSuffix(":") else {
      throw ScalarProblem(.badAddress, "is not a host or host:port")
    }
    return text
  }

  private static func upgradeToken(_ text: String) throws(ScalarProblem) -> String {
    let (isProtocol, isHTTP) = withBytes(of: text) {
      (UpgradeRule.isOneProtocol($0), UpgradeRule.isHTTP($0))
    }
    guard isProtocol, text.utf8.count <= 64 else {
      throw ScalarProblem(.badText, "is not the name of a protocol", "write one like websocket")
    }
    if isHTTP {
      throw ScalarProblem(
        .badText, "cannot be upgraded to: requests inside it would pass the gateway unseen")
    }
    return text.lowercased()
  }

  private static func withBytes<Result>(
    of text: String, _ body: (ByteSlice) -> Result
  ) -> Result {
    // One byte more, so that an empty text has an address too.
    let bytes = Array(text.utf8) + [0]
    return bytes.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else { preconditionFailure("never empty") }
      return body(ByteSlice(base, buffer.count - 1))
    }
  }

  // MARK: Text

  private static let longestPattern = 4_096

  static func pathPattern(_ text: String) throws(ScalarProblem) -> String {
    guard text.utf8.count <= longestPattern else {
      throw ScalarProblem(.badPath, "is too long", "use at most \(longestPattern) bytes")
    }
    switch PathPattern.parse(text) {
    case .failure(let problem): throw ScalarProblem(.badPath, "cannot match", problem.explanation)
    case .success(let pattern):
      let normal = pattern.description
      if normal != text {
        throw ScalarProblem(.badPath, "is not in normal form and cannot match", "write \(normal)")
      }
      return normal
    }
  }

  private static func filePath(_ text: String) throws(ScalarProblem) -> String {
    guard text.hasPrefix("/"), !text.hasSuffix("/"), text.utf8.count <= 4_095 else {
      throw ScalarProblem(
        .badPath, "is not the absolute path of a file", "write one like /path/to/file")
    }
    guard isPrintable(text) else {
      throw ScalarProblem(.badText, "holds a control character")
    }
    return text
  }

  static func name(_ text: String, limit: Int) throws(ScalarProblem) -> String {
    let isValid = text.utf8.allSatisfy {
      ASCII.isLetter($0) || ASCII.isDigit($0) || $0 == 0x2D || $0 == 0x2E || $0 == 0x5F
    }
    guard isValid, !text.isEmpty else {
      throw ScalarProblem(
        .badName, "is not a name", "use letters, digits, '-', '_' and '.' only")
    }
    // It stands in metrics for a request without one; two series of one name are no scrape.
    if text == "-" { throw ScalarProblem(.badName, "stands for no name at all", "add a letter") }
    guard text.utf8.count <= limit else {
      throw ScalarProblem(.badName, "is too long", "use at most \(limit) characters")
    }
    return text
  }

  private static func plainText(_ text: String, limit: Int) throws(ScalarProblem) -> String {
    if text.isEmpty { throw ScalarProblem(.badText, "is empty") }
    guard text.unicodeScalars.count <= limit else {
      throw ScalarProblem(.badText, "is too long", "use at most \(limit) characters")
    }
    guard isPrintable(text) else {
      throw ScalarProblem(.badText, "holds a control character or a line end")
    }
    return text
  }

  static func isPrintable(_ text: String) -> Bool {
    text.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) }
  }
}
