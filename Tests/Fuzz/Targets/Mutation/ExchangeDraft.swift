// Why this file exists: the two sides of an exchange in one input, each changed as what it is.

enum ExchangeDraft {
  private static let separator: UInt8 = 0x1E

  static func changed(_ bytes: [UInt8], _ random: inout Dice) -> [UInt8] {
    var parts = bytes.split(separator: separator, omittingEmptySubsequences: false).map(Array.init)
    var answers = Array(parts.dropFirst())
    parts = [parts.first ?? []]
    switch random.below(8) {
    case 0: answers.shuffleOne(&random)
    case 1:
      let line = random.pick(HTTPWords.statusLines)
      answers.append(Array("\(line)\r\nContent-Length: 1\r\n\r\nx".utf8))
    case 2, 3, 4:
      let index = random.below(answers.count)
      if answers.isEmpty { answers = [[]] }
      answers[index] = HTTPDraft.changed(answers[index], &random)
    default: parts[0] = HTTPDraft.changed(parts[0], &random)
    }
    return Array((parts + answers).joined(separator: [separator]))
  }

  /// The same side of both.
  static func crossed(_ one: [UInt8], _ other: [UInt8], _ random: inout Dice) -> [UInt8] {
    var parts = one.split(separator: separator, omittingEmptySubsequences: false).map(Array.init)
    let others = other.split(separator: separator, omittingEmptySubsequences: false)
      .map(Array.init)
    if parts.count < 2 || others.count < 2 || random.oneOf(2) {
      if parts.isEmpty { parts = [[]] }
      parts[0] = HTTPDraft.crossed(parts[0], others.first ?? [], &random)
    } else {
      let index = 1 + random.below(parts.count - 1)
      let taken = others[1 + random.below(others.count - 1)]
      parts[index] = random.oneOf(2) ? taken : HTTPDraft.crossed(parts[index], taken, &random)
    }
    return Array(parts.joined(separator: [separator]))
  }
}
