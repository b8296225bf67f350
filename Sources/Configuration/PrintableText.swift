// Why this file exists: what a file holds goes to terminals and logs; nothing of it may steer them.

/// Text made safe to print.
package enum PrintableText {
  /// Escapes what is invisible or steers a terminal; cuts at `limit` characters and says so with
  /// `…`.
  package static func of(_ text: String, limit: Int) -> String {
    var result = ""
    var count = 0
    for scalar in text.unicodeScalars {
      if count == limit { return result + "…" }
      result += escaped(scalar)
      count += 1
    }
    return result
  }

  /// The scalar itself, or its escape when printing it would not show it.
  static func escaped(_ scalar: Unicode.Scalar) -> String {
    switch scalar {
    case "\t": return "\\t"
    case "\n": return "\\n"
    case "\r": return "\\r"
    default: break
    }
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator,
      .paragraphSeparator:
      return "\\u{" + String(scalar.value, radix: 16) + "}"
    default:
      return String(scalar)
    }
  }
}
