// Why this file exists: a process without descriptors must recover by itself, and must be watched
// and ended meanwhile. Each test takes the limit of its own process down, so each has one.

import EventLoop
import Glibc
import Primitives
import Testing

/// Takes all descriptors below `ceiling`, also those that other threads of this process (the test
/// runner's, in a child that has just begun) give back for a while yet.
private func fill(below ceiling: Int32 = .max) -> [Int32] {
  var spares: [Int32] = []
  var quiet = Loop.clock()
  while Loop.clock() - quiet < .seconds(1) {
    let spare = dup(0)
    if spare >= 0 && spare < ceiling {
      spares.append(spare)
      quiet = Loop.clock()
    } else if spare >= 0 {
      close(spare)
    } else {
      poll(nil, 0, 1)
    }
  }
  return spares
}

/// Takes the limit down to `room` above the highest descriptor that is open (the process has those
/// of the test runner too), and gives it.
private func lower(room: Int32) -> Int32 {
  var highest: Int32 = 0
  for number in 0..<Int32(4096) where fcntl(number, F_GETFD) >= 0 { highest = number }
  let count = highest + 1 + room
  var limit = rlimit(rlim_cur: UInt(count), rlim_max: UInt(count))
  setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  return count
}

/// Ends the process of an exit test, saying which expectation did not hold.
private func require(_ condition: Bool, _ code: Int32) {
  if !condition { exit(code) }
}

@Suite(.timeLimit(.minutes(3)))
struct DescriptorReserveTests {
  @Test func `Without descriptors a listener rests, loses nobody, and goes on by itself`() async {
    await #expect(processExitsWith: .success) {
      let loop = try Loop.create()
      let door = try Door.tcp(loop)
      let plains = (0..<4).map { _ in PlainSocket.connected(to: door.socket.boundEndpoint) }
      _ = lower(room: 20)
      let spares = fill()
      turn(loop) { !door.pauses.isEmpty }
      require(door.pauses == [0 - EMFILE] && door.wires.isEmpty, 2)
      // It does not spin, and it is told once for the whole spell.
      let rested = Loop.clock() + .milliseconds(250)
      while Loop.clock() < rested { loop.runOnce(waiting: false) }
      require(door.pauses.count == 1 && door.wires.isEmpty, 3)
      for spare in spares { close(spare) }
      turn(loop) { door.wires.count == 4 }
      require(door.pauses.count == 1 && plains.count == 4, 4)
      exit(0)
    }
  }

  @Test func `Traffic leaves the last descriptors alone, and who has spares may use them`() async {
    await #expect(processExitsWith: .success) {
      let loop = try Loop.create()
      let traffic = try Door.tcp(loop)
      let admin = try Door(loop, .tcp(loopback(0), reusePort: false), spares: 2)
      let limit = lower(room: 120)
      DescriptorReserve.keep(limit: Int(limit))
      let ceiling = DescriptorReserve.ceiling
      require(ceiling == limit - 32, 2)
      let plains = (0..<3).map { _ in PlainSocket.connected(to: traffic.socket.boundEndpoint) }
      let spares = fill(below: ceiling)
      // One connection is taken over the border, and the others wait.
      turn(loop) { !traffic.pauses.isEmpty }
      require(traffic.pauses == [0 - EMFILE] && traffic.wires.count == 1, 3)
      require(Stream.descriptor(traffic.wires[0].stream) >= ceiling, 4)
      let client = Wire()
      require(client.connect(loop, to: traffic.address) == 0 - EMFILE, 5)
      Stream.close(client.stream)
      let askers = (0..<3).map { _ in PlainSocket.connected(to: admin.socket.boundEndpoint) }
      turn(loop) { admin.wires.count == 3 }
      require(admin.pauses.isEmpty && traffic.wires.count == 1, 6)
      for asker in askers { asker.close() }
      for spare in spares { close(spare) }
      turn(loop) { traffic.wires.count == 3 }
      let another = Wire()
      require(another.connect(loop, to: traffic.address) == 0, 7)
      require(plains.count == 3, 8)
      exit(0)
    }
  }

  @Test func `With no descriptor at all, spares are given up one by one and taken back`() async {
    await #expect(processExitsWith: .success) {
      let loop = try Loop.create()
      let admin = try Door(loop, .tcp(loopback(0), reusePort: false), spares: 2)
      let askers = (0..<4).map { _ in PlainSocket.connected(to: admin.socket.boundEndpoint) }
      _ = lower(room: 20)
      let spares = fill()
      turn(loop) { !admin.pauses.isEmpty }
      require(admin.wires.count == 2, 2)
      // Each connection that ends makes room for one more, whoever else is waiting for descriptors.
      Stream.close(admin.wires[0].stream)
      admin.listener.refillSpares()
      require(dup(0) < 0, 3)
      turn(loop) { admin.wires.count == 3 }
      require(spares.count > 0 && askers.count == 4, 4)
      // What runs at an ordinary exit, a sanitizer say, may want descriptors.
      _exit(0)
    }
  }
}
