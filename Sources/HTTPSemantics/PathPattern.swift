// Why this file exists: `match.path` in the configuration is compared with normalised paths, so it
// has to be in that form itself, and a pattern that could never match is an error where it is
// written.
import Primitives

/// A path condition of a route: one path, or a path and everything below it.
package struct PathPattern: Hashable, Sendable {
  /// The path in its normal form. For a prefix it is what stands before `/*`: `/x` of `/x/*`, and
  /// empty of `/*`.
  package let path: [UInt8]
  /// Written with `/*` at the end: matches the path itself, the path with a slash, and all below.
  package let isPrefix: Bool

  /// Why a text is no pattern.
  package enum Problem: Error, Equatable, Sendable {
    case empty
    case noLeadingSlash
    /// A star that is not the whole last segment.
    case misplacedStar
    case query
    case fragment
    /// `.` or `..`, also percent-encoded: no normalised path has one.
    case dotSegment
    /// A character that has to be percent-encoded, or never stands in a path.
    case invalidCharacter
    /// A percent sign without two hexadecimal digits, or `%00`.
    case invalidEncoding

    /// For a diagnostic, after the pattern has been named.
    package var explanation: String {
      switch self {
      case .empty: "a path is needed; write / for the root or /* for everything"
      case .noLeadingSlash: "a path begins with /"
      case .misplacedStar: "* may only stand for everything below: as the whole last segment, /x/*"
      case .query: "a path has no query; ? cannot match"
      case .fragment: "a path has no fragment; # is never sent"
      case .dotSegment: "dot segments are removed before matching, so this can never match"
      case .invalidCharacter: "only visible ASCII may stand in a path, and no \\; encode the rest"
      case .invalidEncoding: "% must be followed by two hexadecimal digits, and not by 00"
      }
    }
  }

  package init(path: [UInt8], isPrefix: Bool) {
    self.path = path
    self.isPrefix = isPrefix
  }

  /// Reads a pattern and brings its path into normal form. `%2f` and `%5c` are let pass: whether
  /// requests may have them is the business of `http.encoded_slash`.
  package static func parse(_ text: String) -> Result<PathPattern, Problem> {
    var bytes = Array(text.utf8)
    guard let first = bytes.first else { return .failure(.empty) }
    guard first == 0x2f else { return .failure(.noLeadingSlash) }
    let isPrefix = bytes.suffix(2) == [0x2f, 0x2a]
    if isPrefix { bytes.removeLast(2) }
    if let problem = problem(in: bytes) { return .failure(problem) }
    if bytes.isEmpty { return .success(PathPattern(path: [], isPrefix: isPrefix)) }

    var normal = [UInt8](repeating: 0, count: bytes.count + PathPolicy.growth)
    let verdict = bytes.withUnsafeBufferPointer { source in
      normal.withUnsafeMutableBufferPointer { target -> PathVerdict in
        guard let from = source.baseAddress, let to = target.baseAddress else { return .refused }
        var writer = ByteWriter(to, capacity: target.count)
        return PathPolicy.normalise(
          ByteSlice(from, source.count), encodedSlash: .keep, into: &writer)
      }
    }
    switch verdict {
    case .unchanged: return .success(PathPattern(path: bytes, isPrefix: isPrefix))
    case .rewritten(let length):
      return .success(PathPattern(path: Array(normal.prefix(length)), isPrefix: isPrefix))
    case .refused: return .failure(.invalidEncoding)
    }
  }

  private static func problem(in path: [UInt8]) -> Problem? {
    for byte in path {
      switch byte {
      case 0x2a: return .misplacedStar
      case 0x3f: return .query
      case 0x23: return .fragment
      case 0x5c: return .invalidCharacter
      case 0x21...0x7e: continue
      default: return .invalidCharacter
      }
    }
    for segment in path.split(separator: 0x2f) where isDots(segment) { return .dotSegment }
    return nil
  }

  /// One or two dots, each plain or as `%2e`.
  private static func isDots(_ segment: ArraySlice<UInt8>) -> Bool {
    var rest = segment
    var dots = 0
    while let byte = rest.first {
      if byte == 0x2e {
        rest = rest.dropFirst()
      } else if rest.starts(with: Array("%2e".utf8)) || rest.starts(with: Array("%2E".utf8)) {
        rest = rest.dropFirst(3)
      } else {
        return false
      }
      dots += 1
    }
    return dots == 1 || dots == 2
  }
}

extension PathPattern: CustomStringConvertible {
  /// As it would be written in the configuration, in normal form.
  package var description: String {
    String(decoding: path, as: UTF8.self) + (isPrefix ? "/*" : "")
  }
}
