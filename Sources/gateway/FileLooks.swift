// Why this file exists: when to look at the configuration file, and when what is seen there is a
// new configuration and not half of one, is a matter of time and contents alone; here it is a value
// that is told both.

import Primitives

/// Decides when the file is looked at, and what is made of it.
///
/// Nothing goes by times of modification: they miss an edit within one tick of the clock and a file
/// that was put back. Contents are compared by their hashes.
struct FileLooks {
  /// What one look at the file has found.
  enum Sight: Equatable {
    /// What stands for its bytes, and for those of the files that it names: hashes.
    case content(String)
    case empty
    /// Why it cannot be read.
    case unreadable(String)
  }

  enum Verdict: Equatable {
    case nothing
    /// This is whole and new: load it.
    case load
    /// There is nothing to load, which has not been told yet.
    case tell
  }

  /// What has not changed for so long is whole: an editor, or a copy to the file, writes faster.
  static let debounce = Duration.milliseconds(250)
  /// Looked at so often without being called. A single file that is mounted into a container, and
  /// files of some other machine, change without an event.
  static let period = Duration.seconds(2)

  /// The content that was loaded last, whatever came of that; nil when it could not be read.
  private var loaded: String?
  /// What was dealt with last; nil when that does not count any more.
  private var settled: Sight?
  /// What is there since then, and was not there before.
  private var candidate: (sight: Sight, since: Instant)?
  private var lastLook: Instant
  /// When to look next.
  private(set) var next: Instant

  /// - Parameter loaded: the hash of the content in use.
  init(loaded: String, now: Instant) {
    self.loaded = loaded
    settled = .content(loaded)
    lastLook = now
    next = now + FileLooks.period
  }

  /// Something has happened to the file. However often this comes, there is one look for each
  /// debounce.
  mutating func noticed(now: Instant) { next = min(next, max(now, lastLook + FileLooks.debounce)) }

  /// Nothing is to be loaded that was seen before this, unless somebody asks.
  func isLoaded(_ sight: Sight) -> Bool { loaded.map { sight == .content($0) } ?? false }

  /// A look has found this.
  mutating func saw(_ sight: Sight, now: Instant) -> Verdict {
    lastLook = now
    // What it held between is not dealt with any more, should it come back.
    if isLoaded(sight) { settled = sight }
    guard sight != settled else {
      candidate = nil
      next = now + FileLooks.period
      return .nothing
    }
    if candidate?.sight != sight { candidate = (sight, now) }
    let since = candidate?.since ?? now
    guard now - since >= FileLooks.debounce else {
      next = since + FileLooks.debounce
      return .nothing
    }
    candidate = nil
    settled = sight
    next = now + FileLooks.period
    switch sight {
    case .content(let hash): return hash == loaded ? .nothing : .load
    case .empty, .unreadable: return .tell
    }
  }

  /// This content was loaded, because of a look or because somebody has asked for it.
  mutating func loaded(_ hash: String) {
    loaded = hash
    settled = .content(hash)
    candidate = nil
  }

  /// Somebody has asked for the file, and it could not be read. What is found next is loaded, also
  /// when it is what is in use: until then the last reload counts as failed.
  mutating func couldNotLoad() {
    loaded = nil
    if case .content = settled { settled = nil }
  }
}
