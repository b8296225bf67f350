// Why this file exists: what the control loop tells the operator is tested as the lines that its
// log was given, in order.

import Logging
import Synchronization

/// The lines of a log, and whatever else a test notes among them.
final class LogLines: Sendable {
  private let lines = Mutex<[String]>([])

  func add(_ line: String) { lines.withLock { $0.append(line) } }

  /// What has come since the last call.
  func take() -> [String] {
    lines.withLock { lines in
      defer { lines = [] }
      return lines
    }
  }

  /// Writes `level: message` here, with `name=value` for each field where they are asked for.
  func logger(withFields: Bool = false) -> Logger {
    Logger(label: "test") { _ in Handler(lines: self, withFields: withFields) }
  }

  private struct Handler: LogHandler {
    let lines: LogLines
    let withFields: Bool
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .info
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }
    func log(event: LogEvent) {
      let fields = withFields ? (event.metadata ?? [:]).sorted { $0.key < $1.key } : []
      let words = ["\(event.level): \(event.message)"] + fields.map { "\($0.key)=\($0.value)" }
      lines.add(words.joined(separator: " "))
    }
  }
}
