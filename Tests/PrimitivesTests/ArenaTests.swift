// Why this file exists: pieces of one arena must not touch each other, and all of them must go.

import Testing

@testable import Primitives

@Suite struct `An arena` {
  @Test func `gives pieces that are aligned and do not overlap`() {
    let arena = Arena()
    var bytes: [UnsafeMutablePointer<UInt8>] = []
    var words: [UnsafeMutablePointer<UInt64>] = []
    for round in 0..<10_000 {
      let byte = arena.allocate(UInt8.self, count: 3)
      let word = arena.allocate(UInt64.self, count: 2)
      #expect(Int(bitPattern: word) & 7 == 0)
      byte.initialize(repeating: UInt8(round & 0xff), count: 3)
      word.initialize(repeating: UInt64(round), count: 2)
      bytes.append(byte)
      words.append(word)
    }
    for round in 0..<10_000 {
      #expect((0..<3).allSatisfy { bytes[round][$0] == UInt8(round & 0xff) })
      #expect((0..<2).allSatisfy { words[round][$0] == UInt64(round) })
    }
  }

  @Test func `has room for a piece larger than its blocks, and goes on in the block it had`() {
    let arena = Arena()
    let before = arena.allocate(UInt64.self, count: 1)
    let large = arena.allocate(UInt64.self, count: 100_000)
    let after = arena.allocate(UInt64.self, count: 1)
    large.initialize(repeating: 7, count: 100_000)
    #expect(after == before + 1)
    #expect(arena.byteCount < 100_000 * 8 + 64 * 1_024)
  }

  @Test func `a piece of nothing takes nothing`() {
    let arena = Arena()
    _ = arena.allocate(UInt64.self, count: 0)
    #expect(arena.copy([UInt32]()).isEmpty)
    #expect(arena.byteCount == 0)
  }

  @Test func `copies a text with a NUL behind it that does not count`() {
    let arena = Arena()
    for text in ["", "a", "unix:/run/ü.sock"] {
      let slice = arena.copy(text)
      #expect(String(decoding: slice.buffer, as: UTF8.self) == text)
      #expect(slice.base[slice.count] == 0)
    }
  }

  @Test func `does what is to be done at its end once, when it goes`() {
    var ended = 0
    do {
      let arena = Arena()
      arena.atEnd { ended += 1 }
      #expect(arena.words(count: 9)[8].load() == 0)
      #expect(ended == 0)
    }
    #expect(ended == 1)
  }
}
