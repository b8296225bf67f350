// Why this file exists: the repository as the house rules see it: its text files, and Swift source
// with comments and strings blanked out.

import Glibc

struct SourceFile {
  /// Relative to the root of the repository.
  let path: String
  let text: String
  let lines: [Substring]

  var code: SwiftCode { Repository.code[path]! }
  var isTest: Bool { path.hasPrefix("Tests/") }
  /// The target: `Proxy` for Sources/Proxy/…, `ProxyTests` for Tests/ProxyTests/…; in the
  /// simulation each folder is one, and that of the world has the name of the whole.
  var room: String {
    let folders = path.split(separator: "/")
    guard folders.count > 2 else { return "" }
    if folders[1] != "Simulation" || folders[2] == "World" { return String(folders[1]) }
    if folders[2] == "Rehearsal" { return "Rehearsal" }
    return "Simulation/\(folders[2])"
  }
}

enum Repository {
  static let root: String = {
    let resolved = realpath(#filePath, nil)!
    defer { free(resolved) }
    return String(cString: resolved).split(separator: "/").dropLast(3)
      .map { "/" + $0 }.joined()
  }()

  /// All Swift files of the project itself.
  static let swift: [SourceFile] =
    files(below: "Sources") { $0.hasSuffix(".swift") }
    + files(below: "Tests") { $0.hasSuffix(".swift") }

  static var sources: [SourceFile] { swift.filter { !$0.isTest } }
  static var tests: [SourceFile] { swift.filter(\.isTest) }

  /// The code of those files, blanked once for all rules.
  static let code: [String: SwiftCode] = Dictionary(
    uniqueKeysWithValues: swift.map { ($0.path, SwiftCode($0.text)) })

  /// What operators read.
  static let documents: [SourceFile] =
    [file("README.md"), file("Sources/README.md")].compactMap { $0 }
    + files(below: "docs") { $0.hasSuffix(".md") }
    + files(below: "config") { $0.hasSuffix(".yaml") || $0.hasSuffix(".json") }

  static func file(_ path: String) -> SourceFile? {
    let descriptor = open(root + "/" + path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = read(descriptor, &buffer, buffer.count)
      guard count > 0 else { break }
      bytes += buffer[..<count]
    }
    let text = String(decoding: bytes, as: UTF8.self)
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    if lines.last == "" { lines.removeLast() }
    return SourceFile(path: path, text: text, lines: lines)
  }

  static func files(below folder: String, where wanted: (String) -> Bool) -> [SourceFile] {
    paths(below: folder).filter(wanted).sorted().compactMap { file($0) }
  }

  static func folders(below folder: String) -> [String] {
    entries(of: folder).filter(\.isFolder).map(\.name).sorted()
  }

  private static func paths(below folder: String) -> [String] {
    entries(of: folder).flatMap { entry in
      let path = folder + "/" + entry.name
      return entry.isFolder ? paths(below: path) : [path]
    }
  }

  private static func entries(of folder: String) -> [(name: String, isFolder: Bool)] {
    guard let directory = opendir(root + "/" + folder) else { return [] }
    defer { closedir(directory) }
    var entries: [(name: String, isFolder: Bool)] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name.hasPrefix(".") { continue }
      var facts = stat()
      lstat(root + "/" + folder + "/" + name, &facts)
      // What is linked stands elsewhere, and is looked at there.
      if facts.st_mode & S_IFMT == S_IFLNK { continue }
      entries.append((name, facts.st_mode & S_IFMT == S_IFDIR))
    }
    return entries
  }
}

/// One breach of a rule, as a compiler would show it.
struct Breach: CustomStringConvertible {
  let file: String
  let line: Int
  let what: String

  var description: String { "\(file):\(line): \(what)" }
}

func report(_ breaches: [Breach]) -> String {
  "\n" + breaches.map(\.description).joined(separator: "\n")
}
