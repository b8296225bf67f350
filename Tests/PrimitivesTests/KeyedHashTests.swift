// Why this file exists: tables stand on this hash; it must be the same in every run, change with
// its key, and spread.
import Primitives
import Testing

private func hash(_ parts: [String], key: UInt64 = 1) -> UInt64 {
  var hash = KeyedHash(key: key)
  for part in parts { withSlice(part) { hash.combine($0) } }
  return hash.value
}

@Suite struct KeyedHashTests {
  @Test func `the same parts give the same value wherever their bytes lie`() {
    for count in 0...40 {
      let text = String("The quick brown fox jumps over the lazy dog.".prefix(count))
      let shifted = withSlice("#" + text) { slice -> UInt64 in
        var hash = KeyedHash(key: 1)
        hash.combine(ByteSlice(slice.base + 1, slice.count - 1))
        return hash.value
      }
      #expect(hash([text]) == shifted)
    }
  }

  @Test func `another key gives another value`() {
    #expect(hash(["api"], key: 1) != hash(["api"], key: 2))
    #expect(hash([], key: 1) != hash([], key: 2))
  }

  @Test func `where the parts are cut matters`() {
    #expect(hash(["ab", "c"]) != hash(["a", "bc"]))
    #expect(hash(["abc"]) != hash(["abc", ""]))
    #expect(hash(["a"]) != hash(["a\0"]))
    #expect(hash([""]) != hash(["\0"]))
  }

  @Test func `every byte of every length counts`() {
    for count in 1...33 {
      let bytes = [UInt8](repeating: 0x61, count: count)
      var seen: Set<UInt64> = []
      for position in 0..<count {
        for bit in 0..<8 {
          var changed = bytes
          changed[position] ^= 1 << UInt8(bit)
          seen.insert(
            withSlice(changed) { slice in
              var hash = KeyedHash(key: 7)
              hash.combine(slice)
              return hash.value
            })
        }
      }
      #expect(seen.count == count * 8)
    }
  }

  @Test func `numbered paths spread evenly over the low and the high bits`() {
    var low = [Int](repeating: 0, count: 256)
    var high = [Int](repeating: 0, count: 256)
    for number in 0..<25_600 {
      let value = hash(["api", "users", "\(number)"])
      low[Int(value & 255)] += 1
      high[Int(value >> 56)] += 1
    }
    // 100 expected in each; seven standard deviations.
    #expect(low.allSatisfy { (30...170).contains($0) })
    #expect(high.allSatisfy { (30...170).contains($0) })
  }
}
