// Why this file exists: which file's content is in use, since when, and what came of the last
// attempt to take another: one place that reloads write and everyone who reports reads.

import Configuration
import EventLoop

/// What is known of the configuration in use. For the control loop's thread.
final class ConfigurationInUse {
  /// How the last reload ended.
  struct Attempt {
    enum Result: String { case applied, unchanged, refused }

    var result: Result
    /// What asked for it.
    var trigger: String
    /// Nanoseconds since 1970.
    var at: Int64
  }

  let path: String
  private(set) var loaded: ConfigurationReport.Loaded
  /// What the process was started with: what cannot change while it runs is still that.
  let started: ConfigurationValue
  /// What the file says otherwise than that, and what takes a restart.
  private(set) var pending: [ConfigurationChange] = []
  /// The configuration in use was read then: nanoseconds since 1970.
  private(set) var since = WallClock.nanoseconds()
  private(set) var lastAttempt: Attempt?
  private(set) var successes: UInt64 = 0
  private(set) var failures: UInt64 = 0
  /// What was wrong with the last attempt; nil when nothing was.
  private(set) var refused: ConfigurationResult?

  init(_ loaded: ConfigurationReport.Loaded) {
    path = loaded.path
    self.loaded = loaded
    started = loaded.values
  }

  /// The content was read, and found good: from now on it is the one in use, if it was not before.
  func accepted(
    _ loaded: ConfigurationReport.Loaded, _ result: Attempt.Result, trigger: String,
    pending: [ConfigurationChange]
  ) {
    self.loaded = loaded
    self.pending = pending
    since = WallClock.nanoseconds()
    successes += 1
    refused = nil
    lastAttempt = Attempt(result: result, trigger: trigger, at: since)
  }

  /// True when the same errors of the same content have not been refused the time before.
  func wasRefused(_ result: ConfigurationResult, trigger: String) -> Bool {
    let isNew =
      refused?.contentHash != result.contentHash || refused?.diagnostics != result.diagnostics
    failures += 1
    refused = result
    lastAttempt = Attempt(result: .refused, trigger: trigger, at: WallClock.nanoseconds())
    return isNew
  }
}
