// Why this file exists: a mark stands under what it means only if both count the same cells, and a
// terminal gives a Chinese character two of them, and an accent none.

/// How wide text is on a terminal.
enum TerminalCells {
  /// Cells that the text takes, of what `PrintableText` leaves in it.
  static func count(_ text: String) -> Int {
    text.unicodeScalars.reduce(0) { $0 + count($1) }
  }

  private static func count(_ scalar: Unicode.Scalar) -> Int {
    if scalar.value < 0x300 { return 1 }
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .enclosingMark: return 0
    default: break
    }
    // The vowel and the end of a Korean syllable are drawn into the cells of its beginning.
    if 0x1160...0x11FF ~= scalar.value || 0xD7B0...0xD7FF ~= scalar.value { return 0 }
    // Every emoji is wide but the letters of flags, of which two make one.
    let isFlagLetter = 0x1F1E6...0x1F1FF ~= scalar.value
    if scalar.properties.isEmojiPresentation && !isFlagLetter { return 2 }
    return wide.contains { $0 ~= scalar.value } ? 2 : 1
  }

  /// East_Asian_Width W and F of Unicode 17.0 (Unicode Standard Annex #11, EastAsianWidth.txt),
  /// without emoji, and with the places between them that have no character yet, which are never
  /// printed as they are.
  private static let wide: [ClosedRange<UInt32>] = [
    0x1100...0x115F,  // Hangul Jamo that begin a syllable
    0x2329...0x232A,  // angle brackets
    0x2630...0x2637, 0x268A...0x268F, 0x4DC0...0x4DFF,  // the Book of Changes
    0x2E80...0x303E, 0x3041...0x3247, 0x3250...0x4DBF, 0x4E00...0xA4C6,  // CJK, Kana, Yi
    0xA960...0xA97C, 0xAC00...0xD7A3,  // Hangul
    0xF900...0xFAFF, 0xFE10...0xFE19, 0xFE30...0xFE6B,  // compatibility forms
    0xFF01...0xFF60, 0xFFE0...0xFFE6,  // full width
    0x16FE0...0x1B2FB,  // Tangut, Khitan, Kana, Nushu
    0x1D300...0x1D376,  // Tai Xuan Jing, counting rods
    0x1F200...0x1F265,  // squared words
    0x20000...0x3FFFD,  // CJK beyond the first plane
  ]
}
