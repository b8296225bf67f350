// Why this file exists: the few things that the data plane asks of the system itself: the time of
// day, and files for its log.

import Glibc
import Primitives

/// The time of day.
package enum WallClock {
  /// The virtual clock's origin is 2026-01-01T00:00:00 UTC.
  package static func nanoseconds() -> Int64 {
    1_767_225_600_000_000_000 + Int64(Network.current.pointee.now)
  }
}

/// Files that exist only here: what is written to one is counted, and told to who wants to know.
package enum Descriptor {
  package static func writeAll(_ descriptor: Int32, _ base: UnsafeRawPointer, _ count: Int) -> Int {
    Network.current.pointee.onWrite?(UnsafeRawBufferPointer(start: base, count: count))
    return count
  }

  /// Every path can be written to.
  package static func openForAppending(_ path: String) -> Int32 {
    let network = Network.current
    network.pointee.files += 1
    network.pointee.fileNumber += 1
    return network.pointee.fileNumber
  }

  package static func close(_ descriptor: Int32) { Network.current.pointee.files -= 1 }
}

package func errorText(_ code: Int32) -> String { String(cString: strerror(abs(code))) }
