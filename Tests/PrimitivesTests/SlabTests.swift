// Why this file exists: a stale handle must never reach the slot's next life, and a full slab is an
// ordinary answer.
import Primitives
import Testing

extension Box {
  fileprivate func allocate<E>() -> UnsafeMutablePointer<E>? where Value == Slab<E> {
    it.allocate()
  }
}

@Suite struct SlabTests {
  @Test func `a slot is taken, found by its number and given back`() throws {
    let slab = Box(Slab<UInt64>.reserve(capacity: 4))
    defer { slab.it.destroy() }
    let first = try #require(slab.allocate())
    first.initialize(to: 42)
    #expect(slab.it.count == 1)
    #expect(slab.it.index(of: first) == 0)
    #expect(slab.it.pointer(at: 0) == first)
    #expect(slab.it.isInUse(0))
    slab.it.free(first)
    #expect(slab.it.count == 0)
    #expect(!slab.it.isInUse(0))
  }

  @Test func `a full slab gives nil and goes on after a free`() throws {
    let slab = Box(Slab<UInt64>.reserve(capacity: 2))
    defer { slab.it.destroy() }
    let first = try #require(slab.allocate())
    _ = try #require(slab.allocate())
    #expect(slab.allocate() == nil)
    #expect(slab.it.isFull)
    slab.it.free(first)
    #expect(slab.allocate() == first)
  }

  @Test func `the slot freed last is taken first`() throws {
    let slab = Box(Slab<UInt64>.reserve(capacity: 8))
    defer { slab.it.destroy() }
    let slots = try (0..<4).map { _ in try #require(slab.allocate()) }
    slab.it.free(slots[1])
    slab.it.free(slots[3])
    #expect(slab.allocate() == slots[3])
    #expect(slab.allocate() == slots[1])
  }

  @Test func `a handle from an earlier life of the slot finds nothing`() throws {
    let slab = Box(Slab<UInt64>.reserve(capacity: 1))
    defer { slab.it.destroy() }
    let slot = try #require(slab.allocate())
    let stale = slab.it.handle(of: slot)
    #expect(slab.it.resolve(stale) == slot)
    slab.it.free(slot)
    #expect(slab.it.resolve(stale) == nil)
    let again = try #require(slab.allocate())
    #expect(again == slot)
    #expect(slab.it.resolve(stale) == nil)
    #expect(slab.it.resolve(slab.it.handle(of: again)) == again)
    #expect(slab.it.generation(of: 0) != stale.generation)
  }

  @Test func `the handle of nothing and one beyond the end find nothing`() throws {
    let slab = Box(Slab<UInt64>.reserve(capacity: 1))
    defer { slab.it.destroy() }
    _ = try #require(slab.allocate())
    #expect(slab.it.resolve(.none) == nil)
    #expect(slab.it.resolve(SlabHandle(index: 7, generation: 1)) == nil)
  }

  @Test func `freeing a slot twice traps`() async {
    await #expect(processExitsWith: .failure) {
      let slab = Box(Slab<UInt64>.reserve(capacity: 1))
      guard let slot = slab.allocate() else { return }
      slab.it.free(slot)
      slab.it.free(slot)
    }
  }

  @Test func `a pointer into the middle of nowhere traps`() async {
    await #expect(processExitsWith: .failure) {
      let slab = Box(Slab<UInt64>.reserve(capacity: 4))
      var other = Slab<UInt64>.reserve(capacity: 4)
      _ = slab.allocate()
      guard let slot = other.allocate() else { return }
      slab.it.free(slot)
    }
  }

  @Test func `random taking and freeing agrees with a naive set`() throws {
    var random = SplitMix64(seed: 7)
    let slab = Box(Slab<UInt64>.reserve(capacity: 50))
    defer { slab.it.destroy() }
    var live: [(slot: UnsafeMutablePointer<UInt64>, value: UInt64, handle: SlabHandle)] = []
    var dead: [SlabHandle] = []
    for step in 0..<20_000 as Range<UInt64> {
      if random.next() % 2 == 0 {
        let slot = slab.allocate()
        #expect((slot == nil) == (live.count == 50))
        guard let slot else { continue }
        slot.initialize(to: step)
        live.append((slot, step, slab.it.handle(of: slot)))
      } else if !live.isEmpty {
        let victim = live.remove(at: Int(random.next() % UInt64(live.count)))
        #expect(victim.slot.pointee == victim.value)
        slab.it.free(victim.slot)
        dead.append(victim.handle)
      }
      #expect(slab.it.count == live.count)
      for entry in live.prefix(3) { #expect(slab.it.resolve(entry.handle) == entry.slot) }
      for handle in dead.suffix(3) { #expect(slab.it.resolve(handle) == nil) }
    }
  }

  @Test func `a great capacity costs address space, not memory`() throws {
    struct Large { var bytes: InlineArray<4_096, UInt8> }
    let slab = Box(Slab<Large>.reserve(capacity: 4_000_000))
    defer { slab.it.destroy() }
    let slot = try #require(slab.allocate())
    slot.pointee.bytes[0] = 1
    #expect(slab.it.capacity == 4_000_000)
  }
}

@Suite struct SlabTrimTests {
  @Test func `trimming keeps what is in use and lets free slots be taken again`() throws {
    let slab = Box(Slab<UInt64>.reserve(capacity: 100_000))
    defer { slab.it.destroy() }
    var elements: [UnsafeMutablePointer<UInt64>] = []
    for value in 0..<UInt64(100_000) {
      let element = try #require(slab.allocate())
      element.initialize(to: value)
      elements.append(element)
    }
    let handle = slab.it.handle(of: elements[40_001])
    for (index, element) in elements.enumerated() where index % 40_000 != 1 {
      slab.it.free(element)
    }
    slab.it.trim()
    for index in [1, 40_001, 80_001] { #expect(elements[index].pointee == UInt64(index)) }
    #expect(slab.it.resolve(handle) == elements[40_001])
    // Zeros where pages were given back.
    #expect(elements[20_000].pointee == 0)
    #expect(slab.allocate() == elements[99_999])
  }
}
