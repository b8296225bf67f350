// Why this file exists: the gateway is linked with a libuv that is found at run time; whether it is
// the one that was compiled against is asked once, and its words for errors are given here.

import CLibUV
import Glibc

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

extension IOVector {
  /// Traps when the layout is not that of `uv_buf_t` and `iovec`.
  static func assertLayout() {
    precondition(MemoryLayout<IOVector>.size == MemoryLayout<uv_buf_t>.size)
    precondition(MemoryLayout<IOVector>.stride == MemoryLayout<iovec>.stride)
    precondition(
      MemoryLayout<uv_buf_t>.offset(of: \.len) == MemoryLayout<IOVector>.offset(of: \.count))
    precondition(
      MemoryLayout<uv_buf_t>.offset(of: \.base) == MemoryLayout<IOVector>.offset(of: \.base))
  }
}
