// Why this file exists: reference pages are made from the tables in the code, so that they cannot
// say anything else; a test compares what is committed with what would be made.

import Configuration
import EventLoop
import Glibc
import HTTPSemantics
import Telemetry

/// A file of the checkout that `make docs` writes.
struct GeneratedPage {
  struct Failure: Error, CustomStringConvertible {
    var description: String
  }

  /// From the top of the checkout.
  let path: String
  let text: String

  static var all: [GeneratedPage] {
    [
      GeneratedPage(path: "config/gateway.schema.json", text: JSONSchemaWriter.text),
      GeneratedPage(path: "config/scenario.schema.json", text: JSONSchemaWriter.scenario),
      GeneratedPage(path: "docs/configuration.md", text: ConfigurationReference.markdown()),
      GeneratedPage(path: "docs/metrics.md", text: MetricsReference.markdown()),
      GeneratedPage(path: "docs/reasons.md", text: ReasonReference.markdown()),
      GeneratedPage(path: "docs/scenarios.md", text: ScenarioReference.markdown()),
    ]
  }

  /// Writes beside the file first and renames, so that a reader never sees half of it.
  func write(into directory: String) throws(Failure) {
    let target = "\(directory)/\(path)"
    let temporary = "\(target).new"
    unlink(temporary)
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw failure(temporary) }
    defer { close(descriptor) }
    guard Output.write(text, to: descriptor) else { throw failure(temporary) }
    guard rename(temporary, target) == 0 else { throw failure(target) }
  }

  private func failure(_ path: String) -> Failure {
    Failure(description: "\(path): \(errorText(errno))")
  }
}
