// Why this file exists: the bytes of a probe are the same every time; they are put together once
// and stay where the system can read them until the last write of them is over.

/// An encoded request. Held by everything that may still be writing it.
final class ProbeRequest {
  let bytes: UnsafeBufferPointer<UInt8>

  /// Path and host were checked with the configuration: what could end a line early is not in them.
  ///
  /// `Connection: close`, because a backend that takes new connections is what traffic needs; it
  /// also leaves the waiting after the close (TIME_WAIT) to the backend's side.
  init(_ question: ProbeCheck.Question, userAgent: String) {
    for text in [question.path, question.host, userAgent] {
      precondition(text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f })
    }
    let text = """
      GET \(question.path) HTTP/1.1\r
      Host: \(question.host)\r
      User-Agent: \(userAgent)\r
      Accept: */*\r
      Connection: close\r
      \r\n
      """
    let room = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: text.utf8.count)
    _ = room.initialize(from: text.utf8)
    bytes = UnsafeBufferPointer(room)
  }

  deinit { bytes.deallocate() }
}
