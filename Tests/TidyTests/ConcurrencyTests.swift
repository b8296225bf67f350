// Why this file exists: each place where the compiler is told to trust us about threads is listed
// with the reason why that trust is deserved.

import Testing

private struct Trust {
  let word: String
  let file: String
  let count: Int
  let reason: String
}

private let unsafeGlobal = "nonisolated(unsafe)"
private let unsafeType = "@unchecked Sendable"
private let writtenOnce = "a table of C functions, written once before any thread reads it"

private let trusted = [
  Trust(
    word: unsafeGlobal, file: "Sources/Admin/AdminConnection.swift", count: 1,
    reason: writtenOnce),
  Trust(
    word: unsafeGlobal, file: "Sources/Admin/AdminServer.swift", count: 1, reason: writtenOnce),
  Trust(
    word: unsafeGlobal, file: "Sources/Exporting/ExportConnection.swift", count: 1,
    reason: writtenOnce),
  Trust(
    word: unsafeGlobal, file: "Sources/Forwarding/ExchangePlan.swift", count: 1,
    reason: "the plan of refused requests, written once and only read"),
  Trust(
    word: unsafeGlobal, file: "Sources/HTTPParsing/Callbacks.swift", count: 2,
    reason: "llhttp's settings, written once before any thread reads them"),
  Trust(
    word: unsafeGlobal, file: "Sources/Probing/ProbeConnection.swift", count: 1,
    reason: writtenOnce),
  Trust(
    word: unsafeGlobal, file: "Sources/Proxy/Accepting.swift", count: 1, reason: writtenOnce),
  Trust(
    word: unsafeGlobal, file: "Sources/Proxy/BackendConnection.swift", count: 1,
    reason: writtenOnce),
  Trust(
    word: unsafeGlobal, file: "Sources/Proxy/ClientConnection.swift", count: 1,
    reason: writtenOnce),
  Trust(
    word: unsafeGlobal, file: "Sources/Simulation/Command/TrapReport.swift", count: 2,
    reason: "the program has one thread"),
  Trust(
    word: unsafeGlobal, file: "Sources/Simulation/Loop/Network.swift", count: 1,
    reason: "worlds of one process run one after the other"),
  Trust(
    word: unsafeGlobal, file: "Sources/Simulation/Rehearsal/Caller.swift", count: 1,
    reason: writtenOnce),
  Trust(
    word: unsafeGlobal, file: "Sources/Simulation/Rehearsal/PlayedLink.swift", count: 1,
    reason: writtenOnce),
  Trust(
    word: unsafeGlobal, file: "Sources/Simulation/World/SimulatedBackend.swift", count: 1,
    reason: writtenOnce),
  Trust(
    word: unsafeGlobal, file: "Sources/Simulation/World/SimulatedClient.swift", count: 1,
    reason: writtenOnce),
  Trust(
    word: unsafeType, file: "Sources/Simulation/Loop/Handles.swift", count: 1,
    reason: "there is one thread: the network's"),
  Trust(
    word: unsafeType, file: "Sources/Simulation/Loop/Threads.swift", count: 2,
    reason: "there is one thread: the network's"),
  Trust(
    word: unsafeType, file: "Sources/EventLoop/Wakeup.swift", count: 1,
    reason: "one pointer, of which other threads use only uv_async_send"),
  Trust(
    word: unsafeType, file: "Sources/EventLoop/WorkerThread.swift", count: 1,
    reason: "the name of a thread, a number that any thread may use"),
  Trust(
    word: unsafeType, file: "Sources/Limiting/KeyTable.swift", count: 1,
    reason: "blocks of atomic words; a place is taken and published by its control word"),
  Trust(
    word: unsafeType, file: "Sources/Primitives/FixedHistogram.swift", count: 2,
    reason: "bounds that nobody changes, and counts that are atomic words with one writer"),
  Trust(
    word: unsafeType, file: "Sources/Primitives/SharedWord.swift", count: 3,
    reason: "pointers to atomic words: this is the one door to them"),
  Trust(
    word: unsafeType, file: "Sources/Proxy/AccessLogWriter.swift", count: 1,
    reason: "buffers handed over by atomic words, signals that any thread may give"),
  Trust(
    word: unsafeType, file: "Sources/Routing/RouteTable.swift", count: 1,
    reason: "built by one thread, read-only from then on, freed with the last snapshot"),
  Trust(
    word: unsafeType, file: "Sources/Telemetry/MetricsShard.swift", count: 1,
    reason: "atomic words with one writing thread; readers sum what they see"),
  Trust(
    word: unsafeType, file: "Sources/Telemetry/RequestTable.swift", count: 1,
    reason: "one writer that publishes a slot by an atomic store after filling it"),
  Trust(
    word: unsafeType, file: "Sources/gateway/ConfigurationLoading.swift", count: 1,
    reason: "written by a thread before it ends, read by the loop after it was joined; a lock"),
]

@Suite struct `Trust in threads` {
  @Test(arguments: [unsafeGlobal, unsafeType])
  func `every use has its reason in the table`(word: String) {
    for file in Repository.sources {
      let lines = file.code.lines.enumerated().filter { $0.element.contains(word) }
      let expected = trusted.first { $0.word == word && $0.file == file.path }?.count ?? 0
      let shown = lines.map { "\(file.path):\($0.offset + 1): \($0.element)" }
      #expect(
        lines.count == expected, "\(shown.joined(separator: "\n"))\nthe table says \(expected)")
    }
  }

  @Test func `the table speaks of files that exist, with a reason each`() {
    for entry in trusted {
      #expect(Repository.file(entry.file) != nil, "\(entry.file) is gone")
      #expect(entry.reason.count > 20, "\(entry.file)")
    }
  }
}
