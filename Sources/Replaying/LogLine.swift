// Why this file exists: what a line of the access log says of one request, as far as a replay asks.
import HTTPSemantics
package import Primitives

/// A text of a log line.
package enum LogText {
  /// The line has no such member: it was written by an older gateway, or cut by somebody.
  case missing
  case null
  /// Escapes are resolved.
  case text(ByteSlice)

  /// Nil for both kinds of nothing.
  package var slice: ByteSlice? {
    if case .text(let slice) = self { slice } else { nil }
  }
  package var isMissing: Bool {
    if case .missing = self { true } else { false }
  }
  package func equals(_ word: StaticString) -> Bool {
    slice.map { ASCII.equal($0, word) } ?? false
  }
}

/// One request of an access log. Slices lie in the line's bytes or in the reader's memory, until
/// the reader reads again.
package struct LogLine {
  /// When the request began: nanoseconds since 1970. Lines are written when a request ends, so
  /// they do not stand in this order.
  package var time: Int64?
  package var requestID = LogText.missing
  package var client = LogText.missing
  package var method = LogText.missing
  /// With the port, as the client named it.
  package var host = LogText.missing
  /// In normal form, without the query.
  package var path = LogText.missing
  package var isHTTP10 = false
  package var route = LogText.missing
  package var service = LogText.missing
  package var status: UInt16?
  package var reason = LogText.missing
  /// Of head and body; of a tunnel everything that the client sent.
  package var bytesIn: UInt64 = 0
  package var userAgent = LogText.missing
  /// The rate limit that refused the request, or in shadow would have.
  package var limit = LogText.missing

  package init() {}

  // MARK: What the gateway cuts

  /// Texts of these lengths may have been longer (`Bounds.recordHost` and its like).
  static func mayBeCut(_ text: ByteSlice, at bound: Int) -> Bool { text.count >= bound }
}

/// Why a line is not one of an access log.
package enum LogFault: Equatable, Sendable {
  case notJSON
  case notUTF8
  case tooLong
  /// The member is not of its type.
  case type(StaticString)
  /// The member has a value that the gateway never writes.
  case value(StaticString)
  case missing(StaticString)

  package var words: String {
    switch self {
    case .notJSON: "not one JSON object"
    case .notUTF8: "not UTF-8"
    case .tooLong: "longer than any line that the gateway writes"
    case .type(let name): "\(name) is of the wrong type"
    case .value(let name): "\(name) has a value that the gateway never writes"
    case .missing(let name): "no \(name)"
    }
  }

  package static func == (left: LogFault, right: LogFault) -> Bool { left.words == right.words }
}
