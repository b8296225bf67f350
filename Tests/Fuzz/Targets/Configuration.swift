// Why this file exists: fuzzes the reader of configuration files, which people and programs write:
// whatever the bytes, it answers, says why it refuses, and says the same twice.
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
  return 0
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
