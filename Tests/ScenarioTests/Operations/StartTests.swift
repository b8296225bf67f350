// Why this file exists: where a gateway listens, and the one clear line when it cannot.

import Glibc
import Testing

extension Operations {
  @Suite struct Start {
    private func started(_ text: String, port: UInt16 = Socket.freePort(), descriptors: Int? = nil)
      throws -> (end: ProcessEnd, output: String, errors: String)
    {
      let directory = makeDirectory()
      defer { removeDirectory(directory) }
      let path = directory + "/gateway.yaml"
      writeFile(
        path,
        fill(
          text, port: port, admin: Socket.freePort(), directory: directory,
          backends: [.v4(Socket.freePort())]))
      return try runGateway(["run", "--config", path], descriptors: descriptors)
    }

    @Test func `it listens on IPv4, IPv6 and unix sockets at once`() throws {
      let backend = ScriptedBackend.answering()
      let second = Socket.freePort()
      let text = configuration(workers: 2).replacing(
        "  - address: 127.0.0.1:{port}",
        with: "  - address: 127.0.0.1:{port}\n  - address: \"[::1]:\(second)\"\n"
          + "  - address: \"unix:{directory}/client.sock\"")
      try withGateway(text, [backend]) { gateway in
        let path = gateway.directory + "/client.sock"
        for address in [Address.v4(gateway.port), .v6(second), .unix(path)] {
          for _ in 0..<5 {
            let client = try Wire.connect(to: address)
            try client.send("GET /\(address) HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try client.readResponse().text == "ok", "\(address)")
            client.close()
          }
        }
        #expect(backend.requests.count == 15)
        gateway.signal(SIGTERM)
        #expect(try gateway.waitForEnd() == .exited(0))
        #expect(access(path, F_OK) != 0, "its socket file is gone")
      }
    }

    @Test func `backends are reached over IPv6, unix sockets and names too`() throws {
      let directory = makeDirectory()
      defer { removeDirectory(directory) }
      for wanted in [Address.v6(0), .unix(directory + "/backend.sock")] {
        let backend = ScriptedBackend(wanted) { try $0.serve { _ in plainAnswer } }
        try withGateway(configuration(), [backend]) { gateway in
          for _ in 0..<3 {
            let response = try gateway.get()
            #expect(response.text == "ok")
          }
          #expect(backend.connectionCount == 1)
        }
      }
      let backend = ScriptedBackend.answering()
      let text = configuration().replacing(
        "{backend1}", with: "localhost:\(backend.address.port)")
      try withGateway(text, [backend]) { gateway in
        let response = try gateway.get()
        #expect(response.text == "ok")
      }
    }

    @Test func `a stale socket file is replaced, a live one is not`() throws {
      let directory = makeDirectory()
      defer { removeDirectory(directory) }
      let path = directory + "/s"
      let socket = Socket.make(.unix(path))
      #expect(Socket.bind(socket, .unix(path)))
      Wire(adopting: socket).close()
      #expect(access(path, F_OK) == 0)
      let text = configuration().replacing(
        "127.0.0.1:{port}", with: "127.0.0.1:{port}\n  - address: unix:\(path)")
      try withGateway(text, [ScriptedBackend.answering()]) { _ in
        let client = try Wire.connect(to: .unix(path))
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.readResponse().status == 200)
        let second = try started(text)
        #expect(second.end == .exited(1))
        #expect(second.errors.contains(path))
        // The first one is not disturbed.
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.readResponse().status == 200)
        let another = try Wire.connect(to: .unix(path))
        try another.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try another.readResponse().status == 200)
      }
    }

    @Test func `a file that is no socket is never removed`() throws {
      let directory = makeDirectory()
      defer { removeDirectory(directory) }
      writeFile(directory + "/precious", "data")
      let text = configuration().replacing(
        "127.0.0.1:{port}", with: "unix:\(directory)/precious")
      let result = try started(text)
      #expect(result.end == .exited(1))
      #expect(readFile(directory + "/precious") == "data")
    }

    @Test func `an address in use is one clear line and exit code 1`() throws {
      try withGateway(configuration(), [ScriptedBackend.answering()]) { gateway in
        // Another gateway, which could share the port by SO_REUSEPORT if it did not look first.
        let result = try started(configuration(workers: 2), port: gateway.port)
        #expect(result.end == .exited(1))
        #expect(result.errors.contains("127.0.0.1:\(gateway.port)"))
        #expect(result.errors.contains("in use"))
        #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
        for _ in 0..<10 { #expect(try gateway.get().status == 200) }
      }
    }

    @Test func `an admin address in use is exit code 1 too`() throws {
      let (socket, port) = Socket.reservePort()
      let holder = Wire(adopting: socket)
      defer { holder.close() }
      #expect(listen(socket, 1) == 0)
      let result = try started(
        configuration().replacing("127.0.0.1:{admin}", with: "127.0.0.1:\(port)"))
      #expect(result.end == .exited(1))
      #expect(result.errors.contains("127.0.0.1:\(port)"))
      #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
    }

    @Test func `a missing configuration is one clear line and exit code 1`() throws {
      let result = try runGateway(["run", "--config", "/nowhere/gateway.yaml"])
      #expect(result.end == .exited(1))
      #expect(result.errors.contains("/nowhere/gateway.yaml"))
      #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
    }

    @Test func `an invalid configuration shows all its errors and ends with 1`() throws {
      let result = try started(configuration(top: "limitz:\n  x: 1", service: "hosts: 1"))
      #expect(result.end == .exited(1))
      let text = result.errors + result.output
      #expect(text.contains("limitz"))
      #expect(text.contains("hosts"))
    }

    @Test func `too few descriptors is one clear line and exit code 1`() throws {
      let result = try started(configuration(), descriptors: 12)
      #expect(result.end == .exited(1))
      #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
      #expect(result.errors.contains("descriptor") || result.errors.contains("RLIMIT_NOFILE"))
    }

    @Test func `the configuration may be given without the word run`() throws {
      let directory = makeDirectory()
      defer { removeDirectory(directory) }
      let port = Socket.freePort()
      let admin = Socket.freePort()
      let path = directory + "/gateway.yaml"
      writeFile(
        path,
        fill(
          configuration().replacing("workers: 1\n", with: ""), port: port, admin: admin,
          directory: directory, backends: [.v4(Socket.freePort())]))
      let child = try Child(
        GatewayProcess.binary, ["--config", path], directory: directory)
      defer { child.killNow() }
      try eventually("it to be ready") {
        guard let client = try? Wire.connect(to: .v4(admin)) else { return false }
        defer { client.close() }
        try client.send("GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return try client.readResponse().status == 200
      }
      child.signal(SIGTERM)
      let end = try child.waitForEnd()
      #expect(end == .exited(0))
    }

    /// Starts a gateway that reads its configuration from a pipe, to which nobody has written yet.
    private func whileStarting(_ body: (Child, FedPipe) throws -> Void) throws {
      let directory = makeDirectory()
      defer { removeDirectory(directory) }
      let pipe = FedPipe(directory + "/pipe")
      let child = try Child(
        GatewayProcess.binary, ["run", "--config", directory + "/pipe"], directory: directory)
      defer { child.killNow() }
      try pipe.waitForReader()
      try body(child, pipe)
    }

    @Test(arguments: [SIGTERM, SIGINT])
    func `a gateway that is told to end before it has started does so at once`(
      number: Int32
    ) throws {
      try whileStarting { (child, _) throws in
        child.signal(number)
        #expect(try child.waitForEnd() == .exited(0))
      }
    }

    @Test func `other signals that come before it has started wait until it has`() throws {
      try whileStarting { child, pipe in
        child.signal(SIGUSR1)
        child.signal(SIGHUP)
        let text = fill(
          configuration().replacing("{backend1}", with: "127.0.0.1:1"), port: Socket.freePort(),
          admin: Socket.freePort(), directory: "", backends: [])
        // For SIGHUP, which would wait for somebody to write to the pipe again.
        writeFile(pipe.path + "~", text)
        #expect(rename(pipe.path + "~", pipe.path) == 0)
        pipe.write(text)
        pipe.end()
        try eventually("both to be obeyed", within: 20) {
          child.errors.contains("log files opened again")
            && child.errors.contains("configuration read again: nothing has changed")
        }
        child.signal(SIGTERM)
        #expect(try child.waitForEnd() == .exited(0))
      }
    }

    @Test func `code that only starting needs does not stay in memory, nor that of a reload`()
      throws
    {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(), [backend]) { gateway in
        try eventually("most of the code to be given back") { gateway.residentCode < 0.5 }
        gateway.edit(configuration(service: "timeouts: {connect: 2s}"), [backend])
        gateway.signal(SIGHUP)
        try eventually("the reload") { !gateway.logLines("configuration reloaded").isEmpty }
        try eventually("the code of the reload to be given back") { gateway.residentCode < 0.5 }
        #expect(try gateway.get().status == 200)
      }
    }

    @Test func `all workers serve, and tell one truth`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(workers: 4), [backend]) { gateway in
        for _ in 0..<60 { #expect(try gateway.get().status == 200) }
        try gateway.waitForMetric("gateway_requests_total", toBe: 60)
        let metrics = try gateway.metrics()
        let workers = Set(
          metrics.labels("gateway_event_loop_lag_seconds").compactMap { $0["worker"] })
        #expect(workers.count == 4)
        try gateway.waitForMetric("gateway_client_connections", toBe: 0)
      }
    }
  }
}
