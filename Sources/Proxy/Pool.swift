// Why this file exists: idle connections of one worker to one backend, newest first, so that the
// surplus stays cold and its timer sheds it.
import EventLoop
import Forwarding
import HTTPParsing
import HTTPSemantics
import Primitives
import Synchronization

/// The idle connections to one backend, linked through the connections themselves.
struct Pool {
  var newest: BackendRef?
  var oldest: BackendRef?
  var count: UInt32 = 0
  /// The newest snapshot's settings; 0 connections are kept of a backend that it does not have.
  var idleMax: UInt32 = 0
  var idleTimeout = Duration.zero
}

extension WorkerRef {
  /// The newest idle connection to the backend, if the exchange may have it: a request that could
  /// not be repeated takes only one that was used a moment ago, because the backend may be about to
  /// close an older one. A request that lost such a race has a new one made: the whole pool may be
  /// as dead.
  @inline(__always)
  func takeIdle(_ entry: UnsafePointer<BackendEntry>, for exchange: ExchangeRef) -> BackendRef? {
    guard let backend = pointee.pools[entry.pointee.shared.poolIndex].newest else { return nil }
    let age = pointee.now - backend.pointee.idleSince
    let machine = exchange.pointer(to: \.machine).unsafelyUnwrapped
    if machine.pointee.retriedFor == .reusedReset { return nil }
    if age >= Bounds.freshIdle, !machine.pointee.survivesReset(exchange.pointee.framing) {
      return nil
    }
    unlinkIdle(backend)
    return backend
  }

  /// Takes a place for a new connection to the backend. Where all are taken, an idle connection of
  /// this worker that the request may not have gives up its own.
  func reservePlace(at entry: UnsafePointer<BackendEntry>, maximum: UInt32) -> Bool {
    while !entry.pointee.shared.reserve(maximum: maximum) {
      guard let oldest = pointee.pools[entry.pointee.shared.poolIndex].oldest else { return false }
      oldest.close()
    }
    return true
  }

  /// A new connection to the backend, being made; its place has been reserved. Else the fault: a
  /// descriptor or a slot that is missing is our own, and says nothing of the backend.
  func openBackend(
    _ entry: UnsafePointer<BackendEntry>, _ service: ServiceShared, fault: inout Fault
  ) -> BackendRef? {
    guard let backend = pointee.backends.allocate() else {
      entry.pointee.shared.unreserve()
      fault = .overloaded
      return nil
    }
    backend.initialize(
      to: BackendConnection(
        stream: Stream(), worker: self, parser: ResponseParser(),
        timer: TimerNode(
          owner: UnsafeMutableRawPointer(backend), kind: TimerKind.backend.rawValue),
        shared: entry.pointee.shared, service: service))
    ResponseParser.initialise(backend.parser, requestWasHead: false)
    var address = BackendAddress(tcp: entry.pointee.endpoint)
    address.unixPath = entry.pointee.unixPath
    let owner = UnsafeMutableRawPointer(backend)
    precondition(
      Stream.prepare(
        backend.stream, for: address, loop: pointee.loop, owner: owner, handlers: backendHandlers)
        == 0)  // makes no socket yet
    let result = Stream.connect(backend.stream, to: address)
    if result == 0 { return backend }
    backend.close()
    fault = Stream.isShortage(result) ? .overloaded : .connectFailed
    return nil
  }

  /// A connection whose exchange is over: to who has waited longest, or into the pool.
  func park(_ backend: BackendRef) {
    let pool = pool(of: backend)
    let mustGo =
      pointee.isDraining || pool.pointee.idleMax == 0 || backend.pointee.shared.isDraining
    if !mustGo && backend.pointee.service.hasWaiting { return handOver(backend) }
    backend.pointee.phase = .idle
    backend.pointee.idleSince = pointee.now
    backend.pointee.exchange = nil
    linkIdle(backend)
    if mustGo { return backend.close() }
    // Who has come to wait meanwhile at another worker may have looked before it was idle here, and
    // nobody would look again before the next request.
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    if backend.pointee.service.hasWaiting {
      unlinkIdle(backend)
      backend.pointee.phase = .leased
      return handOver(backend)
    }
    let most = idleTimeout(of: backend, pool)
    arm(backend.timer, at: pointee.now + (isFull(pool) ? min(most, Bounds.surplusIdle) : most))
  }

  /// Its timer has fired: it has been idle for as long as it may be, or was above the limit when it
  /// came, and nobody has needed it since.
  func idleIsOver(_ backend: BackendRef) {
    let pool = pool(of: backend)
    let end = backend.pointee.idleSince + idleTimeout(of: backend, pool)
    if isFull(pool) || end <= pointee.now { return backend.close() }
    arm(backend.timer, at: end)
  }

  /// More are idle than are kept.
  @inline(__always)
  private func isFull(_ pool: UnsafeMutablePointer<Pool>) -> Bool {
    pool.pointee.count > pool.pointee.idleMax
  }

  @inline(__always)
  private func pool(of backend: BackendRef) -> UnsafeMutablePointer<Pool> {
    pointee.pools.baseAddress.unsafelyUnwrapped + backend.pointee.shared.poolIndex
  }

  /// The setting, or one second less than the backend says it will wait, if that is sooner.
  @inline(__always)
  private func idleTimeout(
    of backend: BackendRef, _ pool: UnsafeMutablePointer<Pool>
  ) -> Duration {
    let hint = backend.pointee.keepAliveSeconds
    if hint == 0 { return pool.pointee.idleTimeout }
    return min(pool.pointee.idleTimeout, .seconds(Int64(hint) - 1))
  }

  @inline(__always)
  private func linkIdle(_ backend: BackendRef) {
    let pool = pool(of: backend)
    backend.pointee.newer = nil
    backend.pointee.older = pool.pointee.newest
    if let before = pool.pointee.newest { before.pointee.newer = backend }
    pool.pointee.newest = backend
    if pool.pointee.oldest == nil { pool.pointee.oldest = backend }
    pool.pointee.count += 1
    backend.pointee.shared.idle(worker: pointee.index).increment()
  }

  /// Takes a connection out of its pool; its phase is for the caller to set.
  func unlinkIdle(_ backend: BackendRef) {
    let pool = pool(of: backend)
    let newer = backend.pointee.newer
    let older = backend.pointee.older
    if let newer { newer.pointee.older = older } else { pool.pointee.newest = older }
    if let older { older.pointee.newer = newer } else { pool.pointee.oldest = newer }
    backend.pointee.newer = nil
    backend.pointee.older = nil
    pool.pointee.count -= 1
    backend.pointee.shared.idle(worker: pointee.index).decrement()
  }
}
