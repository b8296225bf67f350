// Why this file exists: a gateway that runs out of descriptors in the middle of its work is worse than one that says at start how
// many connections it can hold.

/// How the descriptors that the process may have are spent.
struct DescriptorBudget: Equatable {
  /// Client connections that the gateway will take.
  var connections: Int
  /// `connections` is less than what the configuration asks for.
  var isLowered: Bool

  /// Fewer connections than this are not worth a start.
  static let leastConnections = 16
  /// A client's connection and one to a backend.
  static let perConnection = 2
  /// A worker's epoll, its wake-up, and some to spare for a log file and a name look-up.
  static let perWorker = 8
  /// The standard three, the control loop with its signals, and the admin listener with its connections.
  static let fixed = 96

  /// The limit was too low; says what would do.
  struct TooLow: Error, CustomStringConvertible {
    var limit: Int
    var needed: Int
    var description: String {
      "the limit of \(limit) open files is too low, at least \(needed) are needed: raise it (ulimit -n, LimitNOFILE=)"
    }
  }

  /// `descriptorLimit` is what RLIMIT_NOFILE allows; each worker has its own socket for each of `listeners`. A demo backend's
  /// end of a connection is one more descriptor in this same process.
  static func plan(
    descriptorLimit: Int, workers: Int, listeners: Int, connections: Int, isDemo: Bool
  ) throws(TooLow) -> DescriptorBudget {
    let taken = fixed + workers * (perWorker + listeners)
    let each = perConnection + (isDemo ? 1 : 0)
    let possible = (descriptorLimit - taken) / each
    guard possible >= min(leastConnections, connections) else {
      throw TooLow(limit: descriptorLimit, needed: taken + each * min(leastConnections, connections))
    }
    return DescriptorBudget(
      connections: min(connections, possible), isLowered: possible < connections)
  }
}
