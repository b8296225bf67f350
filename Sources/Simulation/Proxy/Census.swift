// Why this file exists: a simulation may look into every worker between two rounds, and hold what
// is counted against what is there. The shipped module has no such window; this file is not part of
// it.

import Balancing
import CircuitBreaking
import EventLoop
import Forwarding
import HTTPSemantics
package import Primitives
import Telemetry

/// What there is, worker by worker.
package struct Census {
  let plane: DataPlane

  /// What must agree after every step: a few additions for each worker.
  package func disagreement() -> String? {
    var counted = 0
    for worker in plane.workers {
      if worker.pointee.hasLeft { continue }
      counted += worker.pointee.clients.count - worker.pointee.refusedCount
      if worker.pointee.exchanges.count > worker.pointee.clients.count {
        return "more exchanges than clients at worker \(worker.pointee.index)"
      }
    }
    let connections = Int(plane.shared.pointee.connections.load())
    if counted != connections {
      return "\(connections) connections are counted, there are \(counted)"
    }
    return nil
  }

  /// Clients and exchanges: how much a sweep has to look at.
  package var size: Int {
    plane.workers.reduce(0) {
      $1.pointee.hasLeft ? $0 : $0 + $1.pointee.clients.count + $1.pointee.backends.count
    }
  }
}

extension DataPlane {
  package var census: Census { Census(plane: self) }
}

/// What a sweep has found of one backend, by its number, and of one service.
private struct Found {
  var active: [Int: Int] = [:]
  var trials: [Int: Int] = [:]
  var open: [Int: Int] = [:]
  var idle: [Int: Int] = [:]
  var waiting: [Int: Int] = [:]
}

// MARK: - Everything

extension Census {
  /// Looks at every connection and every exchange; the first thing that is not as it should be.
  /// - Parameter lateness: how late a deadline may be noticed besides.
  package func sweep(now: Instant, lateness: Duration) -> String? {
    var found = Found()
    for worker in plane.workers where !worker.pointee.hasLeft {
      if let wrong = sweepExchanges(worker, now, lateness, &found) { return wrong }
      if let wrong = sweepClients(worker, now, lateness) { return wrong }
      if let wrong = sweepBackends(worker, &found) { return wrong }
      if let wrong = sweepTimers(worker) { return wrong }
    }
    let users = plane.exchangesInFlight
    let exchanges = plane.workers.reduce(0) {
      $1.pointee.hasLeft ? $0 : $0 + $1.pointee.exchanges.count
    }
    if users != exchanges { return "snapshots count \(users) exchanges, there are \(exchanges)" }
    return compare(found, now: now)
  }

  private func sweepExchanges(
    _ worker: WorkerRef, _ now: Instant, _ lateness: Duration, _ found: inout Found
  ) -> String? {
    for index in 0..<worker.pointee.exchanges.touched where worker.pointee.exchanges.isInUse(index)
    {
      let exchange = worker.pointee.exchanges.pointer(at: index)
      let machine = exchange.pointee.machine
      if exchange.pointee.client.pointee.exchange != exchange { return "an exchange has no client" }
      if exchange.pointee.permit.isHeld != !exchange.pointee.isJudged
        && machine.phase != .tunnel
      {
        return "an attempt holds a place and is judged, or neither, in \(machine.phase)"
      }
      if exchange.pointee.picked >= 0 {
        let entry = exchange.pointee.snapshot.pointee.backends[Int(exchange.pointee.picked)]
        let number = entry.shared.poolIndex
        if exchange.pointee.permit.isHeld { found.active[number, default: 0] += 1 }
        if exchange.pointee.breakerPermit.isTrial,
          exchange.pointee.breakerPermit.belongs(to: entry.shared.breaker.now)
        {
          found.trials[number, default: 0] += 1
        }
      }
      if machine.phase == .queued {
        found.waiting[exchange.service.pointee.shared.queueIndex, default: 0] += 1
      }
      let distance = machine.nextDeadline - exchange.pointee.record.begun
      let allowed = lateness + Duration(nanoseconds: max(0, distance.nanoseconds) / 100)
      if machine.nextDeadline < .distantFuture, now - machine.nextDeadline > allowed {
        return "an exchange in \(machine.phase) is \((now - machine.nextDeadline).nanoseconds) ns"
          + " behind its deadline"
      }
      if machine.phase != .over,
        exchange.pointee.client.pointee.timer.deadline > machine.nextDeadline
      {
        return "an exchange in \(machine.phase) is not woken at its deadline"
      }
    }
    return nil
  }

  private func sweepClients(
    _ worker: WorkerRef, _ now: Instant, _ lateness: Duration
  ) -> String? {
    var refused = 0
    for index in 0..<worker.pointee.clients.touched where worker.pointee.clients.isInUse(index) {
      let client = worker.pointee.clients.pointer(at: index)
      if !client.pointee.isCounted { refused += 1 }
      if let exchange = client.pointee.exchange, exchange.pointee.client != client {
        return "a client has another's exchange"
      }
      let timer = client.pointee.timer
      switch client.pointee.phase {
      case .closed:
        if timer.isArmed { return "a closed client has a deadline" }
        continue
      case .idle, .head, .skipping, .discarding:
        if !timer.isArmed || timer.deadline == .distantFuture {
          return "a client in \(client.pointee.phase) has no deadline"
        }
      case .body, .waiting, .tunnel:
        if client.pointee.exchange == nil { return "\(client.pointee.phase) without an exchange" }
        if !timer.isArmed && timer.deadline < .distantFuture { return "a deadline is not armed" }
      }
      // The longest of them is 75 s.
      let allowed = lateness + .milliseconds(800)
      if timer.deadline < .distantFuture, now - timer.deadline > allowed {
        return "a client in \(client.pointee.phase) is \((now - timer.deadline).nanoseconds) ns"
          + " behind its deadline"
      }
    }
    if refused != worker.pointee.refusedCount { return "refused clients are counted wrongly" }
    return nil
  }

