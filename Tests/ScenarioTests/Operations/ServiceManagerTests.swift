// Why this file exists: a service manager starts what depends on the gateway when it says READY,
// and shows people what it says; so what it says has to be true.

import Glibc
import Testing

/// The manager's end of NOTIFY_SOCKET.
private final class Manager {
  let name: String
  private let descriptor: Int32
  private(set) var told: [String] = []

  init() throws {
    name = "@gateway-manager-\(getpid())-\(UInt32.random(in: .min ... .max))"
    descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let path = [0] + Array(name.utf8.dropFirst())
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
    let bound = withUnsafePointer(to: &address) {
      bind(
        descriptor, UnsafeRawPointer($0).assumingMemoryBound(to: sockaddr.self),
        socklen_t(2 + path.count))
    }
    guard bound == 0 else { throw ScenarioFailure("no socket for the manager", line: #line) }
  }

  deinit { close(descriptor) }

  /// Everything that has been told so far, signs of life left out.
  func news() -> [String] {
    var room = [UInt8](repeating: 0, count: 4_096)
    while true {
      let count = recv(descriptor, &room, room.count, Int32(MSG_DONTWAIT))
      guard count > 0 else { break }
      told.append(String(decoding: room[..<count], as: UTF8.self))
    }
    return told.filter { $0 != "WATCHDOG=1\n" }
  }

  func wait(for count: Int, line: UInt = #line) throws -> [String] {
    try eventually("\(count) news", line: line) { news().count >= count }
    return news()
  }

  var environment: [String: String] { ["NOTIFY_SOCKET": name] }
}

extension Operations {
  @Suite struct ServiceManager {
    private let text = """
      listeners: [{address: "127.0.0.1:{port}"}]
      admin: {address: "127.0.0.1:{admin}"}
      workers: 2
      services: {}
      shutdown: {accept_grace: 1s, drain: 3s}
      routes:
        - {name: all, match: {path: /*}, respond: {status: 200, body: old}}

      """

    @Test func `READY comes when clients are answered by the configuration`() throws {
      let manager = try Manager()
      try withGateway(text, environment: manager.environment) { gateway in
        let first = try manager.wait(for: 1)[0]
        #expect(
          first
            == "READY=1\nSTATUS=generation 1 in use, listening on 127.0.0.1:\(gateway.port)\n")
        #expect(try gateway.get().text == "old")
        #expect(manager.news().count == 1)
      }
    }

    @Test func `A gateway that cannot start never says READY`() throws {
      let manager = try Manager()
      let holder = ScriptedBackend.answering()
      defer { holder.stop() }
      let directory = makeDirectory()
      defer { removeDirectory(directory) }
      let path = directory + "/gateway.yaml"
      writeFile(
        path,
        fill(
          text.replacing("\"127.0.0.1:{port}\"", with: "{backend1}"), port: 0,
          admin: Socket.freePort(), directory: directory, backends: [holder.address]))
      let result = try runGateway(
        ["run", "--config", path], environment: manager.environment)
      #expect(result.end == .exited(1))
      #expect(manager.news().isEmpty)
    }

    @Test func `A reload is told with its begin and with what came of it`() throws {
      let manager = try Manager()
      try withGateway(text, environment: manager.environment) { gateway in
        gateway.edit(text.replacing("body: old", with: "body: new"))
        gateway.signal(SIGHUP)
        var news = try manager.wait(for: 3)
        #expect(news[1].hasPrefix("RELOADING=1\nMONOTONIC_USEC="))
        #expect(
          news[2] == "READY=1\nSTATUS=configuration reloaded: generation 2 in use\n", "\(news)")
        #expect(try gateway.get().text == "new")
        gateway.edit(text.replacing("respond:", with: "repond:"))
        _ = try gateway.post("/reload")
        // The watch over the files may have come before either, and then told the same.
        try eventually("the refusal to be told") {
          manager.news().last
            == "READY=1\nSTATUS=reload refused, 1 error: generation 2 stays in use\n"
        }
        news = manager.news()
        #expect(news[news.count - 2].hasPrefix("RELOADING=1\n"), "\(news)")
        #expect(try gateway.get().text == "new")
      }
    }

    @Test func `STOPPING comes with the signal, and says how long it may take`() throws {
      let manager = try Manager()
      try withGateway(text, environment: manager.environment) { gateway in
        gateway.signal(SIGTERM)
        let news = try manager.wait(for: 2)
        // The grace, the drain, and some time for the end.
        #expect(
          news[1]
            == "STOPPING=1\nEXTEND_TIMEOUT_USEC=9000000\n"
            + "STATUS=draining, 0 requests in flight\n")
        #expect(try gateway.waitForEnd() == .exited(0))
        #expect(manager.news().count == 2)
      }
    }

    @Test func `Signs of life come while all event loops turn`() throws {
      let manager = try Manager()
      var environment = manager.environment
      environment["WATCHDOG_USEC"] = "200000"
      try withGateway(text, environment: environment) { _ in
        try eventually("three signs of life") {
          _ = manager.news()
          return manager.told.count { $0 == "WATCHDOG=1\n" } >= 3
        }
      }
    }

    @Test func `Without a manager nothing is told, and a manager that is gone is one line`() throws
    {
      try withGateway(text) { gateway in
        #expect(gateway.logLines("service manager").isEmpty)
      }
      let gone = ["NOTIFY_SOCKET": "@gateway-nobody-\(getpid())", "WATCHDOG_USEC": "50000"]
      try withGateway(text, environment: gone) { gateway in
        _ = try gateway.post("/reload")
        #expect(try gateway.waitForLogLines("the service manager was not told").count == 1)
        #expect(try gateway.get().text == "old")
      }
    }
  }
}
