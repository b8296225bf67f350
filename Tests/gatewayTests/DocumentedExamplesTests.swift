// Why this file exists: an example that does not work is worse than none. Everything in the pages
// that can be tried, or looked up in the code, is.

import ArgumentParser
import Glibc
import HTTPSemantics
import Testing

@testable import Configuration
@testable import gateway

@Suite struct `Examples in the documents` {
  // MARK: Configurations

  /// With what a part of a file leaves out.
  private func whole(_ text: String) -> String {
    func has(_ key: String) -> Bool { ("\n" + text).contains("\n\(key):") }
    var whole = text
    if !has("listeners") { whole += "listeners: [{address: 127.0.0.1:8080}]\n" }
    if !has("services") {
      let named = Set(text.matches(of: /service: ([a-z]+)/).map { String($0.1) }).union(["users"])
      whole += "services:\n"
      for name in named.sorted() { whole += "  \(name): {backends: [127.0.0.1:9001]}\n" }
    }
    if !has("routes") { whole += "routes: [{match: {path: /*}, service: users}]\n" }
    return whole
  }

  @Test(arguments: [("README.md", 1), ("docs/operating.md", 1), ("docs/migrating.md", 1)])
  func `each configuration of ours is valid`(path: String, least: Int) throws {
    let keys = Schema.gateway.root.keys.map { "\($0.row.key):" }
    let ours = try DocumentedPage(path).blocks.filter { block in
      block.label.isEmpty
        ? keys.contains { block.text.hasPrefix($0) } : block.label.hasSuffix(" gateway.yaml")
    }
    #expect(ours.count >= least)
    for block in ours {
      let result = DocumentedPage.load(whole(block.text), as: "\(path):\(block.line)")
      let complaints = DiagnosticRenderer.text(result, isColoured: false)
      #expect(result.isValid, "\(complaints)")
    }
  }

  @Test(arguments: DocumentedPage.guides + DocumentedPage.generated)
  func `each key that is spoken of exists`(path: String) throws {
    let known = Schema.gateway.rows.map { row in
      "." + row.path.replacing("[]", with: "").replacing(".*", with: "")
    }
    let files = ["yaml", "yml", "json", "md", "sock", "log", "conf", "cfg", "internal"]
    for (line, word) in try DocumentedPage(path).words
    where word.wholeMatch(of: /[a-z_]+(\.[a-z_]+)+/) != nil {
      let last = String(word.split(separator: ".").last ?? "")
      // Settings of the system, and of services of other programs, have dots too.
      if files.contains(last) || word.hasPrefix("net.") || word.contains("example.com") { continue }
      #expect(known.contains { $0.hasSuffix("." + word) }, "\(path):\(line): \(word)")
    }
  }

  // MARK: Commands

  /// The words of a line as a shell would take them; a comment ends it.
  private func arguments(_ line: some StringProtocol) -> [String] {
    var words: [String] = []
    var word: String?
    var quote: Character?
    for character in line {
      if let open = quote {
        if character == open { quote = nil } else { word = (word ?? "") + String(character) }
      } else if character == "'" || character == "\"" {
        quote = character
        word = word ?? ""
      } else if character == " " {
        if let whole = word { words.append(whole) }
        word = nil
      } else if character == "#" && word == nil {
        break
      } else {
        word = (word ?? "") + String(character)
      }
    }
    if let whole = word { words.append(whole) }
    return words
  }

  @Test(arguments: DocumentedPage.guides + DocumentedPage.generated + DocumentedPage.ofDevelopers)
  func `each command of ours is one that the gateway understands`(path: String) throws {
    let page = try DocumentedPage(path)
    let lines =
      page.blocks.flatMap { $0.text.split(separator: "\n") } + page.words.map(\.text)
    let known = GatewayCommand.configuration.subcommands.map { $0.configuration.commandName }
    for line in lines where line.hasPrefix("gateway ") && !line.hasPrefix("gateway  ") {
      let words = Array(arguments(line).dropFirst())
      // A command that is only named.
      if words.count == 1, known.contains(words[0]) { continue }
      // Or one whose file goes without saying.
      let isUnderstood =
        (try? GatewayCommand.parseAsRoot(words)) != nil
        || (try? GatewayCommand.parseAsRoot(words + ["FILE"])) != nil
      #expect(isUnderstood, "\(path): \(line)")
    }
  }

  @Test func `each target of make that is named exists`() throws {
    let makefile = try DocumentedPage.contents(of: "Makefile")
    let targets = Set(makefile.matches(of: /(?m)^([a-z]+):/).map { String($0.1) })
    for path in DocumentedPage.guides + DocumentedPage.generated + DocumentedPage.ofDevelopers {
      let page = try DocumentedPage(path)
      let lines = page.blocks.flatMap { $0.text.split(separator: "\n") } + page.words.map(\.text)
      for line in lines where line.hasPrefix("make ") {
        let target = String(line.dropFirst(5).prefix { $0.isLetter })
        #expect(targets.contains(target), "\(path): \(line)")
      }
    }
  }

