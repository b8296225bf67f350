// Why this file exists: lines stand in the order in which requests ended; limits saw them in
// another.
import Primitives
import Testing

@testable import Replaying

/// Puts lines with these times in and takes them all out; gives their numbers, from 1.
private func order(_ times: [Int64], room: Int = ArrivalQueue.usualRoom) -> [Int64] {
  var queue = ArrivalQueue(room: room)
  defer { queue.destroy() }
  var order: [Int64] = []
  func take() {
    let first = queue.takeFirst()
    #expect(first.bytes.text == "line \(first.place.number)")
    order.append(first.place.number)
    first.bytes.base.deallocate()
  }
  for (index, time) in times.enumerated() {
    let number = Int64(index + 1)
    Array("line \(number)".utf8).withUnsafeBufferPointer { bytes in
      queue.add(
        ByteSlice(bytes.baseAddress.unsafelyUnwrapped, bytes.count), time: time,
        place: LinePlace(file: 0, number: number))
    }
    while queue.isFull { take() }
  }
  while !queue.isEmpty { take() }
  return order
}

@Suite struct `Lines that wait for earlier ones` {
  @Test func `come by their times, those of one time as they stood`() {
    #expect(order([30, 10, 20, 10, 40, 5]) == [6, 2, 4, 3, 1, 5])
  }

  @Test func `are those of a sort, whatever their order was`() {
    var random = SplitMix64(seed: 7)
    for count in [1, 2, 3, 100, 1_000] {
      let times = (0..<count).map { _ in Int64(random.next() % 50) }
      let sorted = times.indices.sorted { (times[$0], $0) < (times[$1], $1) }
      #expect(order(times) == sorted.map { Int64($0 + 1) })
    }
  }

  @Test func `wait within a bound: then the earliest goes on`() {
    // Two of them are above 100 bytes.
    #expect(order([30, 20, 10], room: 100) == [2, 3, 1])
  }

  @Test func `that are still there are freed with the queue`() {
    var queue = ArrivalQueue()
    let text: StaticString = "x"
    queue.add(ByteSlice(text.utf8Start, 1), time: 1, place: LinePlace(file: 0, number: 1))
    queue.destroy()
    #expect(queue.isEmpty)
  }
}
