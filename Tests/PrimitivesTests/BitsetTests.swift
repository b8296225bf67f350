// Why this file exists: walking members word by word must miss none at the edges of words.
import Primitives
import Testing

@Suite struct BitsetTests {
  @Test(arguments: [0, 1, 63, 64, 65, 128, 200])
  func `random use agrees with a set`(capacity: Int) {
    var random = Xoroshiro(seed: UInt64(capacity))
    let bits = Bitset.create(capacity: capacity)
    defer { bits.destroy() }
    var model: Set<Int> = []
    for _ in 0..<500 where capacity > 0 {
      let member = Int(random.below(UInt64(capacity)))
      if random.next() % 2 == 0 {
        bits.insert(member)
        model.insert(member)
      } else {
        bits.remove(member)
        model.remove(member)
      }
      #expect(bits.contains(member) == model.contains(member))
      #expect(bits.count == model.count && bits.isEmpty == model.isEmpty)
      let start = Int(random.below(UInt64(capacity) + 2))
      #expect(bits.first(from: start) == model.filter { $0 >= start }.min())
      let absent = (0..<capacity).filter { !model.contains($0) && $0 >= start }.min()
      #expect(bits.firstAbsent(from: start) == absent)
    }
  }

  @Test(arguments: [0, 1, 63, 64, 65, 128])
  func `all means exactly all`(capacity: Int) {
    let bits = Bitset.create(capacity: capacity)
    defer { bits.destroy() }
    bits.insertAll()
    #expect(bits.count == capacity)
    #expect(bits.firstAbsent(from: 0) == nil)
    bits.removeAll()
    #expect(bits.isEmpty && bits.first(from: 0) == nil)
  }

  @Test func `a number beyond the capacity traps`() async {
    await #expect(processExitsWith: .failure) {
      Bitset.create(capacity: 10).insert(10)
    }
  }
}
