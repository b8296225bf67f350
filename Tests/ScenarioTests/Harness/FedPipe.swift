// Why this file exists: a pipe has something to say when a test says so, and until then whoever
// opens it waits.

import Glibc

/// A named pipe that a test writes to, once somebody reads it.
final class FedPipe {
  let path: String
  private var writer: Int32 = -1
  /// Ours, so that a write to a pipe whose reader has gone is no SIGPIPE.
  private var reader: Int32 = -1

  /// Takes the place of what is there, without a moment in which there is nothing.
  init(_ path: String) {
    self.path = path
    precondition(mkfifo(path + "~", 0o600) == 0, "mkfifo: \(errorText(errno))")
    precondition(rename(path + "~", path) == 0, "rename: \(errorText(errno))")
  }

  deinit { end() }

  func waitForReader(line: UInt = #line) throws {
    try eventually("a reader of the pipe", line: line) {
      writer = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC)
      return writer >= 0
    }
    reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
  }

  func write(_ text: String) { _ = Glibc.write(writer, text, text.utf8.count) }

  /// What was written is all.
  func end() {
    for descriptor in [writer, reader] where descriptor >= 0 { close(descriptor) }
    (writer, reader) = (-1, -1)
  }
}
