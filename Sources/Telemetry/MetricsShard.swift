// Why this file exists: each worker counts in memory of its own, with plain loads and stores; the
// scrape adds the workers up.
public import HTTPSemantics
public import Primitives

/// What one finished request adds to the metrics.
@frozen @usableFromInline
package struct RequestSample {
  /// Indices of the layout; 0 for none.
  @usableFromInline package var route: Int
  @usableFromInline package var service: Int
  @usableFromInline package var method: Method
  @usableFromInline package var status: UInt16
  /// The gateway's own answer, or why the exchange was cut; `none` for a backend's answer.
  @usableFromInline package var reason: Reason
  /// From the first byte of the head to the last byte of the answer.
  @usableFromInline package var duration: Duration
  /// Of it, in the gateway itself.
  @usableFromInline package var overhead: Duration
  /// Nil when no backend was handed the request.
  @usableFromInline package var upstream: Duration?
  @usableFromInline package var bytesIn: UInt64
  @usableFromInline package var bytesOut: UInt64

  @inlinable package init(
    route: Int, service: Int, method: Method, status: UInt16, reason: Reason, duration: Duration,
    overhead: Duration, upstream: Duration?, bytesIn: UInt64, bytesOut: UInt64
  ) {
    self.route = route
    self.service = service
    self.method = method
    self.status = status
    self.reason = reason
    self.duration = duration
    self.overhead = overhead
    self.upstream = upstream
    self.bytesIn = bytesIn
    self.bytesOut = bytesOut
  }
}

/// The metrics of one worker under one layout. One writing thread, any number of readers. Gauges
/// may fall below zero in one shard (a connection may be counted in by another); their sum is
/// right.
@frozen @usableFromInline
package struct MetricsShard: @unchecked Sendable {
  @usableFromInline package let words: SharedWords
  @usableFromInline package let requests: RequestTable
  @usableFromInline package let exemplars: ExemplarTable
  @usableFromInline package let requestBounds: HistogramBounds
  @usableFromInline package let overheadBounds: HistogramBounds
  @usableFromInline package let routeCount: Int
  @usableFromInline package let serviceCount: Int
  @usableFromInline package let backendCount: Int
  /// Where the first route's, service's and backend's words begin.
  @usableFromInline package let routes: SharedCounter
  @usableFromInline package let services: SharedCounter
  @usableFromInline package let backends: SharedCounter
  @usableFromInline package let routeStride: Int
  @usableFromInline package let serviceStride: Int

  /// Words before the routes: single counters, then one per reason.
  @inlinable package static var connectionsWord: Int { 0 }
  @inlinable package static var fieldsDroppedWord: Int { 1 }
  @inlinable package static var logDroppedWord: Int { 2 }
  @inlinable package static var lagWord: Int { 3 }
  @inlinable package static var sheddingWord: Int { 4 }
  @inlinable package static var reasonsWord: Int { 8 }
  /// A reason's raw value is below this.
  @inlinable package static var reasonSlots: Int { 48 }
  /// All before the backends.
  static var singleWords: Int { reasonsWord + reasonSlots }
  /// Two words: opened, reused.
  @inlinable package static var backendStride: Int { 2 }

  /// The shards of so many workers. Start-up and reload only. Each takes 8 bytes a word: about 340
  /// a route, 240 a service, 16 a backend, and 16 for each place of the request table; exemplars
  /// take theirs when there are any.
  package static func create(_ room: MetricsRoom, workers: Int) -> [MetricsShard] {
    RequestTable.create(capacity: room.series, workers: workers).map {
      MetricsShard(
        room, $0, requestBounds: HistogramBoundaries.request.bounds,
        overheadBounds: HistogramBoundaries.overhead.bounds)
    }
  }
  /// The shard of an only worker.
  package static func create(_ room: MetricsRoom) -> MetricsShard { create(room, workers: 1)[0] }

  private init(
    _ room: MetricsRoom, _ requests: RequestTable, requestBounds: HistogramBounds,
    overheadBounds: HistogramBounds
  ) {
    precondition(Reason.allCases.count <= MetricsShard.reasonSlots)
    self.requestBounds = requestBounds
    self.overheadBounds = overheadBounds
    routeCount = room.routes
    serviceCount = room.services
    backendCount = room.backends
    routeStride = requestBounds.wordCount + overheadBounds.wordCount + 2
    serviceStride = requestBounds.wordCount + RetryKind.allCases.count
    let backendsWord = MetricsShard.singleWords
    let routesWord = backendsWord + backendCount * MetricsShard.backendStride
    let servicesWord = routesWord + routeCount * routeStride
    words = SharedWords.allocate(count: servicesWord + serviceCount * serviceStride)
    backends = words.counter(0).next(backendsWord)
    routes = words.counter(0).next(routesWord)
    services = words.counter(0).next(servicesWord)
    self.requests = requests
    exemplars = ExemplarTable.create(
      slots: MetricsShard.exemplarSlots(room, requestBounds, overheadBounds))
  }

  package func destroy() {
    words.deallocate()
    requests.destroy()
    exemplars.destroy()
  }

  // MARK: - Per request

  /// Counts a finished request.
  @inlinable @inline(__always) package func record(_ sample: RequestSample) {
    requests.count(
      RequestTable.key(
        route: sample.route, service: sample.service, method: sample.method,
        status: sample.status))
    requestDuration(route: sample.route).record(MetricsShard.positive(sample.duration))
    overhead(route: sample.route).record(MetricsShard.positive(sample.overhead))
    if let upstream = sample.upstream {
      upstreamDuration(service: sample.service).record(MetricsShard.positive(upstream))
    }
    requestBytes(route: sample.route).add(sample.bytesIn)
    responseBytes(route: sample.route).add(sample.bytesOut)
    switch sample.reason {
    case .none: break
    case let reason: localResponses(reason).increment()
    }
  }

  @inlinable package static func positive(_ duration: Duration) -> UInt64 {
    duration.nanoseconds > 0 ? UInt64(duration.nanoseconds) : 0
  }

  @inlinable package func route(_ index: Int) -> SharedCounter {
    precondition(index >= 0 && index < routeCount)
    return routes.next(index &* routeStride)
  }
  @inlinable package func requestDuration(route index: Int) -> FixedHistogram {
    FixedHistogram(bounds: requestBounds, first: route(index))
  }
  @inlinable package func overhead(route index: Int) -> FixedHistogram {
    FixedHistogram(bounds: overheadBounds, first: route(index).next(requestBounds.wordCount))
  }
  @inlinable package func requestBytes(route index: Int) -> SharedCounter {
    route(index).next(requestBounds.wordCount &+ overheadBounds.wordCount)
  }
  @inlinable package func responseBytes(route index: Int) -> SharedCounter {
    requestBytes(route: index).next(1)
  }
  @inlinable package func service(_ index: Int) -> SharedCounter {
    precondition(index >= 0 && index < serviceCount)
    return services.next(index &* serviceStride)
  }
  @inlinable package func upstreamDuration(service index: Int) -> FixedHistogram {
    FixedHistogram(bounds: requestBounds, first: service(index))
  }
  /// Tries made again, by what the one before ended with.
  @inlinable package func retries(service index: Int, kind: RetryKind) -> SharedCounter {
    service(index).next(requestBounds.wordCount &+ Int(kind.rawValue))
  }
  @inlinable package func localResponses(_ reason: Reason) -> SharedCounter {
    words.counter(MetricsShard.reasonsWord &+ Int(reason.rawValue))
  }
  /// Request fields left out because of an underscore in the name.
  @inlinable package var underscoreFieldsDropped: SharedCounter {
    words.counter(MetricsShard.fieldsDroppedWord)
  }

  // MARK: - Gauges and connections

  @inlinable package var clientConnections: SharedCounter {
    words.counter(MetricsShard.connectionsWord)
  }
  @inlinable package var accessLogDropped: SharedCounter {
    words.counter(MetricsShard.logDroppedWord)
  }
  /// Nanoseconds; set by the worker.
  @inlinable package var eventLoopLag: SharedCounter { words.counter(MetricsShard.lagWord) }
  /// 0 nothing, 1 new connections, 2 requests too; set by the worker.
  @inlinable package var shedding: SharedCounter { words.counter(MetricsShard.sheddingWord) }

  @inlinable package func backend(_ index: Int) -> SharedCounter {
    precondition(index >= 0 && index < backendCount)
    return backends.next(index &* MetricsShard.backendStride)
  }
  /// Connections made to a backend.
  @inlinable package func poolOpened(backend index: Int) -> SharedCounter { backend(index) }
  /// Requests that went over a connection already open.
  @inlinable package func poolReused(backend index: Int) -> SharedCounter { backend(index).next(1) }
}

