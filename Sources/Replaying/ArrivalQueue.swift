// Why this file exists: a limit sees requests when they arrive, a log has them in the order in
// which they ended. Lines wait here until none that began earlier is to be expected.
package import Primitives

/// Where a line stands.
package struct LinePlace: Equatable, Sendable {
  /// Position of its file among those that are replayed.
  package var file: Int32
  /// From 1.
  package var number: Int64

  package init(file: Int32, number: Int64) {
    self.file = file
    self.number = number
  }
}

/// Lines by the time at which their requests began; those of one time in the order in which they
/// came. Holds a copy of each, within a bound: then the earliest goes on, and a line that comes
/// later and began before it is late.
package struct ArrivalQueue {
  package struct Arrival {
    package var time: Int64
    /// In which it came.
    var order: UInt64
    package var place: LinePlace
    package var bytes: ByteSlice

    func isBefore(_ other: Arrival) -> Bool {
      time != other.time ? time < other.time : order < other.order
    }
  }

  /// Bytes of lines that wait: some 150,000 lines, or the longest request of minutes of traffic.
  package static let usualRoom = 64 * 1024 * 1024

  private let room: Int
  private var used = 0
  private var heap: [Arrival] = []
  private var order: UInt64 = 0

  package init(room: Int = usualRoom) { self.room = room }

  package mutating func destroy() {
    for arrival in heap { arrival.bytes.base.deallocate() }
    heap = []
    used = 0
  }

  package var isFull: Bool { used > room }
  package var isEmpty: Bool { heap.isEmpty }

  package mutating func add(_ line: ByteSlice, time: Int64, place: LinePlace) {
    let copy = UnsafeMutablePointer<UInt8>.allocate(capacity: max(line.count, 1))
    copy.initialize(from: line.base, count: line.count)
    used += line.count + MemoryLayout<Arrival>.stride
    let bytes = ByteSlice(UnsafePointer(copy), line.count)
    heap.append(Arrival(time: time, order: order, place: place, bytes: bytes))
    order += 1
    rise(from: heap.count - 1)
  }

  /// The earliest line, whose bytes are the caller's to deallocate. There must be one.
  package mutating func takeFirst() -> Arrival {
    let first = heap[0]
    let last = heap.removeLast()
    if !heap.isEmpty {
      heap[0] = last
      sink()
    }
    used -= first.bytes.count + MemoryLayout<Arrival>.stride
    return first
  }

  // MARK: The heap: nobody is before its parent

  private mutating func rise(from start: Int) {
    var at = start
    while at > 0 {
      let parent = (at - 1) / 2
      if !heap[at].isBefore(heap[parent]) { return }
      heap.swapAt(at, parent)
      at = parent
    }
  }

  private mutating func sink() {
    var at = 0
    while true {
      var least = at
      for child in 2 * at + 1...2 * at + 2
      where child < heap.count && heap[child].isBefore(heap[least]) {
        least = child
      }
      if least == at { return }
      heap.swapAt(at, least)
      at = least
    }
  }
}
