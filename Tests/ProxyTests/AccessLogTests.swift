// Why this file exists: a log must never hold up a request, and what it says must be whole lines,
// each once, whatever its output does.
import Configuration
import EventLoop
import Glibc
import HTTPSemantics
import Primitives
import Proxy
import Telemetry
import Testing

/// A folder of its own for one test.
private final class Folder {
  let path: String
  init() {
    var template = Array("/tmp/gateway-log-XXXXXX".utf8CString)
    precondition(mkdtemp(&template) != nil)
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
  deinit {
    for name in ["log", "log.1", "other", "fifo"] { unlink(path + "/" + name) }
    rmdir(path)
  }
  func lines(_ name: String) -> [String] {
    let bytes = Descriptor.contents(of: path + "/" + name, limit: 64 << 20) ?? []
    return String(decoding: bytes, as: UTF8.self).split(
      separator: "\n", omittingEmptySubsequences: false
    ).map(String.init)
  }
}

private let sampling = AccessSampling(partsPerMillion: 1_000_000, slow: .seconds(1))

/// A line that its number tells apart: of about 400 bytes.
private func append(_ number: Int, to log: AccessLog) {
  var record = AccessRecord(time: 0)
  record.bytesIn = UInt64(number)
  log.append(&record)
}

/// The number of a whole line, nil for anything else.
private func number(_ line: String) -> Int? {
  guard line.hasPrefix("{\"time\":\"1970-"), line.hasSuffix("\"user_agent\":null}"),
    let match = line.firstMatch(of: /"bytes_in":([0-9]+),/)
  else { return nil }
  return Int(match.1)
}

/// A named pipe with room for `room` bytes and no more, in whole pages, and its reader.
private final class FullPipe {
  let path: String
  private let filling: Int32
  private var reader: Int32 = -1

  init(_ path: String, room: Int) {
    self.path = path
    precondition(mkfifo(path, 0o600) == 0)
    reader = Glibc.open(path, O_RDONLY | O_NONBLOCK)
    filling = Glibc.open(path, O_WRONLY | O_NONBLOCK)
    let page = [UInt8](repeating: 0x0a, count: 4_096)
    while Descriptor.write(filling, page, page.count) == page.count {}
    var sink = [UInt8](repeating: 0, count: room)
    if room > 0 { precondition(Descriptor.read(reader, &sink, room) == room) }
  }
  deinit {
    Descriptor.close(filling)
    closeReader()
  }

  var isFull: Bool {
    var wait = pollfd(fd: filling, events: Int16(POLLOUT), revents: 0)
    return poll(&wait, 1, 0) == 0
  }
  func closeReader() {
    if reader >= 0 { Descriptor.close(reader) }
    reader = -1
  }
  func openReader() { reader = Glibc.open(path, O_RDONLY | O_NONBLOCK) }

  /// The lines behind the fill, read until they are enough or nothing came for ten seconds.
  func read(until isEnough: ([String]) -> Bool) -> [String] {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
      let whole = bytes.last == 0x0a ? bytes : []
      let lines = String(decoding: whole, as: UTF8.self).split(separator: "\n").map(String.init)
      if isEnough(lines) { return lines }
      var wait = pollfd(fd: reader, events: Int16(POLLIN), revents: 0)
      guard poll(&wait, 1, 10_000) > 0 else { return lines }
      let count = Descriptor.read(reader, &chunk, chunk.count)
      guard count > 0 else { return lines }
      bytes.append(contentsOf: chunk[..<count])
    }
  }
}

/// Asks again every millisecond, for ten seconds at most.
private func eventually(_ condition: () -> Bool) -> Bool {
  for _ in 0..<10_000 {
    if condition() { return true }
    _ = poll(nil, 0, 1)
  }
  return false
}