  private func sweepBackends(_ worker: WorkerRef, _ found: inout Found) -> String? {
    var idle: [Int: Int] = [:]
    for index in 0..<worker.pointee.backends.touched where worker.pointee.backends.isInUse(index) {
      let backend = worker.pointee.backends.pointer(at: index)
      let number = backend.pointee.shared.poolIndex
      switch backend.pointee.phase {
      case .closed: continue
      case .idle:
        idle[number, default: 0] += 1
        if backend.pointee.exchange != nil { return "an idle connection has an exchange" }
        if !backend.pointee.timer.isArmed { return "an idle connection has no deadline" }
        if Stream.hasEnded(backend.stream) { return "a connection idles behind its end" }
      case .connecting, .leased:
        guard let exchange = backend.pointee.exchange else { return "a lease without an exchange" }
        if exchange.pointee.backend != backend { return "an exchange has another lease" }
      }
      found.open[number, default: 0] += 1
    }
    for (number, pool) in worker.pointee.pools.enumerated() {
      let there = idle[number] ?? 0
      if Int(pool.count) != there { return "a pool counts \(pool.count), there are \(there)" }
      found.idle[number, default: 0] += there
    }
    for (number, queue) in worker.pointee.queues.enumerated() where queue.count > 0 {
      var length = 0
      var next = queue.first
      while let exchange = next {
        length += 1
        if exchange.pointee.machine.phase != .queued { return "one waits who is not queued" }
        next = exchange.pointee.nextWaiting
      }
      if length != queue.count { return "line \(number) counts \(queue.count), has \(length)" }
    }
    return nil
  }

  private func sweepTimers(_ worker: WorkerRef) -> String? {
    var armed = worker.pointee.log.state.pointee.timer.pointee.isArmed ? 1 : 0
    for index in 0..<worker.pointee.clients.touched where worker.pointee.clients.isInUse(index) {
      if worker.pointee.clients.pointer(at: index).pointee.timer.isArmed { armed += 1 }
    }
    for index in 0..<worker.pointee.backends.touched where worker.pointee.backends.isInUse(index) {
      if worker.pointee.backends.pointer(at: index).pointee.timer.isArmed { armed += 1 }
    }
    let counted = worker.pointee.wheel.armedCount
    return armed == counted ? nil : "the wheel counts \(counted) timers, \(armed) are armed"
  }

  // MARK: What all workers share

  private func compare(_ found: Found, now: Instant) -> String? {
    for known in plane.chain.registry.knownBackends {
      let shared = known.value.shared
      let number = known.number
      func differ(_ what: String, _ counted: UInt64, _ there: Int?) -> String? {
        let there = there ?? 0
        if Int(truncatingIfNeeded: counted) == there { return nil }
        return
          "\(what) of \(known.value.label): \(Int64(bitPattern: counted)) counted, \(there) there"
      }
      if let wrong = differ("requests in flight", shared.active.load(), found.active[number])
        ?? differ("open connections", shared.open.load(), found.open[number])
        ?? differ(
          "idle connections", shared.idleTotal(workers: plane.settings.workers), found.idle[number])
        ?? trials(shared, known.value.label, found.trials[number] ?? 0)
      {
        return wrong
      }
    }
    for known in plane.chain.registry.knownServices {
      let waiting = Int(truncatingIfNeeded: known.value.shared.waiting.load())
      let there = found.waiting[known.number] ?? 0
      if waiting != there {
        return "\(waiting) are said to wait for \(known.value.name), there are \(there)"
      }
    }
    return nil
  }

  /// Those under way, and those that have succeeded, are those that were taken.
  private func trials(_ shared: BackendShared, _ label: String, _ underWay: Int) -> String? {
    let state = shared.breaker.now
    guard state.phase == .halfOpen else { return nil }
    let known = underWay + Int(state.succeeded)
    if known == Int(state.taken) { return nil }
    return "\(state.taken) trials of \(label) are counted, there are \(known)"
  }
}

// MARK: - The end

extension Census {
  /// Requests that a worker has counted, and lines of its log that were lost.
  package func recorded(by index: Int) -> (requests: UInt64, dropped: UInt64) {
    let metrics = plane.workers[index].pointee.metrics
    var requests = metrics.requests.overflow
    for place in 0..<metrics.requests.places {
      requests += metrics.requests.entry(at: place)?.count ?? 0
    }
    return (requests, metrics.accessLogDropped.value)
  }

  /// After the last connection of a worker: what it still holds.
  package func leftovers(of index: Int) -> String? {
    let worker = plane.workers[index]
    func left(_ what: String, _ count: Int) -> String? {
      count == 0 ? nil : "worker \(index) ends with \(count) \(what)"
    }
    return left("clients", worker.pointee.clients.count)
      ?? left("backend connections", worker.pointee.backends.count)
      ?? left("exchanges", worker.pointee.exchanges.count)
      ?? left("buffers", worker.pointee.buffers.buffersOut)
      ?? left("timers", worker.pointee.wheel.armedCount)
      ?? left("refused clients", worker.pointee.refusedCount)
      ?? left("requests in line", worker.pointee.queues.reduce(0) { $0 + $1.count })
      ?? left("pooled connections", worker.pointee.pools.reduce(0) { $0 + Int($1.count) })
      ?? left("loop handles", worker.pointee.loop.openHandles)
      ?? left("clients awaiting a turn", worker.pointee.turns.first == nil ? 0 : 1)
  }
}
