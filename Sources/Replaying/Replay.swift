// Why this file exists: `gateway replay` answers what a new configuration would have done with the
// traffic of yesterday. Here lines go in and a report comes out; who reads files and who prints is
// somebody else.
package import Configuration
import HTTPSemantics
package import Primitives

/// Compares what a log says, or what an old configuration does with the requests of a log, with
/// what a new one would do. Who makes it destroys it.
package struct Replay {
  package private(set) var report = ReplayReport()
  private let new: ReplayedConfiguration
  private let old: ReplayedConfiguration?
  private var judge: Judge
  private var reader = LogLineReader()
  private var queue: ArrivalQueue
  private let ordersLines: Bool
  /// What refuses a head before its path is known is the same in both configurations.
  private let refusesHeadsAlike: Bool
  private var time = Int64.min
  /// Called for every request that would be treated otherwise, in the order of their times.
  private let changed: ((ReplayChange, LogLine, LinePlace, WordTable) -> Void)?

  /// - Parameter old: what the log was written under; nil: the log is taken at its word.
  /// - Parameter room: bytes of lines that may wait for earlier ones.
  package init(
    new: GatewayConfiguration, old: GatewayConfiguration?,
    room: Int = ArrivalQueue.usualRoom,
    changed: ((ReplayChange, LogLine, LinePlace, WordTable) -> Void)? = nil
  ) {
    var conditions = ConditionTable()
    var words = WordTable()
    self.old = old.map { ReplayedConfiguration($0, .old, &conditions, &words) }
    self.new = ReplayedConfiguration(
      new, old.map { .newAgainst($0) } ?? .new, &conditions, &words)
    report.words = words
    judge = Judge(conditions)
    queue = ArrivalQueue(room: room)
    ordersLines = self.new.hasLimits || self.old?.hasLimits ?? false
    refusesHeadsAlike =
      old.map {
        $0.http == new.http && $0.limits.headSize == new.limits.headSize
          && $0.limits.headFields == new.limits.headFields
      } ?? false
    self.changed = changed
  }

  package mutating func destroy() {
    judge.destroy()
    reader.destroy()
    queue.destroy()
  }

  // MARK: Lines

  /// Takes the next line, without its line feed; nil = one that is longer than any may be.
  package mutating func take(_ bytes: ByteSlice?, at place: LinePlace) {
    report.lines += 1
    guard let bytes else { return reject(.tooLong, place) }
    if bytes.isEmpty || bytes.buffer.allSatisfy({ $0 == 0x20 || $0 == 0x0d }) {
      report.others += 1
      return
    }
    switch reader.read(bytes) {
    case .broken(let fault): reject(fault, place)
    case .other: report.others += 1
    case .request:
      let time = reader.line.time ?? 0
      report.requests += 1
      report.firstTime = min(report.firstTime, time)
      report.lastTime = max(report.lastTime, time)
      if !ordersLines { return compare(reader.line, place) }
      queue.add(bytes, time: time, place: place)
      while queue.isFull { replayFirst() }
    }
  }

  /// No line comes any more.
  package mutating func finish() {
    while !queue.isEmpty { replayFirst() }
    for route in Array(report.splits.keys) {
      let isChange = isChanged(route)
      report.splits[route]?.isChange = isChange
    }
  }

  private mutating func reject(_ fault: LogFault, _ place: LinePlace) {
    report.broken += 1
    if report.faults.count < ReplayReport.faultBound { report.faults.append((place, fault)) }
  }

  private mutating func replayFirst() {
    let first = queue.takeFirst()
    defer { first.bytes.base.deallocate() }
    // It was one when it came.
    guard case .request = reader.read(first.bytes) else { return }
    if first.time < time { report.late += 1 }
    time = max(time, first.time)
    judge.setTime(time)
    compare(reader.line, first.place)
  }

  // MARK: Requests

  private mutating func compare(_ line: LogLine, _ place: LinePlace) {
    if line.isAnsweredAlike || line.isRefusedHead && refusesHeadsAlike { return }
    var background = Judge.Background()
    var before = Side.recorded(line, &report.words)
    var oldRoute: Int32 = -1
    if let old {
      background.isOwn = true
      let finding = judge.judge(line, old, &background)
      background.isOwn = false
      background.headSize = old.configuration.limits.headSize
      switch finding {
      case .untold(let why):
        // What the new one would say is asked all the same: its limits count the request.
        _ = judge.judge(line, new, &background)
        return note(why, line, place)
      case .told(let judgement):
        before = oldSide(line, recorded: before, judgement, old, place)
        oldRoute = judgement.route
        if oldRoute >= 0 {
          background.bodyLimit = old.routes[Int(oldRoute)].configuration.bodySize
        }
      }
    }
    switch judge.judge(line, new, &background) {
    case .untold(let why): note(why, line, place)
    case .told(let judgement): compare(line, before, judgement, oldRoute, place)
    }
  }

  private mutating func note(_ why: Untold, _ line: LogLine, _ place: LinePlace) {
    report.untold[why, default: ReplayCount()].add(line, place)
  }

  /// What the old configuration did. The log's word counts for what backends said, as far as it
  /// fits.
  private mutating func oldSide(
    _ line: LogLine, recorded: Side, _ judgement: Judgement, _ old: ReplayedConfiguration,
    _ place: LinePlace
  ) -> Side {
    var side = Side()
    let route = judgement.route < 0 ? nil : old.routes[Int(judgement.route)]
    side.route = route?.name ?? WordTable.none
    let fits = side.route == recorded.route
    if !fits { report.mismatched.add(line, place) }
    side.set(judgement, old, &report.words)
    if judgement.answer == .forward, fits, case .status = recorded.answer {
      side.answer = recorded.answer
    }
    if let route, !route.services.isEmpty {
      let isKnown = fits && route.share(of: recorded.service) > 0
      side.service = isKnown ? recorded.service : route.service
    }
    return side
  }

  private mutating func compare(
    _ line: LogLine, _ before: Side, _ judgement: Judgement, _ oldRoute: Int32, _ place: LinePlace
  ) {
    var after = Side()
    let route = judgement.route < 0 ? nil : new.routes[Int(judgement.route)]
    if let route {
      after.route = route.name
      let isDrawn = route.services.count > 1 && route.share(of: before.service) > 0
      after.service = isDrawn ? before.service : route.service
      if isDrawn { count(before.service, of: judgement.route, route) }
    }
    after.set(judgement, new, &report.words)
    if judgement.answer == .forward, before.service == after.service,
      case .status = before.answer
    {
      after.answer = before.answer
    }
    if judgement.limit >= 0, !judgement.isLimited {
      report.shadowed[judgement.limit, default: 0] += 1
    }
    // What may be refused besides goes where it goes, and the answer is not told.
    if judgement.doubt != nil { after.answer = before.answer }
    var kinds = before.kinds(to: after)
    if let doubt = judgement.doubt {
      if kinds.isEmpty { return note(doubt, line, place) }
      after.answer = .unknown
      kinds.insert(.statusUnknown)
    }
    if kinds.isEmpty { return }
    let pattern = pattern(line, route, oldRoute)
    let change = ReplayChange(
      method: word(line.method), host: word(line.host), pattern: pattern, old: before, new: after,
      kinds: kinds)
    count(change, line, place)
  }

  private mutating func word(_ text: LogText) -> Int32 {
    text.slice.map { report.words.number(of: $0) } ?? WordTable.none
  }

  private mutating func pattern(
    _ line: LogLine, _ route: ReplayedRoute?, _ oldRoute: Int32
  ) -> Int32 {
    if let route { return route.pattern }
    if let old, oldRoute >= 0 { return old.routes[Int(oldRoute)].pattern }
    guard let path = line.path.slice else { return WordTable.none }
    var end = min(path.count, 1)
    while end < path.count, path.base[end] != 0x2f { end += 1 }
    let segment = ByteSlice(path.base, end)
    if end == path.count { return report.words.number(of: segment) }
    return report.words.number(of: segment.text + "/…")
  }

  // MARK: Counting

  private mutating func count(_ change: ReplayChange, _ line: LogLine, _ place: LinePlace) {
    report.changed += 1
    for index in report.byKind.indices where change.kinds.contains(report.byKind[index].kind) {
      report.byKind[index].requests += 1
    }
    changed?(change, line, place, report.words)
    var group = change
    group.old.answer = change.old.answer.grouped
    group.new.answer = change.new.answer.grouped
    if report.groups[group] != nil || report.groups.count < ReplayReport.groupBound {
      report.groups[group, default: ReplayCount()].add(line, place)
    } else {
      report.ungrouped += 1
    }
  }

  private mutating func count(_ service: Int32, of position: Int32, _ route: ReplayedRoute) {
    if report.splits[position] == nil {
      let parts = route.services.map {
        ReplaySplit.Part(service: $0.name, requests: 0, share: $0.share)
      }
      report.splits[position] = ReplaySplit(route: position, parts: parts)
    }
    report.splits[position]?.requests += 1
    let part = route.services.firstIndex { $0.name == service }
    if let part { report.splits[position]?.parts[part].requests += 1 }
  }

  /// The shares of a split are others now. Without the configuration of then, they are when the
  /// counts of the log are further from the new shares than four standard deviations (and one
  /// request): chance does that once in 16,000 times.
  private func isChanged(_ position: Int32) -> Bool {
    let route = new.routes[Int(position)]
    if let old {
      return !(old.routes.first { $0.name == route.name }?.splits(like: route) ?? false)
    }
    guard let split = report.splits[position] else { return false }
    return split.parts.contains { part in
      let share = Double(part.share) / 1_000_000
      let total = Double(split.requests)
      let spread = (total * share * (1 - share)).squareRoot()
      return abs(Double(part.requests) - total * share) > 4 * spread + 1
    }
  }
}

extension Side {
  /// The gateway's own answer, if it is one.
  fileprivate mutating func set(
    _ judgement: Judgement, _ asked: ReplayedConfiguration, _ words: inout WordTable
  ) {
    switch judgement.answer {
    case .refuse(let reason): answer = .local(judgement.status, reason)
    case .route: answer = .local(judgement.status, .none)
    case .forward: break
    }
    if judgement.isLimited {
      limit = words.number(of: asked.configuration.rateLimits[Int(judgement.limit)].name)
    }
  }
}

extension LogLine {
  /// Whatever the routes are: CONNECT is refused, Max-Forwards is answered, and who sends no head
  /// in time, or comes when there is no room, is sent away.
  fileprivate var isAnsweredAlike: Bool {
    if path.slice == nil {
      if method.equals("CONNECT") { return true }
      return ["head_timeout", "overloaded", "draining", "client_abort"].contains {
        reason.equals($0)
      }
    }
    let asksRecipient = method.equals("OPTIONS") || method.equals("TRACE")
    return asksRecipient && route.slice == nil && reason.slice == nil && status == 200
  }

  /// It was refused for what its head is, which the log does not have.
  fileprivate var isRefusedHead: Bool { path.slice == nil }
}
