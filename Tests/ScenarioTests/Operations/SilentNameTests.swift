// Why this file exists: a name server may keep silent for long, and neither the end of the gateway
// nor the names that others know may wait for it. Nobody is asked here: glibc reads the file that
// HOSTALIASES names before it asks for a name without a dot, and this one is a pipe.

import Glibc
import Testing

extension Operations {
  @Suite struct SilentNames {
    /// One service with these backends, none of them asked again for a long time.
    private func text(_ backends: String, top: String = "") -> String {
      configuration(top: top, service: "resolve_every: 1h")
        .replacing("[{backend1}]", with: "[\(backends)]")
    }

    private func withSilence(
      _ body: (_ pipe: FedPipe, _ environment: [String: String]) throws -> Void
    ) throws {
      let directory = makeDirectory()
      defer { removeDirectory(directory) }
      let pipe = FedPipe(directory + "/aliases")
      defer { pipe.end() }
      try body(pipe, ["HOSTALIASES": directory + "/aliases"])
    }

    @Test func `a name server that keeps silent does not hold up the end`() throws {
      try withSilence { pipe, environment in
        try withGateway(text("silent:80"), environment: environment) { gateway in
          try pipe.waitForReader()
          gateway.signal(SIGTERM)
          #expect(try gateway.waitForEnd() == .exited(0))
          #expect(gateway.logLines("stopped").count == 1)
        }
      }
    }

    @Test func `a name server that keeps silent does not hold up a start that fails`() throws {
      let (socket, port) = Socket.reservePort()
      let holder = Wire(adopting: socket)
      defer { holder.close() }
      #expect(listen(socket, 1) == 0)
      try withSilence { _, environment in
        let path = environment["HOSTALIASES"]! + ".yaml"
        writeFile(
          path,
          fill(
            text("silent:80"), port: Socket.freePort(), admin: port, directory: "", backends: []))
        let result = try runGateway(["run", "--config", path], environment: environment)
        #expect(result.end == .exited(1))
        #expect(result.errors.contains("cannot start: "))
        #expect(result.errors.contains("127.0.0.1:\(port)"))
      }
    }

    @Test func `names whose server keeps silent do not hold up the others`() throws {
      let backend = ScriptedBackend.answering()
      try withSilence { pipe, environment in
        let silent = (0..<8).map { "silent\($0):80" }.joined(separator: ", ")
        try withGateway(text(silent), [backend], environment: environment) { gateway in
          try pipe.waitForReader()
          let refusal = try gateway.get()
          #expect(refusal.reason == "no_backend")
          // A reload waits for its names as long as a start does.
          gateway.edit(text("\(silent), localhost:\(backend.address.port)"))
          try eventually("the name that is known", within: 20) { try gateway.get().status == 200 }
        }
      }
    }
  }
}
