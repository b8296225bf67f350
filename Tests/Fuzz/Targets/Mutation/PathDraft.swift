// Why this file exists: a target as segments, with all the ways to climb out of them.

enum PathDraft {
  private static let segments = [
    "..", ".", "%2e%2e", "%2E.", ".%2e", "...", "", "a", "b", "ab", "admin", "~x", "%7Ex", "%61",
    "..c",
    "%2fa", "a%2Fb", "%5c", "%00", "%", "%4", "%zz", "a%20b", "\\", "%252e", ";a", "..;", "%C3%A9",
    "a?b",
    "%3f", "%23", "*", "a:b", "@",
  ]

  static func changed(_ bytes: [UInt8], _ random: inout Dice) -> [UInt8] {
    var parts = bytes.split(separator: 0x2F, omittingEmptySubsequences: false).map(Array.init)
    if parts.isEmpty { parts = [[]] }
    let index = random.below(parts.count)
    let other = Array(random.pick(segments).utf8)
    switch random.below(6) {
    case 0: parts.shuffleOne(&random)
    case 1: parts.insert(other, at: random.below(parts.count + 1))
    case 2: parts[index] = other
    case 3: parts[index] += other
    case 4: encode(&parts[index], &random)
    default: parts[index] = respelt(parts[index])
    }
    return Array(parts.joined(separator: [0x2F]))
  }

  /// One byte as a triplet.
  private static func encode(_ part: inout [UInt8], _ random: inout Dice) {
    if part.isEmpty { return }
    let index = random.below(part.count)
    let digits = String(part[index], radix: 16, uppercase: random.oneOf(2))
    part.replaceSubrange(
      index...index, with: Array("%\(digits.count < 2 ? "0" : "")\(digits)".utf8))
  }

  /// Letters in the other case.
  private static func respelt(_ part: [UInt8]) -> [UInt8] {
    part.map { ($0 | 0x20) >= 0x61 && ($0 | 0x20) <= 0x7A ? $0 ^ 0x20 : $0 }
  }
}