// MARK: - Another configuration

extension MetricsShard {
  /// Goes on from where `old` stands, without what is to be forgotten. This shard is new and has
  /// room for all that `old` holds. Called by the writing thread, which counts here from then on.
  /// Exemplars, of which any recent one will do, begin anew.
  package func take(over old: MetricsShard, without forgotten: Forgotten) {
    precondition(routeCount >= old.routeCount && serviceCount >= old.serviceCount)
    precondition(backendCount >= old.backendCount)
    words.counter(0).copy(from: old.words.counter(0), count: MetricsShard.singleWords)
    backends.copy(from: old.backends, count: old.backendCount * MetricsShard.backendStride)
    routes.copy(from: old.routes, count: old.routeCount * routeStride)
    services.copy(from: old.services, count: old.serviceCount * serviceStride)
    requests.take(over: old.requests, without: forgotten)
    forget(forgotten)
  }

  /// Begins anew with these backends, in place; routes and services are counted in the request
  /// table too, so they need `take`.
  package func forget(backends forgotten: Bitset) {
    clear(forgotten, MetricsShard.backendStride, backends)
  }

  private func forget(_ forgotten: Forgotten) {
    clear(forgotten.routes, routeStride, routes)
    clear(forgotten.services, serviceStride, services)
    clear(forgotten.backends, MetricsShard.backendStride, backends)
  }

  private func clear(_ numbers: Bitset, _ stride: Int, _ first: SharedCounter) {
    var next = numbers.first(from: 0)
    while let number = next {
      for word in 0..<stride { first.next(number * stride + word).set(0) }
      next = numbers.first(from: number + 1)
    }
  }
}
