// Why this file exists: what the gateway has to say about itself is one JSON object a line on
// stderr, for a machine to collect; swift-log is the front, this is its handler. Requests are not
// logged here but in the access log.

import Admin
import EventLoop
import Logging
import Primitives
import Synchronization
import Telemetry

/// Writes `{"time":…,"level":…,"msg":…}` and then the metadata, sorted by key.
struct DiagnosticLog: LogHandler {
  var metadata: Logger.Metadata = [:]
  /// One for the whole process, whichever logger it is set on: a reload may change it.
  var logLevel: Logger.Level {
    get { DiagnosticLog.level }
    nonmutating set { DiagnosticLog.level = newValue }
  }

  static var level: Logger.Level {
    get { Logger.Level.allCases[Int(levelPlace.load())] }
    set { levelPlace.store(place(of: newValue)) }
  }

  /// Writes for a process that must not wait; without one a line is written by who logs it.
  private static let output = Mutex<DiagnosticOutput?>(nil)

  private static let levelPlace = SharedWord.allocate(place(of: .info))

  /// Among all levels.
  private static func place(of level: Logger.Level) -> UInt64 {
    UInt64(Logger.Level.allCases.firstIndex(of: level) ?? 0)
  }

  /// Makes this the handler of every logger. Once, before the first logger is made.
  static func install() {
    LoggingSystem.bootstrap { _ in DiagnosticLog() }
  }

  /// From now on lines are written by a thread of their own.
  static func start() throws(EventLoopError) {
    let started = try DiagnosticOutput.start(2) { lost in
      line(
        nanoseconds: WallClock.nanoseconds(), level: .warning,
        message: "diagnostics were lost: standard error does not take them fast enough",
        fields: ["lines": "\(lost)"])
    }
    output.withLock { $0 = started }
  }

  /// Waits until all lines are written, for a second at most.
  static func finish() { output.withLock { $0.take() }?.finish() }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    var fields = metadata.merging(event.metadata ?? [:]) { _, new in new }
    if let error = event.error { fields["error"] = "\(error)" }
    let line = Self.line(
      nanoseconds: WallClock.nanoseconds(), level: event.level, message: event.message.description,
      fields: fields)
    Self.write(line)
  }

  /// Whole lines, in their order among those that are logged.
  static func write(_ lines: [UInt8]) {
    if let output = output.withLock({ $0 }) { return output.append(lines) }
    lines.withUnsafeBytes { bytes in
      // A stderr that is full or closed costs the line; there is nowhere to complain.
      _ = bytes.baseAddress.map { Descriptor.write(2, $0, bytes.count) }
    }
  }

  /// One line, with its end. `nanoseconds` since 1970.
  static func line(
    nanoseconds: Int64, level: Logger.Level, message: String, fields: Logger.Metadata
  ) -> [UInt8] {
    var json = JSONWriter()
    json.beginObject()
    json.member("time", time(nanoseconds))
    json.member("level", word(level))
    json.member("msg", message)
    for (key, value) in fields.sorted(by: { $0.key < $1.key }) { json.member(key, "\(value)") }
    json.endObject()
    return json.finished
  }

  /// RFC 3339, in UTC. `nanoseconds` since 1970.
  static func time(_ nanoseconds: Int64) -> String {
    String(unsafeUninitializedCapacity: Timestamp.length) { room in
      guard let base = room.baseAddress else { return 0 }
      var timestamp = Timestamp()
      timestamp.write(nanoseconds: nanoseconds, to: base)
      return Timestamp.length
    }
  }

  /// swift-log has seven levels, the contract four.
  private static func word(_ level: Logger.Level) -> String {
    switch level {
    case .trace, .debug: "debug"
    case .info, .notice: "info"
    case .warning: "warning"
    case .error, .critical: "error"
    }
  }
}
