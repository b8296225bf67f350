// Why this file exists: a prediction is worth what it is when the day comes. The same traffic is
// sent to a gateway under the old configuration and to one under the new, and what became of every
// request must be what the replay of the first log said.

import Testing

private let old = """
  listeners: [{address: "127.0.0.1:{port}"}]
  admin: {address: "127.0.0.1:{admin}"}
  trusted_proxies: [127.0.0.1/32]
  workers: 2
  services:
    users: {backends: [{backend1}]}
    other: {backends: [{backend2}]}
  rate_limits:
    own: {rate: 4/h, key: client_ip}
    user: {rate: 2/h, key: "header:X-User", missing_key: skip}
  routes:
    - {name: users, match: {path: /users/*}, service: users, rate_limits: [own]}
    - {name: canary, match: {path: /users/*, headers: {X-Canary: "1"}}, service: other}
    - {name: orders, match: {path: /orders/*}, service: users}
    - {name: named, match: {path: /named}, service: users, rate_limits: [user]}
    - {name: old, match: {path: /old/*}, redirect: {status: 301, location: /orders/*}}
    - {name: host, match: {host: "*.example.com", path: /h}, service: users}
    - {name: kept, match: {path: /kept/*}, service: users}

  """

private let new = """
  listeners: [{address: "127.0.0.1:{port}"}]
  admin: {address: "127.0.0.1:{admin}"}
  trusted_proxies: [127.0.0.1/32]
  services:
    users: {backends: [{backend1}]}
    other: {backends: [{backend2}]}
  rate_limits:
    own: {rate: 2/h, key: client_ip}
    user: {rate: 2/h, key: "header:X-User", missing_key: skip}
    all: {rate: 9/h, key: global}
  routes:
    - {name: users, match: {path: /users/*}, service: users, rate_limits: [own]}
    - {name: canary, match: {path: /users/*, headers: {X-Canary: "1"}}, service: users}
    - {name: orders, match: {path: /orders/*, methods: [GET]}, service: other, rate_limits: [all]}
    - {name: big, match: {path: /orders/*, methods: [POST]}, service: users, body_size: 8B}
    - {name: named, match: {path: /named}, service: users, rate_limits: [user]}
    - {name: old, match: {path: /old/*}, respond: {status: 410, body: gone}}
    - {name: host, match: {host: a.example.com, path: /h}, service: users}
    - {name: kept, match: {path: /kept/*}, service: users}

  """

/// A request by its line, its fields and its body.
private struct Call {
  var line: String
  var fields = ""
  var body = ""
  var host = "api.example.org"
  var client = 1
}

private let traffic: [Call] = {
  var calls: [Call] = []
  for round in 0..<5 {
    for client in 1...3 where round < 2 * client {
      calls.append(Call(line: "GET /users/\(round)", client: client))
    }
    calls.append(Call(line: "GET /users/%7e/../x", fields: "X-Canary: 1\r\n"))
    calls.append(Call(line: "GET /users/y?z=1", fields: "X-Canary: 2\r\n", client: 4))
    calls.append(Call(line: "GET /orders/\(round)", client: round))
    calls.append(Call(line: "GET /orders/x", client: 9))
    calls.append(Call(line: "GET /named", fields: "X-User: a\r\n"))
    calls.append(Call(line: "GET /kept/\(round)"))
  }
  calls.append(Call(line: "POST /orders/1", fields: "Content-Length: 3\r\n", body: "abc"))
  calls.append(
    Call(
      line: "POST /orders/2", fields: "Content-Length: 40000\r\n",
      body: String(repeating: "x", count: 40_000)))
  calls += [
    Call(line: "GET /old/a"), Call(line: "PUT /orders/1"), Call(line: "GET /nowhere"),
    Call(line: "GET /h", host: "a.example.com"), Call(line: "GET /h", host: "b.example.com:80"),
    Call(line: "GET /named"), Call(line: "OPTIONS *"),
  ]
  return calls
}()

/// What became of a request.
private struct Fate: Equatable {
  var route: String?
  var service: String?
  var status: Int?
  var reason: String?

  init(_ json: JSON?) {
    route = json?["route"]?.text
    service = json?["service"]?.text
    status = json?["status"]?.integer
    reason = json?["reason"]?.text
  }

