// Why this file exists: one connection of the gateway, with the promises of the real one, over a
// link instead of a socket.

import Glibc
import Primitives

/// A connection, in place; see the real one for what each function promises.
@usableFromInline
package struct Stream {
  /// First: a pointer to it is a pointer to the stream.
  var mark: ReadyMark
  @usableFromInline var flags: Flags
  var side: UInt8
  var connectStatus: Int32
  var isConnectOver: Bool
  var restFirst: UInt8
  var restEnd: UInt8
  var link: LinkRef?
  var loop: UnsafeMutablePointer<LoopState>?
  var handlers: UnsafePointer<StreamHandlers>?
  var owner: UnsafeMutableRawPointer?
  var peer: Endpoint
  /// The write under way.
  var rest: (IOVector, IOVector, IOVector, IOVector)
  var restBytes: Int

  static var readsPerRound: Int { 8 }
  static var restCapacity: Int { 4 }

  /// Memory that is not a stream yet.
  package init() {
    mark = ReadyMark(.stream)
    flags = []
    side = 0
    connectStatus = 0
    isConnectOver = false
    restFirst = 0
    restEnd = 0
    link = nil
    loop = nil
    handlers = nil
    owner = nil
    peer = Endpoint(address: IPAddress(v4: 0), port: 0)
    let nothing = IOVector(nil, 0)
    rest = (nothing, nothing, nothing, nothing)
    restBytes = 0
  }

  @usableFromInline
  struct Flags: OptionSet {
    @usableFromInline let rawValue: UInt8
    @usableFromInline init(rawValue: UInt8) { self.rawValue = rawValue }
    @usableFromInline static var reading: Flags { Flags(rawValue: 1) }
    @usableFromInline static var writing: Flags { Flags(rawValue: 2) }
    @usableFromInline static var connecting: Flags { Flags(rawValue: 4) }
    @usableFromInline static var closing: Flags { Flags(rawValue: 8) }
    @usableFromInline static var unix: Flags { Flags(rawValue: 16) }
    @usableFromInline static var ended: Flags { Flags(rawValue: 32) }
  }
}

// MARK: - Preparing

extension Stream {
  package static func prepareTCP(
    _ p: UnsafeMutablePointer<Stream>, loop: Loop, owner: UnsafeMutableRawPointer,
    handlers: UnsafePointer<StreamHandlers>
  ) -> Int32 {
    p.initialize(to: Stream())
    p.pointee.loop = loop.raw
    p.pointee.owner = owner
    p.pointee.handlers = handlers
    loop.raw.pointee.handles += 1
    return 0
  }

  package static func preparePipe(
    _ p: UnsafeMutablePointer<Stream>, loop: Loop, owner: UnsafeMutableRawPointer,
    handlers: UnsafePointer<StreamHandlers>
  ) -> Int32 {
    _ = prepareTCP(p, loop: loop, owner: owner, handlers: handlers)
    p.pointee.flags = .unix
    return 0
  }

  package static func prepare(
    _ p: UnsafeMutablePointer<Stream>, for address: BackendAddress, loop: Loop,
    owner: UnsafeMutableRawPointer, handlers: UnsafePointer<StreamHandlers>
  ) -> Int32 {
    address.isUnix
      ? preparePipe(p, loop: loop, owner: owner, handlers: handlers)
      : prepareTCP(p, loop: loop, owner: owner, handlers: handlers)
  }

  /// Gives a prepared stream the end of a link.
  static func adopt(_ p: UnsafeMutablePointer<Stream>, _ link: LinkRef, side: Int) {
    precondition(p.pointee.link == nil)
    p.pointee.link = link
    p.pointee.side = UInt8(side)
    p.pointee.peer = side == 0 ? link.pointee.to : link.pointee.from
    link.end(side).pointee.stream = p
    Network.current.pointee.descriptors += 1
  }

  /// A unix socket has no address that the network knows: there is nobody at its path.
  package static func connect(
    _ p: UnsafeMutablePointer<Stream>, to address: BackendAddress
  ) -> Int32 {
    precondition(p.pointee.flags.isDisjoint(with: [.connecting, .writing, .closing]))
    precondition(p.pointee.flags.contains(.unix) == address.isUnix)
    let network = Network.current
    guard network.pointee.descriptors < network.pointee.conditions.descriptors else {
      return 0 - EMFILE
    }
    network.pointee.portNumber &+= 1
    let from = Endpoint(address: IPAddress(v4: 0x0a00_0001), port: network.pointee.portNumber)
    let link = network.makeLink(from: from, to: address.endpoint)
    adopt(p, link, side: 0)
    p.pointee.flags.insert(.connecting)
    network.planArrival(link)
    return 0
  }

  package static func isShortage(_ error: Int32) -> Bool {
    switch 0 - error {
    case EMFILE, ENFILE, ENOBUFS, ENOMEM: true
    default: false
    }
  }
}

// MARK: - Reading and writing

