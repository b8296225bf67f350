// Why this file exists: setting something up (a loop, a socket, a thread) is the only part of this
// room that throws, and what it throws must read as one clear line.

import Glibc

/// A system call or a libuv call that failed while something was being set up.
package struct EventLoopError: Error, Equatable, CustomStringConvertible {
  /// What was being done, for people: "listen on 127.0.0.1:8080".
  package let operation: String
  /// errno (or one of libuv's own codes), positive; 0 when `reason` says it all.
  package let code: Int32
  /// What is wrong, for people.
  package let reason: String

  /// Takes the code positive or negative.
  package init(operation: String, code: Int32) {
    self.operation = operation
    self.code = code < 0 ? 0 - code : code
    self.reason = errorText(code)
  }

  package init(operation: String, code: Int32 = 0, reason: String) {
    self.operation = operation
    self.code = code
    self.reason = reason
  }

  package var description: String { "\(operation): \(reason)" }
}

/// Whether a connect ended because nobody listens there (or the socket's file is not there).
package func isRefusal(_ status: Int32) -> Bool {
  status == 0 - ECONNREFUSED || status == 0 - ENOENT
}
