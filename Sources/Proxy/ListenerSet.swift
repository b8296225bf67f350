// Why this file exists: the control loop's list of where the process listens. A listener that was
// added is bound before anything else is changed, and given up again when something is in its way.
import Configuration
package import EventLoop
import Primitives

/// What keeps a listener from being opened.
struct ListenerProblem: Error {
  /// The position of the listener in the configuration.
  var position: Int
  var error: EventLoopError
}

/// What keeps a configuration from being put to use.
package enum PreparationProblem: Error {
  /// The position of the listener in the configuration.
  case listener(position: Int, EventLoopError)
  case accessLog(EventLoopError)
}

/// What was opened for a configuration that is to be adopted.
package struct PreparedChange {
  var listeners = PreparedListeners()
  /// nil: the output stays.
  var log: AccessLogWriter.Prepared?

  package init() {}

  package func discard() {
    listeners.discard()
    log?.discard()
  }
}

/// The listeners that a configuration adds, bound, and not accepting yet.
struct PreparedListeners {
  fileprivate var added: [(entry: ListenerSet.Entry, sockets: [ListeningSocket])] = []
  fileprivate var removed: [UInt32] = []

  /// Gives up what was bound.
  func discard() {
    for (entry, sockets) in added {
      entry.file?.remove()
      for socket in sockets { socket.close() }
    }
  }
}

/// Where the process listens. Control loop only.
final class ListenerSet {
  fileprivate struct Entry {
    var address: NetworkAddress
    var number: UInt32
    /// With the port that was given for port 0.
    var bound: String
    var file: UnixSocketFile?
  }

  private let workers: Int
  private var entries: [Entry] = []
  /// Removed, and perhaps not closed by every worker yet.
  private var closing: [Entry] = []
  private var nextNumber: UInt32 = 1

  init(workers: Int) { self.workers = workers }

  var boundAddresses: [String] { entries.map(\.bound) }

  /// Binds what this configuration adds. Nothing is different when this throws.
  func prepare(
    _ configured: [ListenerConfiguration]
  ) throws(ListenerProblem) -> PreparedListeners {
    var prepared = PreparedListeners()
    for (position, listener) in configured.enumerated()
    where !entries.contains(where: { $0.address == listener.address }) {
      do throws(EventLoopError) {
        prepared.added.append(try bind(listener.address))
      } catch {
        prepared.discard()
        throw ListenerProblem(position: position, error: error)
      }
    }
    prepared.removed = entries.filter { entry in
      !configured.contains { $0.address == entry.address }
    }.map(\.number)
    return prepared
  }

  /// The workers are told of these from now on.
  func commit(_ prepared: PreparedListeners) -> ListenerChanges {
    let gone = entries.filter { prepared.removed.contains($0.number) }
    // No name, then no new connection, then the queues are emptied.
    for entry in gone { entry.file?.remove() }
    closing += gone
    entries.removeAll { prepared.removed.contains($0.number) }
    entries += prepared.added.map(\.entry)
    return ListenerChanges(
      opened: (0..<workers).map { worker in
        prepared.added.map { OpenedListener(number: $0.entry.number, socket: $0.sockets[worker]) }
      }, closed: prepared.removed)
  }

  /// Every worker has closed what it was told to.
  func allAreClosed() { closing = [] }

  /// The files of the unix sockets: no name, no new connection.
  func removeFiles() { for entry in entries { entry.file?.remove() } }

  // MARK: Binding

  private func bind(
    _ address: NetworkAddress
  ) throws(EventLoopError) -> (entry: Entry, sockets: [ListeningSocket]) {
    let number = nextNumber
    nextNumber += 1
    switch address.form {
    case .unix(let path):
      let socket = try ListeningSocket.unix(path)
      let file = UnixSocketFile(path: path)
      let sockets = try all(first: socket, file) { () throws(EventLoopError) in
        try socket.duplicate()
      }
      return (Entry(address: address, number: number, bound: "unix:\(path)", file: file), sockets)
    case .endpoint(let endpoint):
      // Where one of ours listens, or has just ceased to, nobody else can.
      if !(entries + closing).contains(where: { $0.address.collides(with: address) }) {
        try ListeningSocket.probe(endpoint)
      }
      let first = try ListeningSocket.tcp(endpoint, reusePort: true)
      let bound = first.boundEndpoint
      let sockets = try all(first: first, nil) { () throws(EventLoopError) in
        try ListeningSocket.tcp(bound, reusePort: true)
      }
      return (Entry(address: address, number: number, bound: "\(bound)", file: nil), sockets)
    case .name(let name, _): preconditionFailure("a listener by name: \(name)")
    }
  }

  /// One socket for each worker.
  private func all(
    first: ListeningSocket, _ file: UnixSocketFile?,
    _ another: () throws(EventLoopError) -> ListeningSocket
  ) throws(EventLoopError) -> [ListeningSocket] {
    var sockets = [first]
    do throws(EventLoopError) {
      while sockets.count < workers { sockets.append(try another()) }
    } catch {
      file?.remove()
      for socket in sockets { socket.close() }
      throw error
    }
    return sockets
  }
}
