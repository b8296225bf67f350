// Why this file exists: whoever can write the configuration can do much, but not make the gateway
// run out of memory, run for ever or crash: a reload must survive every file.
import Primitives
import Testing

@testable import Configuration

@Suite struct HostileInputTests {
  private func codes(_ text: String) -> [DiagnosticCode] { load(text).diagnostics.map(\.code) }

  @Test func `aliases of aliases are refused before they are expanded`() {
    var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for level in 1...30 {
      let aliases = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
      text += "a\(level): &a\(level) [\(aliases)]\n"
    }
    #expect(
      load(text).diagnostics.map(\.message) == ["aliases stand for more than 100000 values"])
  }

  @Test func `many aliases of one large value are refused`() {
    let entries = Array(repeating: "10.0.0.1", count: 1_000).joined(separator: ", ")
    let aliases = Array(repeating: "*a", count: 101).joined(separator: ", ")
    #expect(codes("a: &a [\(entries)]\nb: [\(aliases)]\n") == [.alias])
  }

  @Test func `aliases cannot make a tree deeper than the file`() {
    var text = "a0: &a0 " + String(repeating: "[", count: 30) + String(repeating: "]", count: 30)
    for level in 1...5 {
      text += "\na\(level): &a\(level) " + String(repeating: "[", count: 30) + "*a\(level - 1)"
        + String(repeating: "]", count: 30)
    }
    #expect(codes(text) == [.tooDeep])
  }

  @Test(arguments: ["[", "{", "{a: ", "- ", "? "])
  func `values may be nested to a depth of sixty-four`(opening: String) {
    #expect(codes(String(repeating: opening, count: 50_000)) == [.tooDeep])
  }

  @Test func `a million values are the most`() {
    let text = "a: [" + String(repeating: "x,", count: 1_000_001) + "]"
    #expect(codes(text) == [.tooManyValues])
  }

  @Test func `a file above sixteen mebibytes is refused unread`() {
    let bytes = [UInt8](repeating: 0x20, count: (16 << 20) + 1)
    let result = ConfigurationLoader.load(bytes, fileName: "g", environment: environment())
    #expect(
      result.diagnostics.map(\.message) == ["the file is larger than 16 MiB"])
    let endless = ConfigurationLoader.load(path: "/dev/zero", environment: environment())
    #expect(
      endless.diagnostics.map(\.message)
        == ["the file cannot be read: it is larger than 16 MiB"])
  }

  @Test func `a long line, key or scalar makes no long message`() {
    let long = String(repeating: "a", count: 1 << 16)
    for text in [
      "\(long)", "workers: \(long)", "? \(long)\n: x", "services: {? \(long) : {}}",
      "routes: [{name: \(long), service: \(long), match: {path: \(long)}}]",
      "admin: {token: \"${\(long)}\"}", "admin: {token: \"${file:/\(long)}\"}",
      "listeners: [{address: \(long):80}]", "a: &\(long) b", "a: *\(long)",
    ] {
      let printed = printed(text)
      #expect(!printed.isEmpty)
      #expect(printed.utf8.count < 20_000, "\(text.prefix(30))")
    }
  }

  @Test func `ten thousand routes, services and backends are read`() throws {
    var text = "listeners: [{address: 127.0.0.1:80}]\nservices:\n"
    for index in 0..<1_000 {
      text += "  s\(index): {backends: [10.0.\(index / 250).\(index % 250):80]}\n"
    }
    text += "routes:\n"
    for index in 0..<10_000 {
      text += "  - {match: {path: /r\(index)/*}, service: s\(index % 1_000)}\n"
    }
    let gateway = try configuration(text)
    #expect(gateway.routes.count == 10_000)
    #expect(gateway.routes[9_999].services[0].service == 999)
  }

  /// Seeded changes to a good file: whatever comes out, the loader comes back, its complaints have
  /// places inside the file, and a file it accepts is complete.
  @Test(arguments: [1, 2, 3, 4] as [UInt64])
  func `no bytes crash the loader`(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let originals = try ["config/gateway.yaml", "config/examples/api-and-site.yaml"].map {
      try Array(ConfigurationFile.read(projectPath($0)))
    }
    let pieces = [
      "\t", "\n", "  ", ": ", "- ", "${", "}", "[", "]", "{", "*a", "&a ", "|", ">", "'", "\"",
      "#", "---\n", "!!x ", "<<: ", "\u{FEFF}", "\0", "%", "012", "22:22", "none", "é", "? ",
    ].map { Array($0.utf8) }
    for _ in 0..<150 {
      var bytes = originals[Int(random.next() % 2)]
      for _ in 0...(random.next() % 6) {
        let place = Int(random.next() % UInt64(bytes.count))
        switch random.next() % 5 {
        case 0: bytes[place] = UInt8(truncatingIfNeeded: random.next())
        case 1: bytes.remove(at: place)
        case 2:
          let piece = pieces[Int(random.next() % UInt64(pieces.count))]
          bytes.insert(contentsOf: piece, at: place)
        case 3: bytes.removeSubrange(place..<min(bytes.count, place + Int(random.next() % 200)))
        default: bytes.insert(contentsOf: bytes[place..<min(bytes.count, place + 80)], at: 0)
        }
        if bytes.isEmpty { bytes = [0x0A] }
      }
      check(bytes)
    }
  }

  private func check(_ bytes: [UInt8]) {
    let outside = environment(["SITE_BACKEND": "10.9.9.9:1"], warns: true)
    let result = ConfigurationLoader.load(bytes, fileName: "g", environment: outside)
    let lineCount = bytes.count { $0 == 0x0A || $0 == 0x0D } + 1
    for diagnostic in result.diagnostics {
      let isPlaced = diagnostic.line <= lineCount + 1 && diagnostic.column >= 0
      #expect(isPlaced && diagnostic.endColumn >= diagnostic.column, "\(diagnostic)")
    }
    let text = DiagnosticRenderer.text(result, isColoured: false)
    #expect(text.isEmpty == result.diagnostics.isEmpty)
    #expect(result.isValid || result.configuration == nil)
    if result.isValid && !result.diagnostics.contains(where: { $0.code == .missingFile }) {
      #expect(result.configuration != nil, "\(String(decoding: bytes, as: UTF8.self))")
    }
  }
}
