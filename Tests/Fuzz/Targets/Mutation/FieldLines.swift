// Why this file exists: what senders, honest or not, do to field lines.

enum FieldLines {
  static func changed(_ bytes: [UInt8], _ random: inout Dice) -> [UInt8] {
    var lines = DraftLine.all(bytes)
    change(&lines, &random)
    return lines.flatMap(\.bytes)
  }

  static func crossed(_ one: [UInt8], _ other: [UInt8], _ random: inout Dice) -> [UInt8] {
    var lines = DraftLine.all(one)
    for line in DraftLine.all(other) where random.oneOf(2) {
      lines.insert(line, at: random.below(lines.count + 1))
    }
    return lines.flatMap(\.bytes)
  }

  /// Changes one line, or adds one.
  static func change(_ lines: inout [DraftLine], _ random: inout Dice) {
    if lines.isEmpty || random.oneOf(4) {
      return lines.insert(made(&random), at: random.below(lines.count + 1))
    }
    let index = random.below(lines.count)
    switch random.below(12) {
    case 0, 1: lines.shuffleOne(&random)
    case 2: nominate(&lines, index, &random)
    case 3: joinOrPart(&lines, index, &random)
    case 4: lines[index].end = Array(random.pick(HTTPWords.lineEnds).utf8)
    case 5, 6: changeName(&lines[index], &random)
    case 7: changeSeparator(&lines[index], &random)
    case 8, 9: replaceValue(&lines[index], &random)
    default: changeValue(&lines[index], &random)
    }
  }

  /// A line that the gateway has an opinion on.
  static func made(_ random: inout Dice) -> DraftLine {
    let (name, values) = random.pick(HTTPWords.fields)
    return DraftLine("\(name): \(random.pick(values))")
  }

  // MARK: Several lines

  /// Has Connection name one of the lines, or a word.
  private static func nominate(_ lines: inout [DraftLine], _ index: Int, _ random: inout Dice) {
    let name = lines[index].parts.name
    let options = random.oneOf(3) ? [] : Array(random.pick(HTTPWords.options).utf8) + [0x2C, 0x20]
    let text = Array("Connection: ".utf8) + options + name
    lines.insert(DraftLine(text), at: random.below(lines.count + 1))
  }

  /// Two lines of a name as one list, or a list as two lines.
  private static func joinOrPart(_ lines: inout [DraftLine], _ index: Int, _ random: inout Dice) {
    let (name, value) = lines[index].parts
    let lower = Grammar.lower(name)
    let other = lines.indices.first { $0 != index && Grammar.lower(lines[$0].parts.name) == lower }
    if let other, other > index {
      lines[index].text += [0x2C] + lines[other].parts.value
      lines.remove(at: other)
    } else if let comma = value.lastIndex(of: 0x2C) {
      lines[index].text = name + [0x3A] + value[..<comma]
      lines.insert(DraftLine(name + [0x3A] + value[(comma + 1)...]), at: index + 1)
    } else {
      lines[index].text += [0x2C] + value
    }
  }

  // MARK: One line

  private static func changeName(_ line: inout DraftLine, _ random: inout Dice) {
    var (name, value) = line.parts
    if name.isEmpty { return }
    let at = random.below(name.count)
    switch random.below(6) {
    case 0: for index in name.indices where random.oneOf(2) { name[index] = turned(name[index]) }
    case 1: name = name.map { $0 == 0x2D ? 0x5F : $0 }
    case 2: name.insert(random.pick([0x20, 0x09, 0x00, 0x5F, 0x2D, 0x0B, 0x80]), at: at)
    case 3: name[at] = random.byte()
    case 4: name = Array(random.pick(HTTPWords.fields).name.utf8)
    default: name.remove(at: at)
    }
    line.text = name + [0x3A] + value
    value = []
  }

  /// The other letter case.
  private static func turned(_ byte: UInt8) -> UInt8 {
    let isLetter = (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7A
    return isLetter ? byte ^ 0x20 : byte
  }

  private static func changeSeparator(_ line: inout DraftLine, _ random: inout Dice) {
    let (name, value) = line.parts
    line.text = name + Array(random.pick(HTTPWords.separators).utf8) + Grammar.trimmed(value)
    if random.oneOf(2) { line.text += Array(random.pick(HTTPWords.blanks).utf8) }
  }

  /// Another value that a field of this name may have, or should not have.
  private static func replaceValue(_ line: inout DraftLine, _ random: inout Dice) {
    let name = line.parts.name
    let known = HTTPWords.fields.filter {
      Grammar.lower(Array($0.name.utf8)) == Grammar.lower(name)
    }
    let values = known.first?.values ?? random.pick(HTTPWords.fields).values
    line.text = name + Array(": \(random.pick(values))".utf8)
  }

  private static func changeValue(_ line: inout DraftLine, _ random: inout Dice) {
    var (name, value) = line.parts
    let at = random.below(value.count + 1)
    switch random.below(8) {
    // A folded line, which nobody may send any more.
    case 0: value.insert(contentsOf: [0x0D, 0x0A, random.pick([0x20, 0x09])], at: at)
    case 1: value.insert(random.pick([0x0D, 0x0A, 0x00, 0x7F, 0x0B, 0xA0, 0xFF]), at: at)
    case 2: value.insert(random.pick([0x20, 0x09, 0x2C, 0x3B, 0x22, 0x3D, 0x3A]), at: at)
    case 3: for index in value.indices where random.oneOf(3) { value[index] = turned(value[index]) }
    case 4: value += [0x2C] + Array(random.pick(random.pick(HTTPWords.fields).values).utf8)
    case 5: value += Array(random.pick(HTTPWords.blanks).utf8)
    case 6: if !value.isEmpty { value.remove(at: at % value.count) }
    default: if !value.isEmpty { value[at % value.count] = random.byte() }
    }
    line.text = name + [0x3A] + value
    name = []
  }
}
