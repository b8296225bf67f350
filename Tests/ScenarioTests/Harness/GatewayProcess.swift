// Why this file exists: the built gateway as a test sees it: started on free ports with a text of
// configuration, ready when it says so, and gone at the end of the test whatever happened.

import Glibc
import Testing

final class GatewayProcess {
  let port: UInt16
  let adminPort: UInt16
  /// Where its configuration, output and sockets are; removed at the end.
  let directory: String
  let configurationPath: String
  private let child: Child
  private var isExpectedToEnd = false
  /// Kept, so that no connection is closed before the test says so or ends.
  private let clients = Monitor<[Wire]>([])

  /// The gateway beside the test bundle, or the one that GATEWAY_BINARY names.
  static let binary: String = {
    if let named = getenv("GATEWAY_BINARY") { return String(cString: named) }
    var buffer = [CChar](repeating: 0, count: 4_096)
    let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
    precondition(count > 0, "readlink /proc/self/exe")
    let own = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return own[..<own.lastIndex(of: "/")!] + "/gateway"
  }()

  fileprivate init(
    _ configuration: String, _ backends: [Address], environment: [String: String],
    descriptors: Int?, hosts: String?
  ) throws {
    directory = makeDirectory()
    port = Socket.freePort()
    adminPort = Socket.freePort()
    configurationPath = directory + "/gateway.yaml"
    writeFile(
      configurationPath,
      fill(
        configuration, port: port, admin: adminPort, directory: directory, backends: backends))
    var command = [Self.binary, "run", "--config", configurationPath]
    if let hosts {
      Namespace.write(hosts, in: directory)
      command = Namespace.command(directory, command)
    }
    child = try Child(
      command[0], Array(command.dropFirst()), environment: environment,
      directory: directory, descriptors: descriptors, name: "gateway")
  }

  /// A text of configuration with the ports and paths of this gateway in it.
  func filled(_ text: String, _ backends: [ScriptedBackend] = []) -> String {
    fill(
      text, port: port, admin: adminPort, directory: directory,
      backends: backends.map(\.address))
  }

  /// Writes another configuration into its file, and does no more about it.
  func edit(_ text: String, _ backends: [ScriptedBackend] = []) {
    writeFile(configurationPath, filled(text, backends))
  }

  /// Replaces what the system's resolver finds, for a gateway that was started with `hosts`.
  func setHosts(_ text: String) { Namespace.write(text, in: directory) }

