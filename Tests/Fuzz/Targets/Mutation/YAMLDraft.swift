// Why this file exists: a configuration as lines that lie in each other by their indentation, each
// with the place in the schema that it has, so that what is written there is nearly right.
import Configuration

/// A line of a block.
struct YAMLDraft {
  var lines: [String]

  static func changed(_ bytes: [UInt8], _ random: inout Dice) -> [UInt8] {
    var draft = YAMLDraft(bytes)
    draft.change(&random)
    return draft.bytes
  }

  /// A block of one in a place of the other where a block begins.
  static func crossed(_ one: [UInt8], _ other: [UInt8], _ random: inout Dice) -> [UInt8] {
    var draft = YAMLDraft(one)
    let source = YAMLDraft(other)
    guard !draft.lines.isEmpty, !source.lines.isEmpty else { return one + other }
    let taken = source.block(at: random.below(source.lines.count))
    let at = random.below(draft.lines.count)
    let text = draft.indented(Array(source.lines[taken]), like: at)
    draft.lines.replaceSubrange(random.oneOf(2) ? draft.block(at: at) : at..<at, with: text)
    return draft.bytes
  }

  init(_ bytes: [UInt8]) {
    lines = String(decoding: bytes, as: UTF8.self)
      .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    if lines.last == "" { lines.removeLast() }
  }

  var bytes: [UInt8] { lines.flatMap { Array($0.utf8) + [0x0A] } }

  // MARK: Blocks

  private static func indent(_ line: String) -> Int { line.utf8.prefix { $0 == 0x20 }.count }

  /// The line and all that is deeper behind it.
  private func block(at start: Int) -> Range<Int> {
    let depth = YAMLDraft.indent(lines[start])
    let end = lines[(start + 1)...].firstIndex {
      !$0.allSatisfy { $0 == " " } && YAMLDraft.indent($0) <= depth
    }
    return start..<(end ?? lines.count)
  }

  /// The same lines, as deep as the line at `index`.
  private func indented(_ block: [String], like index: Int) -> [String] {
    let now = block.first.map(YAMLDraft.indent) ?? 0
    let wanted = YAMLDraft.indent(lines[index])
    return block.map {
      String(repeating: " ", count: max(0, YAMLDraft.indent($0) - now + wanted))
        + $0.drop { $0 == " " }
    }
  }

  /// The key of a line, and where what follows the colon begins.
  private func key(_ line: String) -> (name: String, valueAt: String.Index)? {
    let body = line.drop { $0 == " " || $0 == "-" }
    guard let colon = body.firstIndex(of: ":") else { return nil }
    let name = body[..<colon].filter { $0 != "\"" && $0 != "'" }
    return (String(name), line.index(after: colon))
  }

  /// Where in the schema the value of the line lies; nil where nothing is known of it.
  private func place(of index: Int) -> Schema.Node? {
    var depth = YAMLDraft.indent(lines[index]) + 1
    var steps: [String] = []
    for line in lines[...index].reversed() where YAMLDraft.indent(line) < depth {
      let isEntry = line.drop { $0 == " " }.hasPrefix("-")
      if let (name, _) = key(line) { steps.append(name) }
      if isEntry { steps.append("[]") }
      depth = YAMLDraft.indent(line)
    }
    var node = Schema.gateway.root
    for step in steps.reversed() {
      if let next = node.keys.first(where: { $0.row.key == step }) {
        node = next
      } else if let entry = node.entry.first {
        node = entry
      } else {
        return nil
      }
    }
    return node
  }

  // MARK: Changes

  private mutating func change(_ random: inout Dice) {
    // Of files with one fault nothing is asked but that they are refused; so begin anew at times.
    if lines.isEmpty || random.oneOf(6) { lines = YAMLDraft.whole }
    let index = random.below(lines.count)
    switch random.below(14) {
    case 0: doubleBlock(index, &random)
    case 1: if lines.count > 1 { lines.removeSubrange(block(at: index)) }
    case 2: moveBlock(index, &random)
    case 3, 4, 5: setValue(index, &random)
    case 6, 7, 8: addKey(index, &random)
    case 9: renameKey(index, &random)
    case 10: respell(index, &random)
    case 11: reference(index, &random)
    case 12: lines[index] = String(repeating: " ", count: random.below(5)) + lines[index]
    default: lines.insert(random.pick(YAMLWords.lines), at: index)
    }
  }

