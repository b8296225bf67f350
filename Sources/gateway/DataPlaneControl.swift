// Why this file exists: all that the supervisor knows of the workers. So little that a test can
// stand in for them.

import EventLoop
import Primitives

/// The workers, as the main thread drives them. Everything here is for the main thread, and none of
/// it waits for traffic but `stop`, which waits for the threads to end.
protocol DataPlaneControl: AnyObject {
  /// Starts the workers: from here on connections are accepted.
  func start() throws(EventLoopError)

  /// Stops accepting, once what waits in the accept queues has been taken. Every answer says
  /// `Connection: close`; an idle client gets one more second, or until `deadline` if that is
  /// sooner.
  func beginDrain(deadline: Instant)

  /// Nothing is left to finish: no client connection and no exchange. Only asked after
  /// `beginDrain`.
  var isDrained: Bool { get }

  /// Requests under way, tunnels included.
  var exchangesInFlight: Int { get }

  /// Cuts what is left, ends the threads, writes the logs out. Gives how many exchanges were cut.
  /// Once.
  func stop() -> Int

  /// Opens the log files again, because somebody has moved them away. Gives the error when one
  /// could not be opened; the old file is still written to then.
  func reopenLogs() -> EventLoopError?
}
