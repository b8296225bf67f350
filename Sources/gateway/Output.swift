// Why this file exists: what the short commands print, written whole and at once; `print` would
// buffer it and drop an error.

import EventLoop

enum Output {
  /// To standard output. Nobody reads: there is no one to tell.
  static func write(_ text: String) { _ = write(text, to: 1) }

  /// One line about what went wrong, to standard error.
  static func complain(_ text: String) { _ = write("gateway: \(text)\n", to: 2) }

  /// All of a text; false when the descriptor does not take it.
  static func write(_ text: String, to descriptor: Int32) -> Bool {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { bytes in
        Descriptor.write(descriptor, bytes.baseAddress.unsafelyUnwrapped, bytes.count)
      }
      if count <= 0 { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }
}