extension Stream {
  @discardableResult
  package static func startReading(_ p: UnsafeMutablePointer<Stream>) -> Int32 {
    guard p.pointee.flags.isDisjoint(with: [.reading, .ended, .closing]) else { return 0 }
    p.pointee.flags.insert(.reading)
    if isReadable(p) { mayBeReady(p) }
    return 0
  }

  package static func stopReading(_ p: UnsafeMutablePointer<Stream>) {
    p.pointee.flags.remove(.reading)
  }

  @inlinable package static func isReading(_ p: UnsafeMutablePointer<Stream>) -> Bool {
    p.pointee.flags.contains(.reading)
  }

  @inlinable package static func hasEnded(_ p: UnsafeMutablePointer<Stream>) -> Bool {
    p.pointee.flags.contains(.ended)
  }

  package static func tryWrite(
    _ p: UnsafeMutablePointer<Stream>, _ vectors: UnsafePointer<IOVector>, _ count: Int
  ) -> Int {
    guard p.pointee.flags.isDisjoint(with: [.connecting, .writing]) else { return 0 }
    guard let link = p.pointee.link else { return 0 - Int(EBADF) }
    return Network.current.write(link, Int(p.pointee.side), vectors, count)
  }

  package static func write(
    _ p: UnsafeMutablePointer<Stream>, _ vectors: UnsafePointer<IOVector>, _ count: Int
  ) -> Int32 {
    precondition(p.pointee.flags.isDisjoint(with: [.connecting, .writing, .closing]))
    precondition(count > 0 && count <= restCapacity)
    rest(p).update(from: vectors, count: count)
    p.pointee.restFirst = 0
    p.pointee.restEnd = UInt8(count)
    p.pointee.restBytes = (0..<count).reduce(0) { $0 + vectors[$1].count }
    p.pointee.flags.insert(.writing)
    if isWritable(p) { mayBeReady(p) }
    return 0
  }

  static func rest(_ p: UnsafeMutablePointer<Stream>) -> UnsafeMutablePointer<IOVector> {
    UnsafeMutableRawPointer(p.pointer(to: \.rest).unsafelyUnwrapped)
      .assumingMemoryBound(to: IOVector.self)
  }

  package static func unsentBytes(_ p: UnsafeMutablePointer<Stream>) -> Int {
    p.pointee.flags.contains(.writing) ? p.pointee.restBytes : 0
  }

  package static func unacknowledgedBytes(_ p: UnsafeMutablePointer<Stream>) -> Int {
    guard !p.pointee.flags.contains(.unix), let link = p.pointee.link else { return 0 }
    return link.pipe(Int(p.pointee.side)).pointee.onTheWay
  }

  @inlinable package static func hasPendingWrite(_ p: UnsafeMutablePointer<Stream>) -> Bool {
    p.pointee.flags.contains(.writing)
  }

  @inlinable package static func isConnecting(_ p: UnsafeMutablePointer<Stream>) -> Bool {
    p.pointee.flags.contains(.connecting)
  }

  @discardableResult
  package static func shutdownWriting(_ p: UnsafeMutablePointer<Stream>) -> Int32 {
    precondition(p.pointee.flags.isDisjoint(with: [.connecting, .writing, .closing]))
    guard let link = p.pointee.link else { return 0 - ENOTCONN }
    Network.current.finish(link, Int(p.pointee.side), .fin)
    return 0
  }

  @inlinable package static func isUnix(_ p: UnsafeMutablePointer<Stream>) -> Bool {
    p.pointee.flags.contains(.unix)
  }
}

// MARK: - Ending

extension Stream {
  package static func close(_ p: UnsafeMutablePointer<Stream>) { end(p, isReset: false) }

  package static func reset(_ p: UnsafeMutablePointer<Stream>) { end(p, isReset: true) }

  @inlinable package static func isClosing(_ p: UnsafeMutablePointer<Stream>) -> Bool {
    p.pointee.flags.contains(.closing)
  }

  private static func end(_ p: UnsafeMutablePointer<Stream>, isReset: Bool) {
    guard !p.pointee.flags.contains(.closing), let loop = p.pointee.loop else { return }
    p.pointee.flags.insert(.closing)
    p.pointee.flags.remove(.reading)
    loop.leave(mark(p))
    if let link = p.pointee.link {
      p.pointee.link = nil
      let network = Network.current
      network.pointee.descriptors -= 1
      // One that was refused is gone already on the other side.
      if p.pointee.flags.contains(.connecting) {
        link.end(0).pointee.stream = nil
        network.abandon(link)
      } else {
        network.close(link, Int(p.pointee.side), isReset: isReset)
      }
    }
    loop.close(UnsafeMutableRawPointer(p)) { target in
      let p = target.assumingMemoryBound(to: Stream.self)
      p.pointee.handlers.unsafelyUnwrapped.pointee.onClosed(p.pointee.owner.unsafelyUnwrapped)
    }
  }

  static func mark(_ p: UnsafeMutablePointer<Stream>) -> ReadyRef {
    UnsafeMutableRawPointer(p).assumingMemoryBound(to: ReadyMark.self)
  }
}
