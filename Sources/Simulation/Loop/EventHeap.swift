// Why this file exists: in a simulation time goes from one event to the next; which that is must
// be known at once, and be the same in every run.

import Primitives

/// Something that happens at an instant.
struct Event {
  typealias Happen = @convention(c) (UnsafeMutableRawPointer, UInt64) -> Void

  var time: UInt64
  /// Which of those of one instant comes first: the one that was planned first.
  var sequence: UInt64
  var happen: Happen
  var target: UnsafeMutableRawPointer
  var argument: UInt64

  @inline(__always)
  func isBefore(_ other: Event) -> Bool {
    time != other.time ? time < other.time : sequence < other.sequence
  }
}

/// Events in the order of (time, sequence).
struct EventHeap {
  private var events: UnsafeMutablePointer<Event>
  private var capacity: Int
  private(set) var count = 0

  init() {
    capacity = 1024
    events = .allocate(capacity: capacity)
  }

  func destroy() { events.deallocate() }

  /// When the next event is; only when there is one.
  var nextTime: UInt64 { events[0].time }

  mutating func push(_ event: Event) {
    if count == capacity { grow() }
    var place = count
    count += 1
    while place > 0 {
      let parent = (place - 1) >> 2
      if !event.isBefore(events[parent]) { break }
      events[place] = events[parent]
      place = parent
    }
    events[place] = event
  }

  mutating func pop() -> Event {
    let first = events[0]
    count -= 1
    if count > 0 { sink(events[count]) }
    return first
  }

  private func sink(_ event: Event) {
    var place = 0
    while true {
      let child = place << 2 + 1
      if child >= count { break }
      var least = child
      for other in child + 1..<max(min(child + 4, count), child + 1)
      where events[other].isBefore(events[least]) { least = other }
      if !events[least].isBefore(event) { break }
      events[place] = events[least]
      place = least
    }
    events[place] = event
  }

  private mutating func grow() {
    let larger = UnsafeMutablePointer<Event>.allocate(capacity: 2 * capacity)
    larger.moveInitialize(from: events, count: count)
    events.deallocate()
    events = larger
    capacity *= 2
  }
}