  func isOtherwise(_ other: Fate) -> Bool {
    route != other.route || service != other.service
      || (reason == "rate_limited") != (other.reason == "rate_limited")
      || (status ?? 0) / 100 != (other.status ?? 0) / 100
  }
}

/// Sends the traffic to a gateway of this configuration; gives its log.
private func log(_ text: String) throws -> (text: String, fates: [String: Fate]) {
  let backends = [ScriptedBackend.answering(), ScriptedBackend.answering()]
  var text = text
  try withGateway(text, backends) { gateway in
    for (number, call) in traffic.enumerated() {
      _ = try gateway.exchange(
        "\(call.line) HTTP/1.1\r\nHost: \(call.host)\r\nUser-Agent: test\r\n"
          + "X-Forwarded-For: 10.1.1.\(call.client)\r\nX-Request-ID: call-\(number)\r\n"
          + "\(call.fields)\r\n\(call.body)")
    }
    _ = try gateway.waitForAccessLog(traffic.count)
    text = gateway.output
  }
  var fates: [String: Fate] = [:]
  for line in try GatewayProcess.accessLines(text) {
    fates[try #require(line["request_id"]?.text)] = Fate(line)
  }
  #expect(fates.count == traffic.count)
  return (text, fates)
}

extension Operations {
  @Suite struct Replay {
    /// Runs `replay` on a log, with the configurations in files `old.yaml` and `new.yaml`.
    private func replay(
      _ logs: [String], _ arguments: [String] = [], new newText: String = new
    ) throws -> (end: ProcessEnd, output: String, errors: String) {
      let directory = makeDirectory()
      defer { removeDirectory(directory) }
      let places = [
        ("port", "8080"), ("admin", "8081"), ("backend1", "10.0.0.2:80"),
        ("backend2", "10.0.0.3:80"),
      ]
      for (name, text) in [("old", old), ("new", newText)] {
        writeFile(
          "\(directory)/\(name).yaml",
          places.reduce(text) { $0.replacing("{\($1.0)}", with: $1.1) })
      }
      var command = ["replay", "--config", "\(directory)/new.yaml"]
      for (number, log) in logs.enumerated() {
        writeFile("\(directory)/\(number).log", log)
        command += ["--log", "\(directory)/\(number).log"]
      }
      command += arguments.map { $0.replacing("{directory}", with: directory) }
      let result = try runGateway(command)
      return (
        result.end, result.output.replacing(directory + "/", with: ""),
        result.errors.replacing(directory + "/", with: "")
      )
    }

    private let against = ["--against", "{directory}/old.yaml"]

    @Test func `what it predicts is what a gateway does`() throws {
      let before = try log(old)
      let after = try log(new)
      let result = try replay([before.text], against + ["--all", "--format", "json"])
      #expect(result.end == .exited(1) && result.errors == "")
      var predicted: [String: Fate] = [:]
      var summary: JSON?
      for line in result.output.split(separator: "\n") {
        let json = try JSON(parsing: String(line))
        if json["kind"]?.text == "summary" {
          summary = json
        } else {
          predicted[try #require(json["request_id"]?.text)] = Fate(json["new"])
        }
      }
      #expect(summary?["untold"]?["requests"]?.integer == 0)
      #expect(summary?["changed"]?.integer == predicted.count)
      var otherwise = 0
      for (number, call) in traffic.enumerated() {
        let id = "call-\(number)"
        let (was, became) = (try #require(before.fates[id]), try #require(after.fates[id]))
        if was.isOtherwise(became) { otherwise += 1 }
        #expect(
          was.isOtherwise(became) == (predicted[id] != nil),
          "\(call.line): \(was), \(became), predicted \(predicted[id].map { "\($0)" } ?? "none")")
        guard var said = predicted[id] else { continue }
        // What another backend answers is not for us to know.
        if said.status == nil { said.status = became.status }
        #expect(said == became, "\(call.line)")
      }
      #expect(otherwise > 20)
    }

    @Test func `without the old configuration the log is taken at its word`() throws {
      let before = try log(old)
      let after = try log(new)
      let result = try replay([before.text], ["--all", "--format", "json"])
      var told = 0
      for line in result.output.split(separator: "\n") {
        let json = try JSON(parsing: String(line))
        guard let id = json["request_id"]?.text else {
          // Who has X-Canary, and who X-User, no log says.
          let untold = try #require(json["untold"]?["requests"]?.integer)
          #expect(untold > 10)
          #expect(json["notes"]?[0]?.text?.contains("--against") == true)
          continue
        }
        told += 1
        var said = Fate(json["new"])
        let became = try #require(after.fates[id])
        if said.status == nil { said.status = became.status }
        #expect(said == became)
        #expect(Fate(json["old"]) == before.fates[id])
      }
      #expect(told > 10)
    }

    private let line = """
      {"time":"2026-11-25T00:00:01.000000Z","level":"info","msg":"request","request_id":"a1",\
      "trace_id":null,"span_id":null,"client_ip":"10.0.0.1","method":"GET","host":"x.org",\
      "path":"/kept/1","protocol":"HTTP/1.1","route":"gone","service":"users","backend":null,\
      "attempts":1,"status":200,"reason":null,"bytes_in":90,"bytes_out":90,"latency_ms":1.0,\
      "upstream_ms":1.0,"queue_ms":0.0,"connect_ms":0.0,"user_agent":null}

      """

    @Test func `people read a table, the most frequent first, with an example of each`() throws {
      let moved = line.replacing("\"users\"", with: "\"other\"")
      let later = moved.replacing("00:01", with: "00:09").replacing("a1", with: "b7")
      let result = try replay([later + "cut {", line + moved + moved])
      #expect(result.end == .exited(1))
      let lines = result.output.split(separator: "\n", omittingEmptySubsequences: false).map {
        $0.split(separator: " ").joined(separator: " ")
      }
      #expect(
        lines == [
          "4 requests from 2026-11-25T00:00:01.000000Z to 2026-11-25T00:00:09.000000Z", "",
          "4 (100.0 %) would be treated otherwise under new.yaml than the log says: route 4, "
            + "service 3, status unknown 3",
          "requests request route service answer first",
          "3 75.0 % GET x.org/kept/* gone → kept other → users 2xx → what users says 1.log:2 a1",
          "1 25.0 % GET x.org/kept/* gone → kept users 2xx 1.log:1 a1", "",
          "1 line could not be read", "0.log:2: not one JSON object", "",
        ])
      let short = try replay([line + moved], ["--groups", "1"])
      #expect(short.output.contains("and 1 in 1 more groups"))
    }

    @Test func `exit codes say what a script wants to know`() throws {
      let same = try replay([line.replacing("gone", with: "kept")])
      #expect(same.end == .exited(0))
      #expect(same.output.contains("none would be treated otherwise under new.yaml"))
      let invalid = try replay([line], new: new.replacing("service: users", with: "service: user"))
      #expect(invalid.end == .exited(2))
      #expect(invalid.errors.contains("new.yaml:16:") && invalid.errors.contains("did you mean"))
      let missing = try replay([line], ["--log", "/nowhere/access.log"])
      #expect(missing.end == .exited(2))
      #expect(missing.errors.contains("/nowhere/access.log: No such file"))
      #expect(try replay(["no log\n"]).end == .exited(2))
      #expect(try replay([""]).end == .exited(0))
      #expect(try replay([]).end == .exited(64))
      #expect(try replay([line], ["--groups", "0"]).end == .exited(64))
      let zipped = try replay([line], ["--log", "{directory}"])
      #expect(zipped.end == .exited(2) && zipped.errors.contains("directory"))
    }

    @Test func `a line longer than any is passed over, in bounded memory`() throws {
      let long = String(repeating: "x", count: 10_000_000)
      let moved = line.replacing("\"users\"", with: "\"other\"")
      let result = try replay([moved + long + "\n" + moved + long])
      #expect(result.end == .exited(1))
      #expect(result.output.contains("0.log:2: longer than any line that the gateway writes"))
      #expect(result.output.contains("0.log:4: longer than any line that the gateway writes"))
      #expect(result.output.contains("2 (100.0 %) would be treated otherwise"))
    }

    @Test func `a hostile log cannot steer a terminal`() throws {
      let evil = line.replacing("gone", with: "\\u001b[31m\\u202e")
      let result = try replay([evil], ["--all"])
      #expect(!result.output.contains("\u{1B}") && !result.output.contains("\u{202E}"))
      #expect(result.output.contains("\\u{1b}[31m\\u{202e} → kept"))
    }
  }
}