  fileprivate func waitUntilReady() throws {
    try eventually("the gateway to be ready", within: 20) {
      if child.hasEnded {
        throw ScenarioFailure("the gateway ended while starting: \(child.end!)", line: #line)
      }
      return isReady
    }
  }

  /// What /readyz says now; without an admin listener, whether clients can connect.
  private var isReady: Bool {
    if readFile(configurationPath)!.contains("admin: none") {
      return (try? Wire.connect(to: .v4(port))) != nil
    }
    return (try? admin("/readyz").status) == 200
  }

  fileprivate func finish() {
    if child.hasEnded && !isExpectedToEnd {
      Issue.record("the gateway ended by itself: \(child.end!)\n\(errors)")
    }
    child.killNow()
    clients.update { all in
      for client in all { client.close() }
      all = []
    }
    removeDirectory(directory)
  }

  // MARK: Talking to it

  /// A new client connection; `receiveBuffer` makes the client's window small.
  func connect(receiveBuffer: Int32? = nil, line: UInt = #line) throws -> Wire {
    let client = try Wire.connect(to: .v4(port), receiveBuffer: receiveBuffer, line: line)
    clients.update { $0.append(client) }
    return client
  }

  /// The bytes are there when the gateway accepts the connection: however late the test is, they
  /// come in time.
  func connect(sending text: String, line: UInt = #line) throws -> Wire {
    freeze()
    defer { signal(SIGCONT) }
    let client = try connect(line: line)
    try client.send(text, line: line)
    return client
  }

  /// One request on a connection of its own.
  func exchange(_ request: String, line: UInt = #line) throws -> Message {
    let client = try connect(line: line)
    defer { client.close() }
    try client.send(request, line: line)
    let method = String(request.prefix { $0 != " " })
    return try client.readResponse(to: method, line: line)
  }

  /// `GET path` with nothing but a Host, on a connection of its own.
  func get(_ path: String = "/", fields: String = "", line: UInt = #line) throws -> Message {
    try exchange("GET \(path) HTTP/1.1\r\nHost: example.com\r\n\(fields)\r\n", line: line)
  }

  func admin(
    _ path: String, method: String = "GET", fields: String? = nil, line: UInt = #line
  ) throws -> Message {
    let client = try Wire.connect(to: .v4(adminPort), line: line)
    defer { client.close() }
    let fields = fields ?? "Host: 127.0.0.1:\(adminPort)\r\n"
    try client.send("\(method) \(path) HTTP/1.1\r\n\(fields)Connection: close\r\n\r\n")
    return try client.readResponse(to: method, line: line)
  }

  /// A POST to the admin listener; `more` are further field lines.
  func post(_ path: String, _ more: String = "", line: UInt = #line) throws -> Message {
    try admin(
      path, method: "POST",
      fields: "Host: 127.0.0.1:\(adminPort)\r\nContent-Length: 0\r\n\(more)", line: line)
  }

  /// The lines of the diagnostic log whose message holds this.
  func logLines(_ message: String) -> [JSON] {
    errors.split(separator: "\n").compactMap { try? JSON(parsing: String($0)) }
      .filter { $0["msg"]?.text?.contains(message) == true }
  }

  /// The same once there are so many: a thread of its own writes them, a moment later.
  @discardableResult
  func waitForLogLines(_ message: String, _ count: Int = 1, line: UInt = #line) throws -> [JSON] {
    try eventually("\(count) lines about '\(message)'", line: line) {
      logLines(message).count >= count
    }
    return logLines(message)
  }

  /// A scrape that Prometheus would take whole.
  func metrics(line: UInt = #line) throws -> Metrics {
    let metrics = Metrics(try admin("/metrics", line: line).text)
    for fault in metrics.faults { Issue.record("in the metrics: \(fault)") }
    return metrics
  }

  /// Waits until the metric has this value: what is counted after the last byte of an answer may
  /// be seen a moment later.
  func waitForMetric(
    _ name: String, _ labels: [String: String] = [:], toBe value: Double, line: UInt = #line
  ) throws {
    var last: Double?
    do {
      try eventually("\(name)", line: line) {
        last = try metrics(line: line).value(name, labels)
        return last == value
      }
    } catch var failure as ScenarioFailure {
      failure.details += "\(name) \(labels) is \(last.map { "\($0)" } ?? "absent"), not \(value)\n"
      throw failure
    }
  }

  /// The access log so far: the whole lines of the standard output that are requests.
  func accessLog() throws -> [JSON] { try Self.accessLines(child.output) }

  static func accessLines(_ text: String) throws -> [JSON] {
    guard let end = text.lastIndex(of: "\n") else { return [] }
    return try text[..<end].split(separator: "\n").map { try JSON(parsing: String($0)) }
      .filter { $0["msg"]?.text == "request" }
  }

  /// The log once it has that many lines.
  func waitForAccessLog(_ count: Int, line: UInt = #line) throws -> [JSON] {
    try eventually("\(count) lines in the access log", line: line) {
      try accessLog().count >= count
    }
    return try accessLog()
  }

  // MARK: Its process

  var pid: pid_t { child.pid }
  var errors: String { child.errors }
  var output: String { child.output }
  var isRunning: Bool { !child.hasEnded }
  func signal(_ number: Int32) { child.signal(number) }

  /// Tells it to end; from the return on it is not ready any more.
  func beginStopping(line: UInt = #line) throws {
    signal(SIGTERM)
    try eventually("readiness to be gone", line: line) {
      try admin("/readyz", line: line).status == 503
    }
  }

  /// Stops it where it is, until SIGCONT. From the return on, no thread of it runs.
  func freeze() {
    signal(SIGSTOP)
    var news = siginfo_t()
    _ = waitid(P_PID, id_t(pid), &news, Int32(WSTOPPED))
  }

  /// Waits for the exit that the test asked for.
  func waitForEnd(within seconds: Double = 15, line: UInt = #line) throws -> ProcessEnd {
    isExpectedToEnd = true
    return try child.waitForEnd(within: seconds, line: line)
  }

  /// Resident memory in bytes.
  var residentMemory: Int {
    let fields = (readFile("/proc/\(pid)/statm") ?? "").split(separator: " ")
    return fields.count > 1 ? (Int(fields[1]) ?? 0) * 4_096 : 0
  }

  /// The part of the program's code that is in its memory.
  var residentCode: Double {
    var (isCode, size, resident) = (false, 0.0, 0.0)
    for line in (readFile("/proc/\(pid)/smaps") ?? "").split(separator: "\n") {
      let words = line.split(separator: " ")
      if words.count > 5 { isCode = words[1] == "r-xp" && words[5].hasSuffix("/gateway") }
      guard isCode, words.count == 3, let kibibytes = Double(words[1]) else { continue }
      if words[0] == "Size:" { size += kibibytes }
      if words[0] == "Rss:" { resident += kibibytes }
    }
    return size > 0 ? resident / size : 1
  }

  var openDescriptors: Int {
    guard let directory = opendir("/proc/\(pid)/fd") else { return 0 }
    defer { closedir(directory) }
    var count = -2
    while readdir(directory) != nil { count += 1 }
    return count
  }
}

/// Starts a gateway and the test's body with it; stops both the gateway and the backends
/// afterwards. What the peers noticed is added to a failure.
func withGateway(
  _ configuration: String, _ backends: [ScriptedBackend] = [], addresses: [Address]? = nil,
  environment: [String: String] = [:], descriptors: Int? = nil, hosts: String? = nil,
  _ body: (GatewayProcess) throws -> Void
) throws {
  defer { for backend in backends { backend.stop() } }
  let gateway = try GatewayProcess(
    configuration, addresses ?? backends.map(\.address), environment: environment,
    descriptors: descriptors, hosts: hosts)
  defer { gateway.finish() }
  do {
    try gateway.waitUntilReady()
    try body(gateway)
  } catch var failure as ScenarioFailure {
    failure.details += details(gateway, backends)
    throw failure
  }
}

private func details(_ gateway: GatewayProcess, _ backends: [ScriptedBackend]) -> String {
  var text = ""
  for (number, backend) in backends.enumerated() {
    text += "backend \(number + 1) received:\n\(backend.transcript)\n"
    for failure in backend.failures { text += "backend \(number + 1): \(failure)\n" }
  }
  if !gateway.errors.isEmpty { text += "stderr of the gateway:\n\(gateway.errors.suffix(4_000))" }
  return text
}

/// Runs one of the gateway's other commands to its end.
func runGateway(
  _ arguments: [String], environment: [String: String] = [:], descriptors: Int? = nil,
  within seconds: Double = 20, line: UInt = #line
) throws -> (end: ProcessEnd, output: String, errors: String) {
  let directory = makeDirectory()
  defer { removeDirectory(directory) }
  let child = try Child(
    GatewayProcess.binary, arguments, environment: environment, directory: directory,
    descriptors: descriptors)
  defer { child.killNow() }
  let end = try child.waitForEnd(within: seconds, line: line)
  return (end, child.output, child.errors)
}
