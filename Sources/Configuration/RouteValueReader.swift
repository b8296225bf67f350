// Why this file exists: what a route compares, sets and answers with has rules of HTTP; the rules
// themselves are in HTTPSemantics, here they become messages.
import HTTPSemantics
import Primitives

/// Reads the values of routes.
enum RouteValueReader {
  // MARK: Conditions

  static func hostPattern(_ text: String) throws(ScalarProblem) -> String {
    switch HostPattern.parse(text) {
    case .success(let pattern): return pattern.description
    case .failure(let problem):
      throw ScalarProblem(.badAddress, "cannot match", problem.explanation)
    }
  }

  static func method(_ text: String) throws(ScalarProblem) -> String {
    if MethodSet.named(text) != nil { return text }
    if text == "CONNECT" {
      throw ScalarProblem(.unknownWord, "is never forwarded, so no route sees it")
    }
    let upper = text.uppercased()
    if MethodSet.named(upper) != nil {
      throw ScalarProblem(.unknownWord, "is written in capitals", "write \(upper)")
    }
    let near = NearestName.of(upper, among: MethodSet.names)
    throw ScalarProblem(
      .unknownWord, "is no method that the gateway forwards",
      near.map { "did you mean '\($0)'?" } ?? "write one such as GET, or leave the key out for all")
  }

  static func fieldName(_ text: String) throws(ScalarProblem) -> String {
    guard !text.isEmpty, text.utf8.allSatisfy(ASCII.isToken) else {
      throw ScalarProblem(.badName, "is not the name of a field", "write one like X-Version")
    }
    guard text.utf8.count <= RequestPartReader.longestName else {
      throw ScalarProblem(
        .badName, "is too long", "use at most \(RequestPartReader.longestName) bytes")
    }
    return text
  }

  /// The name of an entry of a mapping.
  static func check(name: String, as names: SchemaNames) throws(ScalarProblem) {
    switch names {
    case .plain, .reference: _ = try ScalarReader.name(name, limit: 64)
    case .fields: _ = try fieldName(name)
    case .parameters:
      guard !name.isEmpty, ScalarReader.isPrintable(name) else {
        throw ScalarProblem(.badName, "is not the name of a parameter", "write it undecoded: v")
      }
      guard name.utf8.count <= RequestPartReader.longestName else {
        throw ScalarProblem(
          .badName, "is too long", "use at most \(RequestPartReader.longestName) bytes")
      }
    }
  }

  static func matchText(_ text: String, limit: Int) throws(ScalarProblem) -> String {
    try checkLength(text, limit)
    guard ScalarReader.isPrintable(text) else {
      throw ScalarProblem(.badText, "holds a control character or a line end")
    }
    guard !text.hasPrefix(" "), !text.hasSuffix(" ") else {
      throw ScalarProblem(.badText, "begins or ends with a space, which is never compared")
    }
    return text
  }

  // MARK: What is done

  static func pathPrefix(_ text: String) throws(ScalarProblem) -> String {
    if text.hasSuffix("/*") || (text.hasSuffix("/") && text.utf8.count > 1) {
      throw ScalarProblem(
        .badPath, "is a prefix as it is", "write \(text.prefix(while: { $0 != "*" }).dropLast())")
    }
    if text == "/" { throw ScalarProblem(.badPath, "leaves every path as it is") }
    return try ScalarReader.pathPattern(text)
  }

  static func template(_ text: String, limit: Int) throws(ScalarProblem) -> String {
    if text.isEmpty { throw ScalarProblem(.badText, "is empty", "name the field in 'remove'") }
    switch FieldTemplate.parse(text) {
    case .success(let template):
      try checkLength(template.length, limit)
      return text
    case .failure(let problem):
      throw ScalarProblem(.badText, problem.explanation, problem.suggestion)
    }
  }

  static func location(_ text: String) throws(ScalarProblem) -> String {
    try checkLength(text, 2_048)
    switch RedirectLocation.parse(text) {
    case .success: return text
    case .failure(let problem): throw ScalarProblem(.badPath, problem.explanation)
    }
  }

  static func mediaType(_ text: String) throws(ScalarProblem) -> String {
    try checkLength(text, 256)
    let essence = text.prefix { $0 != ";" }.split(separator: "/", omittingEmptySubsequences: false)
    let isType =
      essence.count == 2
      && essence.allSatisfy { part in
        let name = part.last == " " ? part.dropLast() : part
        return !name.isEmpty && name.utf8.allSatisfy(ASCII.isToken)
      }
    guard isType, text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7f }), !text.hasSuffix(" ") else {
      throw ScalarProblem(.badText, "is not a media type", "write one like text/plain")
    }
    return text
  }

  static func body(_ text: String, limit: Int) throws(ScalarProblem) -> String {
    guard text.utf8.count <= limit else {
      throw ScalarProblem(.badText, "is too long", "use at most \(limit) bytes")
    }
    return text
  }

  private static func checkLength(_ text: String, _ limit: Int) throws(ScalarProblem) {
    try checkLength(text.utf8.count, limit)
  }

  private static func checkLength(_ length: Int, _ limit: Int) throws(ScalarProblem) {
    guard length <= limit else {
      throw ScalarProblem(.badText, "is too long", "use at most \(limit) characters")
    }
  }
}
