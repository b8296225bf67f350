// Why this file exists: the one way by which anything in use is exchanged: whoever has found
// something new (a name's addresses, a file) says it here, and what the old leaves behind is
// collected when its last request has ended.

import Configuration
import EventLoop
import Primitives
import Proxy

/// What is exchanged, as the data plane does it; a test stands in for it.
protocol ChangeTarget: AnyObject {
  var live: LiveConfiguration { get }
  func adopt(_ live: LiveConfiguration, _ prepared: PreparedChange)
  /// True when nothing is left to be freed.
  func collect() -> Bool
}

extension DataPlane: ChangeTarget {}

/// Hands changes to the data plane. For the control loop's thread.
final class Changes {
  private let target: any ChangeTarget
  private let loop: Loop
  private var timer: Timer?
  /// Called after every change; for who follows what is in use.
  var onAdopted: [(LiveConfiguration) -> Void] = []
  /// Called when every worker has followed, and the last request on what was before is over.
  var onCollected: () -> Void = {}

  /// What waits to be freed is memory alone, so it may wait this long.
  static let collectPeriod = Duration.milliseconds(200)

  init(_ target: any ChangeTarget, _ loop: Loop) {
    self.target = target
    self.loop = loop
    let owner = Unmanaged.passUnretained(self).toOpaque()
    timer = Timer.create(loop, owner: owner) { owner in
      Unmanaged<Changes>.fromOpaque(owner).takeUnretainedValue().collect()
    }
  }

  /// Other addresses for the names of the configuration in use.
  func adopt(names: [String: [IPAddress]]) {
    var live = target.live
    live.names = names
    adopt(live)
  }

  func adopt(_ live: LiveConfiguration, _ prepared: PreparedChange = PreparedChange()) {
    target.adopt(live, prepared)
    for follower in onAdopted { follower(live) }
    collect()
  }

  func close() {
    timer?.close()
    timer = nil
  }

  private func collect() {
    if target.collect() {
      onCollected()
    } else {
      timer?.start(at: loop.now + Changes.collectPeriod)
    }
  }
}