@Suite(.serialized, .timeLimit(.minutes(3))) struct AccessLogTests {
  private let dropped = SharedWords.allocate(count: 8)

  private func open(_ path: String, workers: Int = 1) throws -> (AccessLogWriter, [AccessLog]) {
    let writer = try AccessLogWriter.open(.file(path), workers: workers)
    let logs = (0..<workers).map { writer.line(for: $0) }
    for (index, log) in logs.enumerated() {
      log.countDropped(in: dropped.counter(index))
      log.sampling = sampling
    }
    return (writer, logs)
  }
  private var droppedLines: Int { Int(dropped.counter(0).value) }

  @Test func `each worker's lines come whole, once and in order`() throws {
    let folder = Folder()
    let (writer, logs) = try open(folder.path + "/log", workers: 3)
    var expected: [Int] = []
    for turn in 0..<2_000 {
      for worker in 0..<3 {
        append(worker * 1_000_000 + turn, to: logs[worker])
        expected.append(worker * 1_000_000 + turn)
      }
      // Lets the writing thread keep up; nothing else is waited for.
      if turn % 40 == 39 {
        for log in logs { #expect(eventually { log.flush() }) }
      }
    }
    for log in logs { log.finish() }
    #expect(writer.close(within: .seconds(10)))
    #expect((0..<3).allSatisfy { dropped.counter($0).value == 0 })
    var lines = folder.lines("log")
    #expect(lines.popLast() == "")
    let numbers = lines.compactMap(number)
    #expect(numbers.count == lines.count)
    for worker in 0..<3 {
      let own = { (value: Int) in value / 1_000_000 == worker }
      #expect(numbers.filter(own) == expected.filter(own))
    }
  }

  @Test func `the file is added to, and readable by its group only`() throws {
    let folder = Folder()
    for number in 0..<2 {
      let (writer, logs) = try open(folder.path + "/log")
      append(number, to: logs[0])
      logs[0].finish()
      #expect(writer.close(within: .seconds(10)))
    }
    #expect(folder.lines("log").compactMap(number) == [0, 1])
    var facts = stat()
    #expect(stat(folder.path + "/log", &facts) == 0)
    #expect(facts.st_mode & 0o7137 == 0)
  }

  @Test func `after a re-opening lines go to the new file`() throws {
    let folder = Folder()
    let (writer, logs) = try open(folder.path + "/log")
    append(1, to: logs[0])
    logs[0].flush()
    #expect(eventually { folder.lines("log").count == 2 })
    #expect(rename(folder.path + "/log", folder.path + "/log.1") == 0)
    #expect(writer.reopen() == nil)
    #expect(writer.reopen() == nil)
    append(2, to: logs[0])
    logs[0].finish()
    #expect(writer.close(within: .seconds(10)))
    #expect(folder.lines("log.1").compactMap(number) == [1])
    #expect(folder.lines("log").compactMap(number) == [2])
  }

  @Test func `a re-opening that fails keeps the old file`() throws {
    let folder = Folder()
    let (writer, logs) = try open(folder.path + "/log")
    #expect(rename(folder.path + "/log", folder.path + "/log.1") == 0)
    #expect(mkdir(folder.path + "/log", 0o755) == 0)
    let error = try #require(writer.reopen())
    #expect("\(error)".contains(folder.path + "/log"))
    append(7, to: logs[0])
    logs[0].finish()
    #expect(writer.close(within: .seconds(10)))
    #expect(folder.lines("log.1").compactMap(number) == [7])
    rmdir(folder.path + "/log")
  }

  @Test func `a pipe that nobody reads holds up nobody; lines are dropped and counted`() throws {
    let folder = Folder()
    let pipe = FullPipe(folder.path + "/fifo", room: 0)
    let (writer, logs) = try open(pipe.path)
    let count = 3_000
    for number in 0..<count { append(number, to: logs[0]) }
    #expect(droppedLines > 0 && droppedLines < count)
    logs[0].finish()
    // Closing does not wait for it either.
    #expect(!writer.close(within: .milliseconds(1)))
    // Once somebody reads, all that was not dropped comes, whole and in order.
    let expected = count - droppedLines
    let numbers = pipe.read { $0.count == expected }.map(number)
    #expect(numbers.count == expected && !numbers.contains(nil))
    #expect(numbers == (0..<expected).map { $0 })
    #expect(writer.close(within: .seconds(10)))
    withExtendedLifetime(folder) {}
  }

  @Test func `a reader that goes away costs its lines, and the next one gets whole lines`() throws {
    let folder = Folder()
    let pipe = FullPipe(folder.path + "/fifo", room: 8_192)
    let (writer, logs) = try open(pipe.path)
    for number in 0..<50 { append(number, to: logs[0]) }
    #expect(logs[0].flush())
    // The writing thread has got rid of some lines and a half, then fails.
    #expect(eventually { pipe.isFull })
    pipe.closeReader()
    #expect(eventually { logs[0].flush() && droppedLines > 0 })
    pipe.openReader()
    for number in 50..<60 { append(number, to: logs[0]) }
    logs[0].finish()
    let lines = pipe.read { $0.last.flatMap(number) == 59 }
    #expect(writer.close(within: .seconds(10)))
    let numbers = lines.compactMap(number)
    #expect(lines.count == numbers.count + 1)
    #expect(numbers == Array(0..<numbers.count - 10) + Array(50..<60))
    #expect(numbers.count + droppedLines == 60)
    withExtendedLifetime(folder) {}
  }

  @Test func `a full disk costs lines, and they are counted`() throws {
    let (writer, logs) = try open("/dev/full")
    for number in 0..<10 { append(number, to: logs[0]) }
    logs[0].flush()
    #expect(eventually { logs[0].flush() && droppedLines == 10 })
    logs[0].finish()
    #expect(writer.close(within: .seconds(10)))
  }

  @Test func `an output that cannot be opened is one clear error`() {
    for path in ["/nowhere/at/all/log", "/tmp"] {
      #expect {
        _ = try AccessLogWriter.open(.file(path), workers: 1)
      } throws: { error in
        "\(error)".hasPrefix("open access log \(path): ")
      }
    }
  }

  @Test func `another output takes the lines that are handed over after it was chosen`() throws {
    let folder = Folder()
    let (writer, logs) = try open(folder.path + "/log")
    append(1, to: logs[0])
    #expect(eventually { logs[0].flush() && folder.lines("log").count == 2 })
    writer.use(try AccessLogWriter.prepare(.file(folder.path + "/other")))
    append(2, to: logs[0])
    #expect(eventually { logs[0].flush() && folder.lines("other").count == 2 })
    writer.use(try AccessLogWriter.prepare(.none))
    append(3, to: logs[0])
    #expect(eventually { logs[0].flush() })
    // What is moved away is opened again only where there is a file.
    #expect(writer.reopen() == nil)
    logs[0].finish()
    #expect(writer.close(within: .seconds(10)))
    #expect(folder.lines("log").count == 2 && folder.lines("other").count == 2)
    #expect(droppedLines == 0)
  }

  @Test func `the longest line of all fits a buffer`() throws {
    let folder = Folder()
    let (writer, logs) = try open(folder.path + "/log")
    let noise = [UInt8](repeating: 1, count: 10_000)
    noise.withUnsafeBufferPointer { buffer in
      var record = AccessRecord(time: 0)
      let slice = ByteSlice(buffer.baseAddress.unsafelyUnwrapped, buffer.count)
      record.path = slice
      record.userAgent = slice
      record.host = slice
      record.route = slice
      logs[0].append(&record)
      #expect(eventually { logs[0].flush() })
      logs[0].append(&record)
    }
    logs[0].finish()
    #expect(writer.close(within: .seconds(10)))
    #expect(folder.lines("log").count == 3)
    #expect(droppedLines == 0)
  }
}
