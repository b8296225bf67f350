// Why this file exists: what a reload has changed is told three times: in the log, to who has asked
// for it, and as long as something waits for a restart, to who looks.

import Admin
import Configuration
import Logging

/// What a configuration changes. To be worked out away from the control loop: comparing thousands
/// of routes takes longer than a health probe should wait.
struct ReloadDifference: Sendable {
  /// From the one in use, without what has to wait for a restart.
  let live: ConfigurationDiff
  /// What the file says otherwise than what the process was started with, and cannot change while
  /// it runs.
  let pending: [ConfigurationChange]

  init(started: ConfigurationValue, inUse: ConfigurationValue, next: ConfigurationValue) {
    live = ConfigurationDiff(from: inUse, to: next).live
    pending = ConfigurationDiff.needingRestart(from: started, to: next)
  }
}

/// What became different with a configuration that was put to use.
struct ReloadReport {
  let difference: ConfigurationDiff
  let pending: [ConfigurationChange]
  let generation: UInt64
  let hash: String

  /// Lines of the log; the rest is counted.
  private static let lineLimit = 50

  init(_ difference: ReloadDifference, generation: UInt64, hash: String) {
    self.difference = difference.live
    pending = difference.pending
    self.generation = generation
    self.hash = hash
  }

  /// One line that says that it was, and one for each change.
  func tell(_ log: Logger, trigger: String) {
    var fields: Logger.Metadata = [
      "by": "\(trigger)", "generation": "\(generation)", "hash": "\(hash)",
      "changes": "\(difference.summary)",
    ]
    if let kept = difference.kept.words { fields["kept"] = "\(kept)" }
    log.notice("configuration reloaded", metadata: fields)
    for line in difference.lines(atMost: ReloadReport.lineLimit) {
      log.notice("reload: \(line)")
    }
    for change in pending {
      log.warning("reload: in the file, and not in use before a restart: \(change.text)")
    }
  }

  /// The answer to POST /reload.
  func answer(_ format: AdminFormat) -> [UInt8] {
    switch format {
    case .text:
      let waiting = pending.map { "not in use before a restart: \($0.text)\n" }.joined()
      let changes =
        difference.isEmpty ? "no rule is different\n" : difference.text(isColoured: false)
      return Array(("reloaded; generation \(generation)\n" + changes + waiting).utf8)
    case .json:
      var json = JSONWriter()
      json.beginObject()
      json.member("result", ConfigurationInUse.Attempt.Result.applied.rawValue)
      json.member("generation", generation)
      json.member("hash", hash)
      json.key("difference")
      json.written(difference.json)
      json.key("needs_restart")
      json.beginArray()
      for change in pending { json.string(change.path) }
      json.endArray()
      json.endObject()
      return json.finished
    }
  }
}

extension Reloads.Outcome {
  /// The answer to POST /reload.
  func verdict(_ format: AdminFormat, _ inUse: ConfigurationInUse, generation: UInt64)
    -> AdminReloadVerdict
  {
    switch self {
    case .applied(let report): return .applied(report.answer(format))
    case .unchanged:
      if format == .text { return .applied(Array("nothing has changed\n".utf8)) }
      var json = JSONWriter()
      json.beginObject()
      json.member("result", ConfigurationInUse.Attempt.Result.unchanged.rawValue)
      json.member("generation", generation)
      json.member("hash", inUse.loaded.contentHash)
      json.endObject()
      return .applied(json.finished)
    case .refused(let result): return .refused(ReloadReport.errors(of: result, format))
    case .unavailable: return .unavailable("the gateway is stopping")
    }
  }
}

// MARK: - What was wrong

extension ReloadReport {
  /// As `gateway check` has it; of no result an empty text, and an empty array.
  static func errors(of result: ConfigurationResult?, _ format: AdminFormat) -> [UInt8] {
    switch format {
    case .json: Array(DiagnosticRenderer.json(result.map { [$0] } ?? []).utf8)
    case .text:
      Array((result.map { DiagnosticRenderer.text($0, isColoured: false) } ?? "").utf8)
    }
  }

  /// A terminal is shown the file as a compiler does it, a collector of logs a line for each error.
  static func tellRefusal(
    _ result: ConfigurationResult, _ log: Logger, trigger: String, generation: UInt64
  ) {
    let count = result.diagnostics.count { $0.severity == .error } + result.surplusErrors
    log.error(
      "reload refused: the configuration in use stays",
      metadata: [
        "by": "\(trigger)", "errors": "\(count)", "generation": "\(generation)",
        "hash": "\(result.contentHash)",
      ])
    tell(result, log, .error)
  }

  /// The warnings about a configuration that was put to use.
  static func tellWarnings(of result: ConfigurationResult, _ log: Logger) {
    tell(result, log, .warning)
  }

  private static func tell(
    _ result: ConfigurationResult, _ log: Logger, _ severity: Diagnostic.Severity
  ) {
    if result.diagnostics.isEmpty { return }
    if ConfigurationReport.isTerminal(2) {
      let text = DiagnosticRenderer.text(
        result, isColoured: ConfigurationReport.showsColour(2))
      return DiagnosticLog.write(Array(text.utf8))
    }
    let told = result.diagnostics.filter { $0.severity == severity }
    for diagnostic in told.prefix(lineLimit) {
      let line = "\(diagnostic.file):\(diagnostic.line):\(diagnostic.column): "
      let hint = diagnostic.suggestion.map { "; \($0)" } ?? ""
      log.log(
        level: severity == .error ? .error : .warning,
        "\(line)\(severity.rawValue): \(diagnostic.message)\(hint)",
        metadata: ["code": "\(diagnostic.code.rawValue)", "path": "\(diagnostic.path)"])
    }
  }
}
