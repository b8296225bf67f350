// Why this file exists: a backend of a scenario: a machine with so much capacity, a line before it,
// and a behaviour that changes with time.

import Configuration
import EventLoop
import Primitives

/// One address of the configuration. If several services name it, it is still one machine.
final class PlayedBackend {
  unowned let play: Play
  /// Among the backends of the records.
  let index: Int
  let endpoint: Endpoint
  private let plan: [(from: Duration, behaviour: Behaviour)]
  private var nextPhase = 1
  private(set) var behaviour: Behaviour
  var random: Xoroshiro
  /// Those with a connection; the order does not matter, places do.
  private var links: [PlayedLink] = []
  private var spare: [PlayedLink] = []
  private(set) var running = 0
  private var waiting: [(link: PlayedLink, turn: UInt64)] = []
  private var firstWaiting = 0
  /// What was begun before it died is of no account any more.
  private(set) var life: UInt64 = 0

  init(
    _ play: Play, index: Int, endpoint: Endpoint,
    _ plan: [(from: Duration, behaviour: Behaviour)], seed: UInt64
  ) {
    self.play = play
    self.index = index
    self.endpoint = endpoint
    self.plan = plan
    behaviour = plan[0].behaviour
    random = Xoroshiro(seed: seed)
  }

  func begin() {
    var door = Door(answer: answer, owner: Unmanaged.passUnretained(self).toOpaque()) {
      owner, token in
      Unmanaged<PlayedBackend>.fromOpaque(owner).takeUnretainedValue().accept(
        Peer(accepted: token))
    }
    door.onMissed = { owner, isHealthCheck in
      Unmanaged<PlayedBackend>.fromOpaque(owner).takeUnretainedValue().missed(isHealthCheck)
    }
    play.network.setDoor(endpoint, door)
    planPhase()
  }

  // MARK: Phases

  private var answer: Door.Answer {
    switch behaviour.connect {
    case .accept: .accept
    case .refuse: .refuse
    case .ignore: .ignore
    }
  }

  private func planPhase() {
    guard nextPhase < plan.count else { return }
    play.at(plan[nextPhase].from, self) { $0.phaseBegins() }
  }

  private func phaseBegins() {
    let before = behaviour
    behaviour = plan[nextPhase].behaviour
    nextPhase += 1
    play.network.setDoor(endpoint, answer: answer)
    if behaviour.isDown && behaviour.connect != before.connect { die() }
    while running < behaviour.capacity, beginNext() {}
    planPhase()
  }

  private func die() {
    life += 1
    running = 0
    waiting.removeAll()
    firstWaiting = 0
    let gone = behaviour.connect == .ignore ? PlayedLink.Leave.silence : .reset
    for link in links.reversed() { link.end(gone) }
  }

  // MARK: Connections

  private func accept(_ peer: Peer) {
    let link = spare.popLast() ?? PlayedLink(self)
    link.place = links.count
    links.append(link)
    link.begin(peer)
  }

  func leave(_ link: PlayedLink) {
    let last = links.removeLast()
    if last !== link {
      links[link.place] = last
      last.place = link.place
    }
    spare.append(link)
  }

  private func missed(_ isHealthCheck: Bool) {
    if isHealthCheck { return }
    play.records.attempt(
      backend: index, at: play.now, whileDown: behaviour.isDown, isMissed: true)
  }

  // MARK: Work

  /// A request is complete: it is worked on now, or when its turn comes.
  func take(_ link: PlayedLink) {
    if running < behaviour.capacity { return start(link) }
    link.work = .waiting
    waiting.append((link, link.turn))
    play.records.waits(backend: index, waiting.count - firstWaiting)
  }

  private func start(_ link: PlayedLink) {
    running += 1
    play.records.works(backend: index, running)
    link.start()
  }

  /// A place is free.
  func release(_ life: UInt64) {
    if life != self.life { return }
    running -= 1
    if running < behaviour.capacity { _ = beginNext() }
  }

  /// The first in line whose connection is still there.
  private func beginNext() -> Bool {
    while firstWaiting < waiting.count {
      let (link, turn) = waiting[firstWaiting]
      firstWaiting += 1
      if firstWaiting > 1_024 && firstWaiting * 2 > waiting.count {
        waiting.removeFirst(firstWaiting)
        firstWaiting = 0
      }
      if link.turn == turn && link.work == .waiting {
        start(link)
        return true
      }
    }
    waiting.removeAll(keepingCapacity: true)
    firstWaiting = 0
    return false
  }
}
