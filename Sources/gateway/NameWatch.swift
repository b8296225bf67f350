// Why this file exists: the addresses behind a host name change while the gateway runs. The control
// loop asks for them, again and again, and hands over what has changed; no request ever waits for a
// name.

import Configuration
import EventLoop
import Logging
import Primitives

/// Who knows the addresses of names; a test stands in for it.
protocol NameSource: AnyObject {
  typealias Answer = Result<[IPAddress], EventLoopError>

  /// Looks a name up on the loop, without waiting; gives what calls it off.
  func lookUp(
    _ host: String, on loop: Loop, _ completion: @escaping (Answer) -> Void
  ) throws(EventLoopError) -> () -> Void
}

/// The system's resolver.
final class SystemNames: NameSource {
  func lookUp(
    _ host: String, on loop: Loop, _ completion: @escaping (Answer) -> Void
  ) throws(EventLoopError) -> () -> Void {
    try Resolution.start(loop, host: host, completion: completion).cancel
  }
}

/// Asks for the addresses of the backends' names. For the control loop's thread.
final class NameWatch {
  private let loop: Loop
  private let log: Logger
  private let source: any NameSource
  private var table = NameTable()
  private var random: Xoroshiro
  private var asked: [String: () -> Void] = [:]
  private var timer: Timer?
  private var isFirstTimeOver = false
  /// The names of the configuration in use; others are asked for one that is to follow.
  private var inUse: Set<String> = []
  private var onFirstAnswers: (() -> Void)?
  private var patience: Timer?
  /// Called with the addresses of all names when those of one have changed.
  var onChange: ([String: [IPAddress]]) -> Void = { _ in }

  /// So long a start is held up for the names' first answers. What is not there by then comes
  /// later.
  static let firstAnswersTime = Duration.seconds(3)
  /// Between two questions for the host of `tracing.export`.
  private static let collectorPeriod = Duration.seconds(10)

  /// - Parameter seed: from the system, so that no two gateways ask in step.
  init(_ loop: Loop, _ log: Logger, seed: UInt64, source: any NameSource = SystemNames()) {
    self.loop = loop
    self.log = log
    random = Xoroshiro(seed: seed)
    self.source = source
    let owner = Unmanaged.passUnretained(self).toOpaque()
    timer = Timer.create(loop, owner: owner) { owner in
      Unmanaged<NameWatch>.fromOpaque(owner).takeUnretainedValue().fired()
    }
  }

  /// The addresses of every name that has some.
  var addresses: [String: [IPAddress]] { table.addresses }

  /// Watches the names of this configuration, which is in use, and no others.
  func watch(_ configuration: GatewayConfiguration) {
    let names = NameWatch.names(of: configuration)
    inUse = Set(names.keys)
    keep(names)
  }

  /// Asks for the names of a configuration that is to follow this one, and calls back when each
  /// has had its first answer or failure, or the time for it is over: at once when none is new.
  /// Until the next `watch`.
  func prepare(
    _ next: GatewayConfiguration, after current: GatewayConfiguration,
    _ completion: @escaping () -> Void
  ) {
    keep(NameWatch.names(of: current).merging(NameWatch.names(of: next), uniquingKeysWith: min))
    guard table.isWaitingForFirst else { return completion() }
    onFirstAnswers = completion
    if patience == nil {
      let owner = Unmanaged.passUnretained(self).toOpaque()
      patience = Timer.create(loop, owner: owner) { owner in
        Unmanaged<NameWatch>.fromOpaque(owner).takeUnretainedValue().answersAreThere()
      }
    }
    patience?.start(at: now() + NameWatch.firstAnswersTime)
  }

  private func answersAreThere() {
    patience?.stop()
    let completion = onFirstAnswers
    onFirstAnswers = nil
    completion?()
  }

  private static func names(of configuration: GatewayConfiguration) -> [String: Duration] {
    var names: [String: Duration] = [:]
    for service in configuration.services {
      for backend in service.backends {
        guard case .name(let host, _) = backend.address.form else { continue }
        names[host] = min(names[host] ?? service.resolveEvery, service.resolveEvery)
      }
    }
    if case .name(let host, _)? = configuration.tracing.export?.address.form {
      names[host] = min(names[host] ?? collectorPeriod, collectorPeriod)
    }
    return names
  }

  private func keep(_ names: [String: Duration]) {
    for (host, cancel) in asked where names[host] == nil {
      cancel()
      asked[host] = nil
    }
    table.watch(names, now: now())
    askDue()
  }

  /// Runs the loop until every name has had its first answer or failure, or the time is over.
  /// Before the gateway starts; `onChange` is not called.
  func awaitFirstAnswers(atMost limit: Duration = NameWatch.firstAnswersTime) {
    let report = onChange
    onChange = { _ in }
    defer { onChange = report }
    let end = now() + limit
    let alarm = Timer.create(loop, owner: Unmanaged.passUnretained(self).toOpaque()) { owner in
      Unmanaged<NameWatch>.fromOpaque(owner).takeUnretainedValue().isFirstTimeOver = true
    }
    alarm.start(at: end)
    while table.isWaitingForFirst && !isFirstTimeOver { loop.runOnce(waiting: true) }
    alarm.close()
  }

  /// Nothing is asked any more.
  func close() {
    timer?.close()
    timer = nil
    patience?.close()
    patience = nil
    for cancel in asked.values { cancel() }
    asked = [:]
  }

  private func now() -> Instant {
    loop.updateTime()
    return loop.now
  }

  private func fired() { askDue() }

  private func askDue() {
    for host in table.takeDue(now: now()) {
      do throws(EventLoopError) {
        asked[host] = try source.lookUp(host, on: loop) { [weak self] answer in
          self?.finished(host, answer)
        }
      } catch {
        tell(host, table.failed(host, "\(error)", now: now(), random: &random))
      }
    }
    timer?.start(at: table.nextDue)
  }

  private func finished(_ host: String, _ result: NameSource.Answer) {
    asked[host] = nil
    let event =
      switch result {
      case .success(let addresses):
        table.answered(host, addresses, now: now(), random: &random)
      case .failure(let error): table.failed(host, error.reason, now: now(), random: &random)
      }
    tell(host, event)
    timer?.start(at: table.nextDue)
    switch event {
    case .found, .changed: if inUse.contains(host) { onChange(table.addresses) }
    case .failing, .recovered, nil: break
    }
    if onFirstAnswers != nil && !table.isWaitingForFirst { answersAreThere() }
  }

  private func tell(_ host: String, _ event: NameEvent?) {
    var metadata: Logger.Metadata = ["name": "\(host)"]
    switch event {
    case nil: return
    case .found(let addresses):
      metadata["addresses"] = "\(NameWatch.list(addresses))"
      log.notice("a name has its addresses", metadata: metadata)
    case .changed(let added, let removed):
      metadata["added"] = "\(NameWatch.list(added))"
      metadata["removed"] = "\(NameWatch.list(removed))"
      log.notice("a name has other addresses", metadata: metadata)
    case .failing(let why, let kept):
      metadata["reason"] = "\(why)"
      metadata["addresses"] = "\(kept)"
      let consequence =
        kept > 0 ? "its last addresses stay in use" : "it stands for no address"
      log.warning("a name does not resolve; \(consequence)", metadata: metadata)
    case .recovered: log.notice("a name resolves again", metadata: metadata)
    }
  }

  private static func list(_ addresses: [IPAddress]) -> String {
    addresses.map { "\($0)" }.joined(separator: ", ")
  }
}
