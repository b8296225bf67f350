// Why this file exists: logs go to files that are rotated and to pipes whose readers stall. Neither
// may hold up a request, a health check or the end, and what is lost is known to the line.

import Glibc
import Testing

/// A named pipe with a reader of ours, that does not read before it is told to.
private final class StalledReader {
  private let descriptor: Int32
  private var bytes: [UInt8] = []
  private var lines: [JSON] = []

  init(_ path: String) {
    precondition(mkfifo(path, 0o600) == 0, "mkfifo: \(errorText(errno))")
    descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    precondition(descriptor >= 0, "open: \(errorText(errno))")
    // F_SETPIPE_SZ: the smallest that a pipe can be, full at once.
    precondition(fcntl(descriptor, 1_031, 4_096) == 4_096)
  }

  deinit { close(descriptor) }

  /// Whole lines that have come so far.
  func read() throws -> [JSON] {
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = Glibc.read(descriptor, &chunk, chunk.count)
      guard count > 0 else { break }
      bytes += chunk[..<count]
    }
    guard let end = bytes.lastIndex(of: 0x0a) else { return lines }
    for line in bytes[...end].split(separator: 0x0a) {
      lines.append(try JSON(parsing: String(decoding: line, as: UTF8.self)))
    }
    bytes.removeSubrange(...end)
    return lines
  }
}

/// Lines of them are more than all buffers hold.
private let requests = 1_500
private let agent = String(repeating: "a", count: 1_000)

extension Operations {
  @Suite struct `Log sinks` {
    /// So many requests over one connection, each answered 200.
    private func send(_ gateway: GatewayProcess, _ count: Int, from first: Int = 0) throws {
      let client = try gateway.connect()
      for number in first..<first + count {
        try client.send("GET /\(number) HTTP/1.1\r\nHost: a\r\nUser-Agent: \(agent)\r\n\r\n")
        _ = try client.readResponse()
      }
      client.close()
    }

    /// What docs/operating.md would have people put into /etc/logrotate.d.
    private func documentedRules() throws -> String {
      let root = #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
      let page = try #require(readFile("/\(root)/docs/operating.md"))
      let begin = try #require(page.firstRange(of: "\n    /var/log/gateway/access.log {\n"))
      let end = try #require(page[begin.upperBound...].firstRange(of: "\n    }\n"))
      return String(page[begin.lowerBound..<end.upperBound]).replacing("\n    ", with: "\n")
    }

    @Test func `what a pipe does not take is dropped and counted, to the line`() throws {
      let directory = makeDirectory()
      defer { removeDirectory(directory) }
      let reader = StalledReader(directory + "/pipe")
      let text = configuration(top: "logging: {access: {output: \(directory)/pipe}}")
      try withGateway(text, [.answering()]) { gateway in
        // Nobody waits for the reader.
        try send(gateway, requests)
        try gateway.waitForMetric("gateway_requests_total", toBe: Double(requests))
        var dropped = 0
        var lines: [JSON] = []
        try eventually("each line to be read or counted") {
          dropped = Int(try gateway.metrics().value("gateway_access_log_dropped_total", [:]) ?? 0)
          if dropped > 0 { lines = try reader.read() }
          return lines.count + dropped == requests
        }
        #expect(dropped > 0 && !lines.isEmpty)
        // Who reads again gets what comes.
        try send(gateway, 1, from: requests)
        gateway.signal(SIGTERM)
        #expect(try gateway.waitForEnd() == .exited(0))
        let paths = try reader.read().map { $0["path"]?.text }
        // The first ones, without a gap, and the last one.
        #expect(paths.count == lines.count + 1)
        #expect(paths.dropLast() == (0..<lines.count).map { "/\($0)" }[...])
        #expect(paths.last == "/\(requests)")
      }
    }

    @Test func `a standard error that nobody reads holds up nothing, not even the end`() throws {
      let directory = makeDirectory()
      defer { removeDirectory(directory) }
      let reader = StalledReader(directory + "/gateway.stderr")
      let backend = ScriptedBackend.answering()
      defer { backend.stop() }
      let (port, admin) = (Socket.freePort(), Socket.freePort())
      let text = configuration(top: "logging: {level: debug, access: {output: none}}")
      writeFile(
        directory + "/gateway.yaml",
        fill(
          text, port: port, admin: admin, directory: directory, backends: [backend.address]))
      let child = try Child(
        GatewayProcess.binary, ["run", "--config", directory + "/gateway.yaml"],
        directory: directory, name: "gateway")
      defer { child.killNow() }
      func ask(_ request: String, _ port: UInt16) throws -> Message {
        let client = try Wire.connect(to: .v4(port))
        defer { client.close() }
        try client.send(request)
        return try client.readResponse()
      }
      let ready = "GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
      try eventually("it to be ready", within: 20) {
        (try? ask(ready, admin).status) == 200
      }
      // Each order to open the log again is a line, and a pipe of a page holds fifty.
      for _ in 0..<200 {
        child.signal(SIGUSR1)
        #expect(try ask(ready, admin).status == 200)
      }
      #expect(try ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n", port).status == 200)
      child.signal(SIGTERM)
      #expect(try child.waitForEnd() == .exited(0))
      let lines = try reader.read()
      #expect(lines.first?["msg"]?.text == "listening")
    }

    @Test(
      .enabled(
        if: access("/usr/sbin/logrotate", X_OK) == 0,
        "logrotate is not installed: the rotation of the access log is not tested"))
    func `logrotate moves the file under load and no line is lost or torn`() throws {
      let directory = makeDirectory()
      defer { removeDirectory(directory) }
      let path = directory + "/access.log"
      let text = configuration(top: "logging: {access: {output: \(path)}}", workers: 2)
      try withGateway(text, [.answering()]) { gateway in
        let rules = try documentedRules()
          .replacing("/var/log/gateway/access.log", with: path)
          .replacing("pkill -USR1 -x gateway", with: "kill -USR1 \(gateway.pid)")
          .replacing("    compress\n    delaycompress\n", with: "")
        #expect(rules.contains(path) && rules.contains("\(gateway.pid)"))
        writeFile(directory + "/logrotate.conf", rules)
        let rotations = 5
        for turn in 0..<rotations {
          try send(gateway, 200, from: turn * 1_000)
          // An empty file is left where it is.
          try eventually("lines in the file") { readBytes(path)?.isEmpty == false }
          // More of them while it turns.
          let rotation = try Child(
            "/usr/sbin/logrotate",
            ["--state", directory + "/state", "--force", directory + "/logrotate.conf"],
            directory: directory, name: "logrotate")
          try send(gateway, 100, from: turn * 1_000 + 200)
          #expect(try rotation.waitForEnd() == .exited(0), "\(rotation.errors)")
          try eventually("the file to be there again") { access(path, F_OK) == 0 }
        }
        gateway.signal(SIGTERM)
        #expect(try gateway.waitForEnd() == .exited(0))
        let names = (1...rotations).reversed().map { "\(path).\($0)" } + [path]
        let logged = try names.flatMap { name in
          try GatewayProcess.accessLines(try #require(readFile(name), "\(name)"))
            .compactMap { $0["path"]?.text }
        }
        let sent = (0..<rotations).flatMap { turn in (0..<300).map { "/\(turn * 1_000 + $0)" } }
        #expect(logged.sorted() == sent.sorted())
        #expect(gateway.logLines("log files opened again").count == rotations)
      }
    }
  }
}
