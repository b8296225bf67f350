// Why this file exists: what a service manager is told, in which order, and how the telling fails.

import EventLoop
import Glibc
import Primitives
import Testing

@testable import gateway

@Suite(.timeLimit(.minutes(3)))
struct ServiceManagerTests {
  private let told = LogLines()
  private let log = LogLines()

  private func manager(_ code: Int32 = 0) -> ServiceManager {
    ServiceManager(watchdog: nil, log.logger(withFields: true)) { [told] text in
      told.add(text)
      return code
    }
  }

  @Test func `A reload is told with its begin and its end, and with what came of it`() {
    let manager = manager()
    manager.ready("generation 1 in use")
    manager.reloading(now: Instant(nanoseconds: 7_654_321))
    manager.settled(.unchanged, generation: 1)
    #expect(
      told.take() == [
        "READY=1\nSTATUS=generation 1 in use\n",
        "RELOADING=1\nMONOTONIC_USEC=7654\nSTATUS=reading the configuration\n",
        "READY=1\nSTATUS=nothing has changed: generation 1 in use\n",
      ])
  }

  @Test func `Nothing is told of a reload before the start and after the end`() {
    let manager = manager()
    manager.reloading(now: Instant(nanoseconds: 0))
    manager.settled(.unchanged, generation: 1)
    #expect(told.take().isEmpty)
    manager.ready("up")
    manager.reloading(now: Instant(nanoseconds: 0))
    manager.stopping("draining", within: .seconds(13))
    manager.settled(.unavailable, generation: 1)
    manager.settled(.unchanged, generation: 1)
    manager.reloading(now: Instant(nanoseconds: 0))
    manager.stopping("again", within: .seconds(13))
    #expect(
      told.take().suffix(1) == ["STOPPING=1\nEXTEND_TIMEOUT_USEC=13000000\nSTATUS=draining\n"])
  }

  @Test func `A status is one line whatever is in it`() {
    let manager = manager()
    manager.ready("listening on unix:/run/a\nMAINPID=1\u{202e}")
    let text = told.take().joined()
    #expect(text.split(separator: "\n").count == 2 && text.contains("STATUS=listening"))
  }

  @Test func `An error is told once`() {
    let manager = manager(ECONNREFUSED)
    manager.ready("up")
    manager.reloading(now: Instant(nanoseconds: 0))
    manager.stopping("draining", within: .seconds(1))
    #expect(
      log.take()
        == ["warning: the service manager was not told error=\(errorText(ECONNREFUSED))"])
    #expect(told.take().count == 3)
  }

  @Test func `A sign of life is given only while all workers turn`() throws {
    let loop = try Loop.create()
    let manager = manager()
    var isAlive = true
    manager.watch(loop) { isAlive }
    #expect(told.take().isEmpty, "nobody has asked for signs of life")
    manager.look()
    #expect(told.take() == ["WATCHDOG=1\n"])
    isAlive = false
    manager.look()
    #expect(told.take().isEmpty)
    manager.close()
    #expect(loop.destroy() == 0)
  }

  @Test(
    arguments: [
      ("30000000", nil, .seconds(30)), ("30000000", "42", .seconds(30)), ("30000000", "43", nil),
      ("0", nil, nil), ("-1", nil, nil), ("soon", nil, nil), (nil, "42", nil),
      ("99999999999999999", nil, nil),
    ] as [(String?, String?, Primitives.Duration?)])
  func `Signs of life are given to who asks this process for them`(
    microseconds: String?, process: String?, watchdog: Primitives.Duration?
  ) {
    let invitation = ServiceManager.Invitation(
      socket: "/run/notify", watchdogMicroseconds: microseconds, watchdogProcess: process,
      process: 42)
    #expect(invitation.watchdog == watchdog)
  }

  @Test(arguments: ["", "/", "@", "run/notify", "vsock:2:1", String(repeating: "/x", count: 60)])
  func `What is no address of a socket is none`(name: String) {
    #expect(NotifySocket(name) == nil)
  }

  @Test(arguments: [true, false])
  func `A datagram arrives, by path and by abstract name`(isAbstract: Bool) throws {
    let name = "/tmp/gateway-notify-\(getpid())-\(UInt32.random(in: .min ... .max))"
    let listener = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
    defer {
      close(listener)
      unlink(name)
    }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let path = (isAbstract ? [0] : []) + Array(name.utf8)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
    let bound = withUnsafePointer(to: &address) {
      bind(
        listener, UnsafeRawPointer($0).assumingMemoryBound(to: sockaddr.self),
        socklen_t(2 + path.count))
    }
    try #require(bound == 0)
    let socket = try #require(NotifySocket(isAbstract ? "@" + name : name))
    #expect(socket.send("READY=1\n") == 0)
    var room = [UInt8](repeating: 0, count: 64)
    let count = recv(listener, &room, room.count, Int32(MSG_DONTWAIT))
    #expect(count == 8 && String(decoding: room[..<8], as: UTF8.self) == "READY=1\n")
  }

  @Test func `Where nobody listens the error is given`() throws {
    #expect(try #require(NotifySocket("/nowhere/notify")).send("READY=1") == ENOENT)
    #expect(try #require(NotifySocket("@gateway-nobody")).send("READY=1") == ECONNREFUSED)
  }
}
