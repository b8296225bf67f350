// Why this file exists: reading and writing a descriptor by plain system calls, for logs and small
// files, with the one mistake that everybody makes (a signal in between) made impossible.

import Glibc

/// Plain system calls on a descriptor.
package enum Descriptor {
  /// Writes once; again when a signal came first. Bytes taken, or -errno (-EAGAIN when it would
  /// block).
  package static func write(_ descriptor: Int32, _ base: UnsafeRawPointer, _ count: Int) -> Int {
    while true {
      let result = Glibc.write(descriptor, base, count)
      if result >= 0 { return result }
      if errno != EINTR { return 0 - Int(errno) }
    }
  }

  /// Writes until all is taken or the descriptor fails; waits as long as it must, also where a
  /// write does not wait by itself. Gives the bytes taken.
  package static func writeAll(_ descriptor: Int32, _ base: UnsafeRawPointer, _ count: Int) -> Int {
    var done = 0
    while done < count {
      let taken = write(descriptor, base + done, count - done)
      if taken > 0 {
        done += taken
      } else if taken == 0 - Int(EAGAIN) {
        var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = poll(&wait, 1, -1)
      } else {
        break
      }
    }
    return done
  }

  /// Reads once; again when a signal came first. Bytes read, 0 at the end, or -errno.
  package static func read(_ descriptor: Int32, _ base: UnsafeMutableRawPointer, _ count: Int)
    -> Int
  {
    while true {
      let result = Glibc.read(descriptor, base, count)
      if result >= 0 { return result }
      if errno != EINTR { return 0 - Int(errno) }
    }
  }

  /// Opens a file for adding to its end, making it (mode 0640) where it is missing. The descriptor,
  /// or -errno. Does not wait for the reader of a pipe.
  package static func openForAppending(_ path: String) -> Int32 {
    while true {
      let result = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0o640)
      if result >= 0 { return result }
      if errno != EINTR { return 0 - errno }
    }
  }

  /// Not repeated when a signal came first: on Linux the descriptor is gone all the same.
  package static func close(_ descriptor: Int32) { _ = Glibc.close(descriptor) }

  /// The whole of a small file, or nil when it cannot be read or is longer than `limit` bytes.
  package static func contents(of path: String, limit: Int) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = chunk.withUnsafeMutableBytes {
        read(descriptor, $0.baseAddress.unsafelyUnwrapped, 4096)
      }
      if count == 0 { return bytes }
      if count < 0 || bytes.count + count > limit { return nil }
      bytes.append(contentsOf: chunk[..<count])
    }
  }
}