  /// Duplicated keys, and entries.
  private mutating func doubleBlock(_ index: Int, _ random: inout Dice) {
    let range = block(at: index)
    let at = random.oneOf(2) ? range.upperBound : index
    lines.insert(contentsOf: Array(lines[range]), at: at)
  }

  private mutating func moveBlock(_ index: Int, _ random: inout Dice) {
    let range = block(at: index)
    let taken = Array(lines[range])
    lines.removeSubrange(range)
    if lines.isEmpty {
      lines = taken
      return
    }
    let at = random.below(lines.count)
    lines.insert(contentsOf: random.oneOf(3) ? taken : indented(taken, like: at), at: at)
  }

  private mutating func setValue(_ index: Int, _ random: inout Dice) {
    guard let (_, valueAt) = key(lines[index]) else {
      lines[index] += random.pick(YAMLWords.scalars)
      return
    }
    let value =
      random.oneOf(4) || place(of: index) == nil
      ? random.pick(YAMLWords.scalars) : YAMLWords.value(place(of: index)!, &random)
    lines[index] = lines[index][..<valueAt] + " " + value
  }

  /// A key that may stand there, with a value that it may have.
  private mutating func addKey(_ index: Int, _ random: inout Dice) {
    let depth = YAMLDraft.indent(lines[index])
    // Into the line's own mapping, or beside it at the top.
    let isTop = depth == 0 && random.oneOf(2)
    guard let node = isTop ? Schema.gateway.root : place(of: index) else { return }
    let inside = isTop ? 0 : depth + (lines[index].contains("- ") ? 4 : 2)
    var text: String
    if !node.keys.isEmpty {
      let key = random.pick(node.keys)
      text = "\(key.row.key): \(YAMLWords.value(key, &random))"
    } else if let entry = node.entry.first {
      if case .list = node.row.kind {
        text = "- \(YAMLWords.value(entry, &random))"
      } else {
        text = "\(random.pick(YAMLWords.names)): \(YAMLWords.value(entry, &random))"
      }
    } else {
      return setValue(index, &random)
    }
    text = String(repeating: " ", count: inside) + text
    lines.insert(text, at: index + 1)
  }

  private mutating func renameKey(_ index: Int, _ random: inout Dice) {
    guard let (name, valueAt) = key(lines[index]) else { return }
    let other: String
    switch random.below(5) {
    case 0: other = random.pick(Schema.gateway.rows).key
    case 1: other = String(name.dropLast())
    case 2: other = "\"\(name)\""
    case 3: other = name.uppercased()
    default: other = random.pick(YAMLWords.names)
    }
    let front = lines[index].prefix { $0 == " " || $0 == "-" }
    lines[index] = front + other + ":" + lines[index][valueAt...]
  }

  /// The same value in another form.
  private mutating func respell(_ index: Int, _ random: inout Dice) {
    guard let (_, valueAt) = key(lines[index]) else { return }
    let value = lines[index][valueAt...].drop { $0 == " " }
    let form: String
    switch random.below(8) {
    case 0: form = "\"\(value)\""
    case 1: form = "'\(value)'"
    case 2: form = "[\(value)]"
    case 3: form = "{\(value)}"
    case 4: form = "!!str \(value)"
    case 5: form = "|\n\(String(repeating: " ", count: YAMLDraft.indent(lines[index]) + 2))\(value)"
    case 6: form = "\(value) # \(value)"
    default:
      form = ">-\n\(String(repeating: " ", count: YAMLDraft.indent(lines[index]) + 2))\(value)"
    }
    lines[index] = lines[index][..<valueAt] + " " + form
  }

  /// An anchor here, and an alias or a merge somewhere.
  private mutating func reference(_ index: Int, _ random: inout Dice) {
    guard let (_, valueAt) = key(lines[index]) else { return }
    lines[index].insert(contentsOf: " &a", at: valueAt)
    let at = random.below(lines.count)
    if random.oneOf(2), let (_, other) = key(lines[at]) {
      lines[at] = lines[at][..<other] + " *a"
    } else {
      let depth = String(repeating: " ", count: YAMLDraft.indent(lines[at]))
      lines.insert(depth + "<<: *a", at: at)
    }
  }

  /// What is begun from where there is nothing.
  private static let whole = [
    "listeners:", "  - address: 127.0.0.1:8080", "services:", "  users:", "    backends:",
    "      - address: 127.0.0.1:9001", "routes:", "  - match:", "      path: /*",
    "    service: users",
  ]
}
