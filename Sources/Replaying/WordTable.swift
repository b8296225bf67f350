// Why this file exists: a replay counts by names that stand in a log, millions of times the same
// few; each becomes a number once. A log may hold any number of hosts, so there is a bound.
import Primitives

/// Texts by number. 0 is no text, 1 stands for all beyond the bound.
package struct WordTable {
  static let none: Int32 = 0
  static let others: Int32 = 1
  /// Far above what people read, far below what hurts: at 256 bytes each they are 16 MiB.
  private static let bound = 65_536
  private static let longest = 256

  private struct Word {
    var hash: UInt64
    var start: Int
    var count: Int
  }

  private var words = [Word(hash: 0, start: 0, count: 0), Word(hash: 0, start: 0, count: 0)]
  private var bytes: [UInt8] = []
  /// Numbers by hash, 0 = free; half of them at least are free.
  private var places = [Int32](repeating: 0, count: 2 * WordTable.bound)

  /// A longer text is cut.
  mutating func number(of text: ByteSlice) -> Int32 {
    if text.isEmpty { return WordTable.none }
    let text = ByteSlice(text.base, min(text.count, WordTable.longest))
    var keyed = KeyedHash(key: 0)
    keyed.combine(text)
    let hash = keyed.value
    let mask = places.count - 1
    var place = Int(truncatingIfNeeded: hash) & mask
    while places[place] != 0 {
      let word = words[Int(places[place])]
      if word.hash == hash, word.count == text.count, holds(text, at: word.start) {
        return places[place]
      }
      place = (place + 1) & mask  // ends: half of the places are free
    }
    if words.count >= WordTable.bound { return WordTable.others }
    words.append(Word(hash: hash, start: bytes.count, count: text.count))
    bytes.append(contentsOf: text.buffer)
    places[place] = Int32(words.count - 1)
    return places[place]
  }

  mutating func number(of text: String) -> Int32 {
    var text = text
    return text.withUTF8 { bytes in
      bytes.baseAddress.map { number(of: ByteSlice($0, bytes.count)) } ?? WordTable.none
    }
  }

  package func text(_ number: Int32) -> String {
    if number == WordTable.others { return "(others)" }
    let word = words[Int(number)]
    return String(decoding: bytes[word.start..<word.start + word.count], as: UTF8.self)
  }

  private func holds(_ text: ByteSlice, at start: Int) -> Bool {
    bytes.withUnsafeBufferPointer { bytes in
      guard let base = bytes.baseAddress else { return text.isEmpty }
      return ASCII.equalBytes(base + start, text.base, text.count)
    }
  }
}
