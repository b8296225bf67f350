// Why this file exists: what the kernel tells of a directory and of a file reaches the owner, with
// the name of the entry; and what is not there cannot be watched, which is no error.

import Glibc
import Testing

@testable import EventLoop

private final class Seen {
  var names: [String] = []
}

private func write(_ path: String, _ text: String) {
  let file = fopen(path, "w")
  fputs(text, file)
  fclose(file)
}

@Suite(.timeLimit(.minutes(3))) struct `A watch over a path` {
  private func watch(_ loop: Loop, _ path: String, _ seen: Seen) -> PathWatch? {
    PathWatch.start(loop, path: path, owner: Unmanaged.passUnretained(seen).toOpaque()) {
      owner, name in
      Unmanaged<Seen>.fromOpaque(owner).takeUnretainedValue().names.append(String(cString: name))
    }
  }

  @Test func `tells of entries that come, change and are renamed, and of a file by its inode`()
    throws
  {
    var template = Array("/tmp/gateway-watch-XXXXXX".utf8CString)
    #expect(mkdtemp(&template) != nil)
    let directory = String(
      decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let loop = try Loop.create()
    let seen = Seen()
    let entries = try #require(watch(loop, directory, seen))
    write(directory + "/a", "1")
    while !seen.names.contains("a") { loop.runOnce(waiting: true) }
    #expect(rename(directory + "/a", directory + "/b") == 0)
    while !seen.names.contains("b") { loop.runOnce(waiting: true) }
    entries.close()

    let file = Seen()
    let inode = try #require(watch(loop, directory + "/b", file))
    #expect(rename(directory + "/b", directory + "/c") == 0)
    while file.names.isEmpty { loop.runOnce(waiting: true) }
    file.names = []
    write(directory + "/c", "2")
    while file.names.isEmpty { loop.runOnce(waiting: true) }
    inode.close()

    #expect(watch(loop, directory + "/nowhere", seen) == nil)
    #expect(loop.destroy() == 0)
    unlink(directory + "/c")
    rmdir(directory)
  }
}
