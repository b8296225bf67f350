// Why this file exists: fuzzes the reader of configuration files, which people and programs write:
// whatever the bytes, it answers, says why it refuses, and says the same twice. What it takes it
// writes out with all defaults, and reads again as the same; and no key that is there twice passes.
import Configuration
import Glibc

func fuzzConfiguration(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let input = Array(UnsafeBufferPointer(start: bytes, count: count))
  let first = ConfigurationLoader.load(input, fileName: "fuzz.yaml", environment: environment())
  let second = ConfigurationLoader.load(input, fileName: "fuzz.yaml", environment: environment())
  demand(first.diagnostics == second.diagnostics, "the same complaints twice")
  demand(first.contentHash == second.contentHash, "the same hash twice")
  demand(
    first.isValid == (first.configuration != nil),
    "a configuration exactly when there is no error")
  for diagnostic in first.diagnostics {
    demand(!diagnostic.message.isEmpty, "a complaint says something")
    demand(diagnostic.line >= 0 && diagnostic.column >= 0, "and where")
    demand(!diagnostic.message.contains(secret), "no secret in a message")
    demand(!(diagnostic.excerpt ?? "").contains(secret), "no secret in an excerpt")
  }
  demand(!DiagnosticRenderer.text(first, isColoured: false).contains(secret), "no secret printed")
  guard first.isValid, let values = first.values else {
    Tally.refused()
    return 0
  }
  Tally.forwarded()
  checkWritten(values)
  demand(!hasDoubleKey(input), "a key that is there twice is an error")
  return 0
}

/// What is in effect, written out, means the same.
private func checkWritten(_ values: ConfigurationValue) {
  let text = EffectiveConfiguration.json(values)
  demand(!text.contains(secret), "no secret in what is in effect")
  // What stands for a secret cannot be read again.
  if text.contains("(redacted)") { return }
  let again = ConfigurationLoader.load(
    Array(text.utf8), fileName: "effective.json", environment: environment())
  if getenv("FUZZ_SHOW") != nil {
    print(text, DiagnosticRenderer.text(again, isColoured: false))
    fflush(nil)
  }
  demand(again.isValid, "what is in effect can be read")
  demand(again.values.map(EffectiveConfiguration.json) == text, "and means the same")
}

/// Two keys of one mapping are the same, in a file of nothing but plain keys, entries and values:
/// of any other this reader knows nothing, and says no.
private func hasDoubleKey(_ input: [UInt8]) -> Bool {
  guard let text = String(validating: input, as: UTF8.self) else { return false }
  let strange: Set<Character> = [
    "\"", "'", "&", "!", "|", ">", "{", "[", "#", "%", "?", "<", "`", "@", "\t", "\r", "\r\n",
  ]
  let isStrange = text.contains { strange.contains($0) || !$0.isASCII }
  // A star within a path is none that begins an alias.
  if isStrange || text.contains(" *") { return false }
  // The keys of the mappings that are open, by the column where they stand.
  var open: [(column: Int, keys: Set<Substring>)] = []
  for line in text.split(separator: "\n") {
    var rest = line.drop { $0 == " " }
    if rest.isEmpty { continue }
    var column = line.count - rest.count
    while rest.hasPrefix("- ") {
      open.removeAll { $0.column > column }
      rest = rest.dropFirst(2)
      column += 2
      if rest.first == " " { return false }
    }
    guard let colon = rest.firstIndex(of: ":"),
      rest[colon...].hasPrefix(": ") || rest[colon...] == ":",
      rest[..<colon].allSatisfy({ $0.isLetter || $0.isNumber || $0 == "_" })
    else { return false }
    open.removeAll { $0.column > column }
    let key = rest[..<colon]
    if line.drop(while: { $0 == " " }).hasPrefix("- ") || open.last?.column != column {
      open.removeAll { $0.column == column }
      open.append((column, [key]))
    } else if !open[open.count - 1].keys.insert(key).inserted {
      return true
    }
  }
  return false
}

/// What `${SECRET}` and `${file:…}` stand for; it may never be shown.
private let secret = "hunter2-swordfish"

private func environment() -> ConfigurationEnvironment {
  ConfigurationEnvironment(
    variable: { name in
      switch name {
      case "SECRET": secret
      case "PORT": "8080"
      case "EMPTY": ""
      default: nil
      }
    },
    file: { path in
      path == "/run/secrets/admin" ? .success(Array(secret.utf8)) : .failure(.system(ENOENT))
    })
}
