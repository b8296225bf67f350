// Why this file exists: the pages that people read, as tests of what stands in them see them:
// blocks of code, words in code, links.

import Configuration
import EventLoop
import Testing

/// One page of Markdown.
struct DocumentedPage {
  /// Code on lines of its own: fenced, or indented by four columns.
  struct Block {
    let line: Int
    /// What stands behind the fence: a language and perhaps a file's name.
    let label: String
    let text: String
  }

  static let guides = ["README.md", "docs/operating.md", "docs/migrating.md"]
  static let generated = ["docs/configuration.md", "docs/metrics.md", "docs/reasons.md"]
  static let ofDevelopers = ["Sources/README.md", "bench/README.md", ".github/CONTRIBUTING.md"]

  static var root: String {
    "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
  }

  let path: String
  private let lines: [Substring]

  init(_ path: String) throws {
    let bytes = Descriptor.contents(of: "\(Self.root)/\(path)", limit: 1 << 20)
    self.path = path
    lines = String(decoding: try #require(bytes, "\(path)"), as: UTF8.self)
      .split(separator: "\n", omittingEmptySubsequences: false)
  }

  static func contents(of path: String) throws -> String {
    let bytes = Descriptor.contents(of: "\(root)/\(path)", limit: 1 << 20)
    return String(decoding: try #require(bytes, "\(path)"), as: UTF8.self)
  }

  var blocks: [Block] {
    var blocks: [Block] = []
    var index = 0
    while index < lines.count {
      let isFenced = lines[index].hasPrefix("```")
      let follows = index == 0 || lines[index - 1].isEmpty
      guard isFenced || (follows && lines[index].hasPrefix("    ")) else {
        index += 1
        continue
      }
      let label = isFenced ? String(lines[index].dropFirst(3)) : ""
      if isFenced { index += 1 }
      let begun = index
      while index < lines.count,
        isFenced
          ? !lines[index].hasPrefix("```") : lines[index].hasPrefix("    ") || lines[index].isEmpty
      { index += 1 }
      var text = lines[begun..<index].map { isFenced ? $0 : $0.dropFirst(4) }
      while text.last?.isEmpty == true { text.removeLast() }
      blocks.append(
        Block(line: begun + 1, label: label, text: text.joined(separator: "\n") + "\n"))
      index += 1
    }
    return blocks
  }

  /// Words in code within the text, with their lines.
  var words: [(line: Int, text: Substring)] {
    prose.flatMap { number, line in
      line.split(separator: "`", omittingEmptySubsequences: false).enumerated()
        .filter { $0.offset % 2 == 1 }.map { (number, $0.element) }
    }
  }

  /// Where links lead that stay within the project, without what follows a `#`.
  var links: [(line: Int, target: Substring)] {
    prose.flatMap { number, line in
      line.matches(of: /\]\(([^)#]+)[^)]*\)/).map { (number, $0.1) }
    }
    .filter { !$0.target.hasPrefix("http") }
  }

  /// Rows of tables: their cells, without the line between head and body. An escaped bar is none.
  var rows: [(line: Int, cells: [String])] {
    prose.filter { $0.line.hasPrefix("|") && !$0.line.hasPrefix("|--") }.map { number, line in
      let plain = line.replacing("\\|", with: "\u{1}")
      let cells = plain.split(separator: "|", omittingEmptySubsequences: false)
        .dropFirst().dropLast().map { $0.trimmed.replacing("\u{1}", with: "|") }
      return (number, cells)
    }
  }

  /// The lines outside of blocks.
  private var prose: [(number: Int, line: Substring)] {
    var covered: Set<Int> = []
    for block in blocks {
      covered.formUnion(block.line...block.line + block.text.count { $0 == "\n" })
    }
    return lines.enumerated().map { ($0.offset + 1, $0.element) }
      .filter { !covered.contains($0.0) && !$0.1.hasPrefix("```") }
  }

  /// A file as `gateway check` would judge it.
  static func load(_ text: String, as name: String = "gateway.yaml") -> ConfigurationResult {
    ConfigurationLoader.load(
      Array(text.utf8), fileName: name,
      environment: ConfigurationEnvironment(
        variable: { _ in "127.0.0.1:9000" }, file: { _ in .success(Array("secret".utf8)) },
        missingFileIsWarning: true))
  }
}

extension StringProtocol {
  fileprivate var trimmed: String {
    String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
  }
}
