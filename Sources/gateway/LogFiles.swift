// Why this file exists: a log may be larger than memory, rotated into several files, cut anywhere,
// or come through a pipe. It is read in pieces of one size, and handed on line by line.

import EventLoop
import Glibc
import Primitives
import Replaying

/// Logs that are read one after the other.
struct LogFiles {
  struct Failure: Error, CustomStringConvertible {
    var description: String
  }

  private struct File {
    var path: String
    var descriptor: Int32
    /// In bytes; 0 when nobody knows.
    var size: Int
    /// Of its first line that has one.
    var firstTime: Int64?
  }

  /// So much is read at a time; a line that is longer is no line of a log.
  private static let pieceSize = 1 << 20
  /// So much lies between two words on how far it is.
  private static let progressStep = 16 << 20

  private var files: [File] = []

  /// Opens all of them before any is read. Rotated logs are read in the order of their first
  /// lines, however they were named.
  init(_ paths: [String]) throws(Failure) {
    for path in paths {
      let file = try LogFiles.open(path)
      files.append(file)
    }
    if files.allSatisfy({ $0.firstTime != nil }) {
      files = files.enumerated().sorted { left, right in
        let times = (left.element.firstTime ?? 0, right.element.firstTime ?? 0)
        return times.0 != times.1 ? times.0 < times.1 : left.offset < right.offset
      }.map(\.element)
    }
  }

  func close() { for file in files where file.descriptor > 0 { Descriptor.close(file.descriptor) } }

  /// As messages call them, in the order in which they are read.
  var names: [String] { files.map { $0.path == "-" ? "stdin" : $0.path } }

  private static func open(_ path: String) throws(Failure) -> File {
    if path == "-" { return File(path: path, descriptor: 0, size: 0, firstTime: nil) }
    let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
    if descriptor < 0 { throw failure(path, errno) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      return File(path: path, descriptor: descriptor, size: 0, firstTime: nil)
    }
    var beginning = [UInt8](repeating: 0, count: 64 * 1024)
    let count = beginning.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
    beginning.removeLast(beginning.count - max(count, 0))
    if beginning.starts(with: [0x1f, 0x8b]) {
      let words = "is compressed; give it through a pipe: zcat \(path) | gateway replay --log - …"
      throw Failure(description: "\(path) \(words)")
    }
    return File(
      path: path, descriptor: descriptor, size: Int(status.st_size),
      firstTime: firstTime(beginning))
  }

  private static func firstTime(_ bytes: [UInt8]) -> Int64? {
    var reader = LogLineReader()
    defer { reader.destroy() }
    for line in bytes.split(separator: 0x0a) {
      let isRequest = line.withUnsafeBufferPointer { bytes in
        bytes.baseAddress.map { reader.read(ByteSlice($0, bytes.count)) } == .request
      }
      if isRequest { return reader.line.time }
    }
    return nil
  }

  private static func failure(_ path: String, _ code: Int32) -> Failure {
    Failure(description: "\(path): \(String(cString: strerror(code)))")
  }

  // MARK: Reading

  /// Gives every line without its line feed, the last one also when it has none; nil for one that
  /// is longer than any may be.
  func read(_ use: (ByteSlice?, LinePlace) -> Void) throws(Failure) {
    let room = UnsafeMutablePointer<UInt8>.allocate(capacity: LogFiles.pieceSize)
    defer { room.deallocate() }
    var progress = Progress(total: files.map(\.size).reduce(0, +))
    defer { progress.end() }
    for (index, file) in files.enumerated() {
      var lines = LineCutter(file: Int32(index), room: room, capacity: LogFiles.pieceSize)
      while true {
        let count = Descriptor.read(file.descriptor, lines.free, lines.freeCount)
        if count < 0 { throw LogFiles.failure(file.path, Int32(-count)) }
        if count == 0 { break }
        lines.take(count, use)
        progress.add(count)
      }
      lines.finish(use)
    }
  }

  /// Says on a terminal how far the reading is.
  private struct Progress {
    let total: Int
    let isShown = ConfigurationReport.isTerminal(2)
    var done = 0
    var told = 0

    mutating func add(_ count: Int) {
      done += count
      guard isShown, done - told >= LogFiles.progressStep else { return }
      told = done
      let megabytes = "\(done >> 20) MiB"
      let share = total > 0 ? " of \(total >> 20), \(100 * min(done, total) / total) %" : ""
      _ = Output.write("\r\u{1B}[K\(megabytes)\(share)", to: 2)
    }

    func end() { if told > 0 { _ = Output.write("\r\u{1B}[K", to: 2) } }
  }
}

/// Cuts what was read into lines, in one piece of memory.
struct LineCutter {
  private let file: Int32
  private let room: UnsafeMutablePointer<UInt8>
  private let capacity: Int
  private var count = 0
  private var number: Int64 = 0
  /// The line does not fit: the rest of it is thrown away.
  private var isTooLong = false

  init(file: Int32, room: UnsafeMutablePointer<UInt8>, capacity: Int) {
    self.file = file
    self.room = room
    self.capacity = capacity
  }

  /// Where the next bytes belong; never without room.
  var free: UnsafeMutablePointer<UInt8> { room + count }
  var freeCount: Int { capacity - count }

  /// So many more bytes lie there.
  mutating func take(_ added: Int, _ use: (ByteSlice?, LinePlace) -> Void) {
    let end = count + added
    var start = 0
    var searched = count
    while let found = memchr(room + searched, 0x0a, end - searched) {
      let feed = found.assumingMemoryBound(to: UInt8.self) - UnsafeMutablePointer(room)
      give(start, feed - start, use)
      start = feed + 1
      searched = start
    }
    count = end - start
    if start > 0, count > 0 { memmove(room, room + start, count) }
    if count == capacity {
      isTooLong = true
      count = 0
    }
  }

  /// The last line may have no line feed.
  mutating func finish(_ use: (ByteSlice?, LinePlace) -> Void) {
    if count > 0 || isTooLong { give(0, count, use) }
    count = 0
  }

  private mutating func give(
    _ start: Int, _ length: Int, _ use: (ByteSlice?, LinePlace) -> Void
  ) {
    number += 1
    let line = ByteSlice(UnsafePointer(room + start), length)
    use(isTooLong ? nil : line, LinePlace(file: file, number: number))
    isTooLong = false
  }
}
