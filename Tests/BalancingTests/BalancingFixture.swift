// Why this file exists: a balancer reads words that the whole process shares; tests make a small
// process of their own.
import Balancing
import Primitives

/// The shared words of one service. Freed when the fixture goes.
final class Backends {
  let count: Int
  let usable: SharedWords
  private let activeWords: SharedWords
  private let activeTable: UnsafeMutablePointer<SharedWord>
  let sequence = SharedWord.allocate()
  var maximum: UInt64 = .max

  /// All usable and idle.
  init(_ count: Int) {
    self.count = count
    usable = SharedWords.allocate(count: max(1, (count + 63) / 64))
    activeWords = SharedWords.allocate(count: max(1, count))
    activeTable = .allocate(capacity: max(1, count))
    for index in 0..<count {
      (activeTable + index).initialize(to: activeWords[index])
      setUsable(index, true)
    }
  }

  deinit {
    usable.deallocate()
    activeWords.deallocate()
    activeTable.deallocate()
    sequence.deallocate()
  }

  var view: BackendView {
    BackendView(
      count: count, usable: usable, active: UnsafePointer(activeTable), maximum: maximum)
  }

  func setUsable(_ backend: Int, _ isUsable: Bool) {
    let word = usable[backend >> 6]
    let bit: UInt64 = 1 << UInt64(backend & 63)
    word.store(isUsable ? word.load() | bit : word.load() & ~bit)
  }

  func setActive(_ backend: Int, _ requests: UInt64) { activeWords[backend].store(requests) }

  func pick(tried: [Int] = []) -> Pick {
    var set = TriedBackends()
    for backend in tried { set.insert(backend) }
    return BalancerPolicy.roundRobin.pick(view, tried: set, sequence: sequence)
  }
}
