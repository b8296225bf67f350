// Why this file exists: the value of a field that a route sets may speak of the request; which
// words it may use, and how a brace is written, is decided when the configuration is read, so that
// on the request path only pieces are put together.
import Primitives

/// What a value may speak of. None of them can hold a byte that ends a field line: each was proved
/// by the rules for requests, or comes from the configuration.
@frozen @usableFromInline
package enum TemplateVariable: UInt8, CaseIterable, Sendable {
  case clientIP, host, method, path, route, service, requestID, traceID

  package var word: StaticString {
    switch self {
    case .clientIP: "client_ip"
    case .host: "host"
    case .method: "method"
    case .path: "path"
    case .route: "route"
    case .service: "service"
    case .requestID: "request_id"
    case .traceID: "trace_id"
    }
  }
}

/// A value in pieces.
package struct FieldTemplate: Equatable, Sendable {
  package enum Piece: Equatable, Sendable {
    case literal([UInt8])
    case variable(TemplateVariable)
  }

  package let pieces: [Piece]

  /// Why a text is no template.
  package enum Problem: Error, Equatable, Sendable {
    case unclosed
    case unknown(String)
    case control
    case blank

    /// For a diagnostic, after the value has been named.
    package var explanation: String {
      switch self {
      case .unclosed: "opens a brace and does not close it"
      case .unknown: "names something that is not known here"
      case .control: "holds a byte that may not stand in a field"
      case .blank: "begins or ends with a space, which no field value does"
      }
    }

    /// What to write instead.
    package var suggestion: String? {
      switch self {
      case .unclosed: "write {{ for a brace"
      case .unknown:
        "the words are "
          + TemplateVariable.allCases.map { "{\($0.word)}" }.joined(separator: " ")
          + "; write {{ for a brace"
      case .control, .blank: nil
      }
    }
  }

  /// `{{` is a brace, `{word}` a variable, everything else itself.
  package static func parse(_ text: String) -> Result<FieldTemplate, Problem> {
    let bytes = Array(text.utf8)
    for byte in bytes where (byte < 0x20 && byte != 0x09) || byte == 0x7f {
      return .failure(.control)
    }
    if let first = bytes.first, let last = bytes.last, isBlank(first) || isBlank(last) {
      return .failure(.blank)
    }
    var pieces: [Piece] = []
    var literal: [UInt8] = []
    var rest = bytes[...]
    while let byte = rest.popFirst() {
      guard byte == 0x7b else {
        literal.append(byte)
        continue
      }
      if rest.first == 0x7b {
        literal.append(0x7b)
        rest = rest.dropFirst()
        continue
      }
      guard let close = rest.firstIndex(of: 0x7d) else { return .failure(.unclosed) }
      let word = String(decoding: rest[..<close], as: UTF8.self)
      guard let variable = TemplateVariable.allCases.first(where: { "\($0.word)" == word }) else {
        return .failure(.unknown(word))
      }
      if !literal.isEmpty { pieces.append(.literal(literal)) }
      literal = []
      pieces.append(.variable(variable))
      rest = rest[(close + 1)...]
    }
    if !literal.isEmpty { pieces.append(.literal(literal)) }
    return .success(FieldTemplate(pieces: pieces))
  }

  /// The template of this text alone, in which no brace means anything.
  package static func literal(_ text: String) -> String {
    // By bytes, as `parse` reads it: to a String, a brace with a mark behind it is another letter.
    String(decoding: text.utf8.flatMap { $0 == 0x7b ? [0x7b, 0x7b] : [$0] }, as: UTF8.self)
  }

  /// In bytes; of a variable, its word with the braces.
  package var length: Int {
    pieces.reduce(0) { length, piece in
      switch piece {
      case .literal(let bytes): length + bytes.count
      case .variable(let variable): length + variable.word.utf8CodeUnitCount + 2
      }
    }
  }

  private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
}
