// Why this file exists: a condition that one policy forgets sends requests where none should go;
// all are asked here.
import Balancing
import Primitives
import Testing

@Suite struct EligibilityTests {
  private func tried(_ backends: Int...) -> TriedBackends {
    var set = TriedBackends()
    for backend in backends { set.insert(backend) }
    return set
  }

  @Test func `every condition counts`() {
    let backends = Backends(5)
    backends.maximum = 3
    backends.setUsable(1, false)
    backends.setActive(2, 3)
    let eligible = Eligibility(backends.view, tried: tried(3))
    #expect((0..<5).map { eligible.contains($0) } == [true, false, false, false, true])
  }

  @Test func `the search goes round once`() {
    let backends = Backends(130)
    for index in 0..<130 { backends.setUsable(index, index == 64) }
    let eligible = Eligibility(backends.view, tried: TriedBackends())
    for start in [0, 63, 64, 65, 127, 128, 129] { #expect(eligible.first(from: start) == 64) }
    backends.setUsable(64, false)
    for start in [0, 64, 129] { #expect(eligible.first(from: start) == nil) }
  }

  @Test func `bits beyond the last backend do not count`() {
    let backends = Backends(3)
    backends.usable[0].store(.max)
    let eligible = Eligibility(backends.view, tried: tried(0, 1, 2))
    for start in 0..<3 { #expect(eligible.first(from: start) == nil) }
    let untried = Eligibility(backends.view, tried: TriedBackends())
    backends.usable[0].store(.max << 3)
    for start in 0..<3 { #expect(untried.first(from: start) == nil) }
  }

  @Test func `a set of tried backends remembers the last eight`() {
    var set = TriedBackends()
    #expect(set.isEmpty && !set.contains(0))
    for backend in 0..<8 { set.insert(backend) }
    #expect((0..<8).allSatisfy { set.contains($0) })
    #expect(!set.contains(8))
    set.insert(8)
    #expect(!set.contains(0))
    #expect((1...8).allSatisfy { set.contains($0) })
  }
}
