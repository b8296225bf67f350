// Why this file exists: what the looks decide has to reach who reads the file: a content that is to
// be loaded, and that there is none any more.

import Configuration
import EventLoop
import Glibc
import Testing

@testable import gateway

@Suite(.timeLimit(.minutes(3))) struct `The watch over the configuration file` {
  private final class Seen {
    var contents: [[UInt8]] = []
    var loadedOnes = 0
  }

  private let loop: Loop
  private let directory: String
  private let seen = Seen()

  init() throws {
    loop = try Loop.create()
    var template = Array("/tmp/gateway-watch-XXXXXX".utf8CString)
    directory = String(cString: try #require(mkdtemp(&template)))
  }

  private var path: String { directory + "/gateway.yaml" }

  private func text(_ word: String) -> String {
    """
    listeners: [{address: 127.0.0.1:8080}]
    services: {}
    routes: [{match: {path: /*}, respond: {status: 200, body: \(word)}}]

    """
  }

  /// Replaces the file without a moment in which there is none.
  private func put(_ word: String) {
    let file = fopen(path + "~", "w")
    fputs(text(word), file)
    fclose(file)
    #expect(rename(path + "~", path) == 0)
  }

  private func withWatch(_ body: (FileWatch) throws -> Void) throws {
    put("old")
    let loaded = try #require(ConfigurationReport.Loaded(path, ConfigurationReport.read(path)))
    let watch = FileWatch(loop, loaded, LogLines().logger()) { [seen] in seen.contents.append($0) }
    watch.onLoadedContent = { [seen] in seen.loadedOnes += 1 }
    try body(watch)
    watch.close()
    #expect(loop.destroy() == 0)
    unlink(path)
    rmdir(directory)
  }

  private func turn(until condition: () -> Bool) {
    while !condition() { loop.runOnce(waiting: true) }
  }

  @Test func `hands on a new content, and tells when what was loaded is there again`() throws {
    try withWatch { _ in
      put("new")
      turn { !seen.contents.isEmpty }
      #expect(seen.contents == [Array(text("new").utf8)])
      seen.loadedOnes = 0
      put("old")
      turn { seen.loadedOnes > 0 }
      #expect(seen.contents.count == 1)
    }
  }

  @Test func `hands on the same content when somebody could not read it meanwhile`() throws {
    try withWatch { watch in
      watch.couldNotLoad()
      turn { !seen.contents.isEmpty }
      #expect(seen.contents == [Array(text("old").utf8)])
    }
  }
}
