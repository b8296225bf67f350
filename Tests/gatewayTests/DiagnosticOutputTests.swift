// Why this file exists: who logs must not wait for who reads; what that costs is told in the log.

import EventLoop
import Glibc
import Testing

@testable import gateway

@Suite(.timeLimit(.minutes(3))) struct `The way of the diagnostics to standard error` {
  private let ends: (reading: Int32, writing: Int32)

  init() {
    var ends: [Int32] = [-1, -1]
    precondition(pipe(&ends) == 0)
    // F_SETPIPE_SZ: the smallest that a pipe can be.
    precondition(fcntl(ends[1], 1_031, 4_096) == 4_096)
    self.ends = (ends[0], ends[1])
  }

  private func start() throws -> DiagnosticOutput {
    try DiagnosticOutput.start(ends.writing) { Array("lost \($0)\n".utf8) }
  }

  /// All lines up to the end of the pipe.
  private func lines() -> [Substring] {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = Descriptor.read(ends.reading, &chunk, chunk.count)
      guard count > 0 else { break }
      bytes += chunk[..<count]
    }
    Descriptor.close(ends.reading)
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n")
  }

  @Test func `lines come whole and in order, and the end waits for them`() throws {
    let output = try start()
    for number in 0..<50 { output.append(Array("line \(number)\n".utf8)) }
    #expect(output.finish(milliseconds: 10_000))
    Descriptor.close(ends.writing)
    #expect(lines() == (0..<50).map { "line \($0)" })
  }

  @Test func `without a reader nobody waits, and what found no room is told where it is missing`()
    throws
  {
    let output = try start()
    let filler = String(repeating: "x", count: 1_000)
    let count = 2_000
    for number in 0..<count { output.append(Array("\(number) \(filler)\n".utf8)) }
    #expect(!output.finish(milliseconds: 1), "a reader that does not read is not waited for")
    // The thread is in a write; somebody else closes the pipe when it is done.
    let closer = try WorkerThread.start(name: "closer") { [ends] in
      _ = output.finish(milliseconds: 30_000)
      Descriptor.close(ends.writing)
    }
    let lines = lines()
    closer.join()
    let apologies = lines.filter { $0.hasPrefix("lost ") }
    let lost = apologies.compactMap { Int($0.dropFirst(5)) }.reduce(0, +)
    let numbers = lines.compactMap { $0.hasSuffix(filler) ? Int($0.prefix { $0 != " " }) : nil }
    #expect(lost > 0)
    #expect(numbers.count + lost == count && numbers.count + apologies.count == lines.count)
    #expect(numbers == numbers.sorted())
    // Before each filler stand a number and a space, behind it the end; the next one had no room.
    #expect((numbers.count + 1) * (filler.utf8.count + 6) > DiagnosticOutput.room)
  }

  @Test func `a line longer than all the room is written when nothing waits before it`() throws {
    let output = try start()
    let long = String(repeating: "y", count: DiagnosticOutput.room + 1)
    output.append(Array("\(long)\n".utf8))
    let closer = try WorkerThread.start(name: "closer") { [ends] in
      _ = output.finish(milliseconds: 30_000)
      Descriptor.close(ends.writing)
    }
    #expect(lines() == [long[...]])
    closer.join()
  }

  @Test func `an output that fails costs its lines and nothing else`() throws {
    Signals.ignoreBrokenPipes()
    Descriptor.close(ends.reading)
    let output = try start()
    for _ in 0..<10 { output.append(Array("line\n".utf8)) }
    #expect(output.finish(milliseconds: 10_000))
    Descriptor.close(ends.writing)
  }
}
