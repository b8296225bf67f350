// Why this file exists: what is printed goes out whole, and a file that cannot be written is told.

import Glibc

enum Screen {
  /// On a terminal, unless the user does not want it (no-color.org).
  static func showsColour(_ descriptor: Int32) -> Bool {
    isatty(descriptor) == 1 && getenv("NO_COLOR") == nil
  }

  /// One line about what went wrong, to standard error.
  static func complain(_ text: String) { _ = write("gateway simulate: \(text)\n", to: 2) }

  /// All of a text; false when the descriptor does not take it.
  static func write(_ text: String, to descriptor: Int32) -> Bool {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      if count <= 0 { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }

  static func write(_ text: String, toFile path: String) -> Bool {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    let isWritten = descriptor >= 0 && write(text, to: descriptor)
    if !isWritten { complain("\(path): \(String(cString: strerror(errno)))") }
    if descriptor >= 0 { close(descriptor) }
    return isWritten
  }
}
