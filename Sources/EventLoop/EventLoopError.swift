// Why this file exists: setting something up (a loop, a socket, a thread) is the only part of this
// room that throws, and what it throws must read as one clear line.

import CLibUV
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

/// The system's words for an errno; takes it positive or negative, also libuv's own codes. Not for
/// the data plane.
package func errorText(_ code: Int32) -> String {
  let negative = code > 0 ? 0 - code : code
  if negative == 0 { return "no error" }
  return String(cString: uv_strerror(negative))
}

/// What this room needs of the libuv that was found at run time.
package enum EventLoopLibrary {
  /// Debian 12's libuv; what is newer is not used.
  package static let minimumVersion = (major: 1, minor: 44, patch: 2)

  /// The version found, as "1.44.2".
  package static var version: String { String(cString: uv_version_string()) }

  /// Call once, before the first loop. Fails when libuv is older than `minimumVersion` or laid out
  /// otherwise than the header this was compiled with.
  package static func verify() throws(EventLoopError) {
    let (major, minor, patch) = minimumVersion
    guard uv_version() >= UInt32(major << 16 | minor << 8 | patch) else {
      throw EventLoopError(
        operation: "libuv",
        reason: "\(major).\(minor).\(patch) or newer is needed, found \(version)")
    }
    let sizesAgree =
      uv_handle_size(UV_POLL) <= MemoryLayout<uv_poll_t>.size
      && uv_handle_size(UV_IDLE) <= MemoryLayout<uv_idle_t>.size
      && uv_handle_size(UV_TIMER) <= MemoryLayout<uv_timer_t>.size
    guard sizesAgree else {
      throw EventLoopError(
        operation: "libuv", reason: "found \(version), whose handles do not fit those compiled in")
    }
    IOVector.assertLayout()
  }
}

/// Whether a connect ended because nobody listens there (or the socket's file is not there).
package func isRefusal(_ status: Int32) -> Bool {
  status == 0 - ECONNREFUSED || status == 0 - ENOENT
}