  // MARK: Files

  @Test(arguments: DocumentedPage.guides + DocumentedPage.generated + DocumentedPage.ofDevelopers)
  func `each file that is linked to or named is there`(path: String) throws {
    let page = try DocumentedPage(path)
    let folder = path.split(separator: "/").dropLast().joined(separator: "/")
    for (line, target) in page.links {
      let file = "\(DocumentedPage.root)/\(folder)/\(target)"
      #expect(access(file, F_OK) == 0, "\(path):\(line): \(target)")
    }
    let folders = /(Sources|Tests|docs|docker|config|bench|vendor|\.ci|\.github)\/[A-Za-z0-9_.\/-]+/
    let blocks = page.blocks.flatMap { $0.text.split(whereSeparator: \.isWhitespace) }
    for word in page.words.map(\.text) + blocks where word.wholeMatch(of: folders) != nil {
      // What is built or fetched is not in the repository.
      if word.hasPrefix("vendor/llhttp") || word.hasSuffix("NAME") { continue }
      #expect(access("\(DocumentedPage.root)/\(word)", F_OK) == 0, "\(path): \(word)")
    }
  }

  // MARK: Output

  /// The block that begins so.
  private func block(_ path: String, _ beginning: String) throws -> String {
    let blocks = try DocumentedPage(path).blocks
    return try #require(
      blocks.first { $0.text.hasPrefix(beginning) }?.text, "\(path): \(beginning)")
  }

  @Test func `the mistake that the README shows is told as it is shown`() throws {
    let text = try block("README.md", "listeners:").replacing("{path:", with: "{pth:")
    let told = DiagnosticRenderer.text(DocumentedPage.load(text), isColoured: false)
    #expect(told.contains(try block("README.md", "gateway.yaml:")), "\(told)")
  }

  @Test func `so is the one of the reference`() throws {
    let shown = try block("docs/configuration.md", "config/gateway.yaml:12:5:")
    let text =
      "routes:" + String(repeating: "\n", count: 10) + "- match:\n    pathh: /api/*\n"
    let told = DiagnosticRenderer.text(
      DocumentedPage.load(text, as: "config/gateway.yaml"), isColoured: false)
    #expect(told.contains(shown), "\(told)")
  }

  @Test(arguments: ["README.md", "docs/operating.md"])
  func `the difference that is shown is told as it is shown`(path: String) throws {
    let old = """
      listeners: [{address: 127.0.0.1:8080}]
      services:
        users: {backends: [10.0.0.1:9000, 10.0.0.2:9000, 10.0.0.4:9000], warm_up: 30s}
      routes:
        - {name: api, match: {path: /api/*}, service: users}
        - {name: canary, match: {path: /api/*, headers: {X-Canary: "1"}}, service: users}

      """
    let new = old.replacing("10.0.0.1:", with: "10.0.0.3:")
      .replacing("warm_up", with: "timeouts: {connect: 2s}, warm_up")
    let values = try [old, new].map { try #require(DocumentedPage.load($0).values) }
    let told = ConfigurationDiff(from: values[0], to: values[1]).text(isColoured: false)
    let shown = try block(path, "~ ").split(separator: "\n")
    #expect(shown.count >= 3)
    for line in shown where line.contains("users") {
      #expect(told.contains(line + "\n"), "\(line)\n\(told)")
    }
  }

  // MARK: Completeness

  @Test(arguments: DocumentedPage.generated)
  func `no row of a reference leaves a cell empty that should say something`(path: String) throws {
    let rows = try DocumentedPage(path).rows
    #expect(rows.count > 10)
    for (line, cells) in rows {
      for (column, cell) in cells.enumerated() where cell.isEmpty {
        // A mapping has no default of its own, and some metrics have no labels.
        let isMapping = path.hasSuffix("configuration.md") && cells[1].contains("keys")
        let hasNoLabels = path.hasSuffix("metrics.md") && column == 2
        let isHead = cells[0] == "key"
        #expect(isMapping || hasNoLabels || isHead, "\(path):\(line): column \(column + 1)")
      }
    }
  }

  @Test func `every reason has its row, with a cause and what helps`() throws {
    let rows = try DocumentedPage("docs/reasons.md").rows
    for reason in Reason.allCases where reason != .none {
      let row = try #require(rows.first { $0.cells[0] == "`\(reason.word)`" }, "\(reason)")
      #expect(row.cells.count == 5 && row.cells[2].count > 15 && row.cells[3].count > 10)
    }
  }
}
