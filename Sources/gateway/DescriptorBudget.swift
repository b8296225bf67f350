// Why this file exists: a gateway that runs out of descriptors in the middle of its work is worse
// than one that says at start how many connections it can hold.

import EventLoop
import Probing

/// How the descriptors that the process may have are spent.
struct DescriptorBudget: Equatable {
  /// Client connections that the gateway will take.
  var connections: Int
  /// `connections` is less than what the configuration asks for.
  var isLowered: Bool
  /// Health checks that may be under way at once. Kept also without any, because a reload may bring
  /// them; never more than a sixteenth of the limit.
  var probes: Int

  /// Fewer connections than this are not worth a start.
  static let leastConnections = 16
  /// A worker's loop and its wake-up.
  static let perWorker = 6
  /// The standard three, the control loop with its signals, the admin listener, log files.
  static let fixed = 16

  /// The limit is too low; says which would do.
  struct TooLow: Error, Equatable, CustomStringConvertible {
    var limit: Int
    var enough: Int
    var description: String {
      "the limit of \(limit) open descriptors (RLIMIT_NOFILE) is too low: raise it to \(enough) or "
        + "more with ulimit -n, LimitNOFILE= or --ulimit nofile="
    }
  }

  /// `descriptorLimit` is what RLIMIT_NOFILE allows, of which `reserve` are kept from traffic; each
  /// worker has its own socket for each of `listeners`.
  ///
  /// Three descriptors for two clients: a client between two requests holds no connection to a
  /// backend, and pooled ones are shared, so half as many of those as of clients is plenty; when it
  /// is not, the reserve sheds.
  static func plan(
    descriptorLimit: Int, reserve: Int, workers: Int, listeners: Int, connections: Int
  ) throws(TooLow) -> DescriptorBudget {
    // No limit at all comes as the largest number there is.
    let limit = min(descriptorLimit, 1 << 30)
    let probes = min(Prober.defaultPlaces, max(1, limit / 16))
    let taken = fixed + workers * (perWorker + listeners)
    let possible = max(0, limit - reserve - taken - probes) * 2 / 3
    let least = min(leastConnections, connections)
    guard possible >= least else {
      // Of a low limit less is kept in reserve than of the one asked for here; and of what is asked
      // for here a sixteenth is for probes.
      let withoutProbes = DescriptorReserve.size + taken + (3 * least + 1) / 2
      let enough = withoutProbes + min(Prober.defaultPlaces, withoutProbes / 15 + 1)
      throw TooLow(limit: descriptorLimit, enough: enough)
    }
    return DescriptorBudget(
      connections: min(connections, possible), isLowered: possible < connections, probes: probes)
  }
}
