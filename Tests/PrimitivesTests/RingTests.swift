// Why this file exists: the ring is every bounded queue; it must keep order over its seam and
// refuse what does not fit.
import Primitives
import Testing

extension Box {
  fileprivate func push<E>(_ element: E) -> Bool where Value == Ring<E> { it.push(element) }
  fileprivate func pop<E>() -> E? where Value == Ring<E> { it.pop() }
}

@Suite struct RingTests {
  @Test func `first in, first out, over the seam`() {
    let ring = Box(Ring<UInt32>.create(capacity: 3))
    defer { ring.it.destroy() }
    var next: UInt32 = 0
    var expected: UInt32 = 0
    for _ in 0..<20 {
      while ring.push(next) { next += 1 }
      #expect(ring.it.isFull && ring.it.count == 3)
      #expect(ring.it.first == expected)
      #expect(ring.it[1] == expected + 1)
      #expect(ring.pop() == expected)
      #expect(ring.pop() == expected + 1)
      expected += 2
    }
  }

  @Test func `an empty ring gives nil and a full one refuses`() {
    let ring = Box(Ring<UInt8>.create(capacity: 1))
    defer { ring.it.destroy() }
    #expect(ring.it.isEmpty && ring.pop() == nil && ring.it.first == nil)
    #expect(ring.push(1))
    #expect(!ring.push(2))
    #expect(ring.pop() == 1)
    #expect(ring.pop() == nil)
  }

  @Test func `random use agrees with an array`() {
    var random = SplitMix64(seed: 11)
    for capacity in [1, 2, 3, 5, 8, 13] {
      let ring = Box(Ring<UInt64>.create(capacity: capacity))
      defer { ring.it.destroy() }
      var model: [UInt64] = []
      for _ in 0..<2_000 {
        switch random.next() % 9 {
        case 0...4:
          let value = random.next()
          #expect(ring.push(value) == (model.count < capacity))
          if model.count < capacity { model.append(value) }
        case 5...7: #expect(ring.pop() == (model.isEmpty ? nil : model.removeFirst()))
        default:
          if random.next() % 10 == 0 {
            ring.it.removeAll()
            model = []
          }
        }
        #expect(ring.it.count == model.count && ring.it.first == model.first)
        for index in 0..<model.count { #expect(ring.it[index] == model[index]) }
      }
    }
  }

  @Test func `reading behind the end traps`() async {
    await #expect(processExitsWith: .failure) {
      let ring = Box(Ring<UInt8>.create(capacity: 4))
      _ = ring.push(1)
      _ = ring.it[1]
    }
  }
}
