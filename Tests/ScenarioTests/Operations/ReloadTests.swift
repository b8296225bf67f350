// Why this file exists: an edited file is put to use while the gateway runs, however the edit came
// about and whoever asked for it; one that is broken is not (regression 29 and 30).

import Glibc
import Testing

extension Operations {
  @Suite struct Reload {
    /// A gateway that says this word at every path.
    private func saying(_ word: String, top: String = "") -> String {
      """
      listeners: [{address: "127.0.0.1:{port}"}]
      admin: {address: "127.0.0.1:{admin}"}
      workers: 2
      \(top)
      services: {}
      routes:
        - {name: all, match: {path: /*}, respond: {status: 200, body: \(word)}}

      """
    }

    private func broken(_ key: String) -> String {
      saying("new").replacing("respond:", with: "\(key):")
    }

    private func wait(_ gateway: GatewayProcess, toSay word: String, line: UInt = #line) throws {
      try eventually("the gateway to say \(word)", line: line) {
        let answer = try gateway.get(line: line)
        #expect(answer.status == 200)
        return answer.text == word
      }
    }

    private func configuration(_ gateway: GatewayProcess) throws -> JSON {
      try JSON(parsing: gateway.admin("/status").text)["configuration"] ?? .null
    }

    // MARK: Who asks

    @Test func `SIGHUP reads the file anew`() throws {
      try withGateway(saying("old")) { gateway in
        #expect(try gateway.get().text == "old")
        gateway.edit(saying("new"))
        gateway.signal(SIGHUP)
        try wait(gateway, toSay: "new")
        try eventually("a line about it") {
          gateway.logLines("configuration re").contains { $0["by"]?.text == "SIGHUP" }
        }
        #expect(try configuration(gateway)["generation"]?.integer == 2)
      }
    }

    @Test func `POST reload answers with what has changed, once it has`() throws {
      try withGateway(saying("old")) { gateway in
        gateway.edit(saying("new").replacing("name: all", with: "name: every"))
        let answer = try gateway.post("/reload")
        #expect(try gateway.get().text == "new")
        #expect(answer.status == 200)
        let body = try JSON(parsing: answer.text)
        // The watch may have been there first, on a slow machine.
        if body["result"]?.text == "applied" {
          #expect(body["generation"]?.integer == 2)
          #expect(body["difference"]?["summary"]?.text?.contains("route") == true)
        } else {
          #expect(body["result"]?.text == "unchanged")
        }
        try eventually("the log to tell of it") {
          gateway.logLines("reload: ").contains { $0["msg"]!.text!.contains("every") }
        }
        let again = try gateway.post("/reload")
        #expect(try JSON(parsing: again.text)["result"]?.text == "unchanged")
        #expect(
          try gateway.post("/reload", "Accept: text/plain\r\n").text == "nothing has changed\n")
        #expect(try gateway.admin("/reload").status == 405)
        try gateway.waitForMetric("gateway_config_info", ["generation": "2"], toBe: 1)
      }
    }

    @Test func `a reload needs the token where there is one, and takes over a new one`() throws {
      let text = saying("old").replacing("{admin}\"}", with: "{admin}\", token: first}")
      try withGateway(text) { gateway in
        #expect(try gateway.post("/reload").status == 401)
        gateway.edit(text.replacing("first", with: "second"))
        try eventually("the new token to hold") {
          _ = try gateway.post("/reload", "Authorization: Bearer first\r\n")
          return try gateway.post("/reload", "Authorization: Bearer second\r\n").status == 200
        }
        #expect(try gateway.post("/reload", "Authorization: Bearer first\r\n").status == 401)
      }
    }

    @Test func `an admin listener that stays until a restart keeps its token so long`() throws {
      let section = "{address: \"127.0.0.1:{admin}\"}"
      let text = saying("old").replacing("{admin}\"}", with: "{admin}\", token: first}")
      try withGateway(text) { gateway in
        gateway.edit(saying("new").replacing(section, with: "none"))
        try gateway.waitForLogLines("not in use before a restart: admin")
        #expect(try gateway.post("/reload").status == 401)
        #expect(try gateway.post("/reload", "Authorization: Bearer first\r\n").status == 200)
      }
    }

    // MARK: What is seen without being asked

    @Test(arguments: ["in place", "by rename"])
    func `an edit is seen`(_ way: String) throws {
      try withGateway(saying("old")) { gateway in
        for word in ["one", "two", "six"] {
          switch way {
          case "in place": gateway.edit(saying(word))
          default:
            writeFile(gateway.configurationPath + "~", gateway.filled(saying(word)))
            #expect(rename(gateway.configurationPath + "~", gateway.configurationPath) == 0)
          }
          try wait(gateway, toSay: word)
        }
        #expect(try configuration(gateway)["generation"]?.integer == 4)
        #expect(
          try configuration(gateway)["last_reload"]?["by"]?.text == "the file has changed")
      }
    }

    @Test func `a swapped directory behind a link is seen, as Kubernetes does it`() throws {
      try withGateway(saying("old")) { gateway in
        let directory = gateway.directory
        func publish(_ word: String, _ version: String) {
          mkdir("\(directory)/..\(version)", 0o755)
          writeFile("\(directory)/..\(version)/gateway.yaml", gateway.filled(saying(word)))
          symlink("..\(version)", "\(directory)/..data_tmp")
          rename("\(directory)/..data_tmp", "\(directory)/..data")
        }
        publish("one", "v1")
        symlink("..data/gateway.yaml", "\(directory)/link")
        #expect(rename("\(directory)/link", gateway.configurationPath) == 0)
        try wait(gateway, toSay: "one")
        publish("two", "v2")
        try wait(gateway, toSay: "two")
        publish("six", "v3")
        try wait(gateway, toSay: "six")
      }
    }

    @Test func `a file that is emptied first is never applied empty, nor in half`() throws {
      try withGateway(saying("old")) { gateway in
        let text = gateway.filled(saying("new"))
        writeFile(gateway.configurationPath, "")
        #expect(try gateway.waitForLogLines("is empty, which is not applied").count == 1)
        #expect(try gateway.get().text == "old")
        // A part that ends within a mapping; if it lies there for long it is refused in words.
        let half = String(text.prefix(text.count - 20))
        writeFile(gateway.configurationPath, half)
        #expect(try gateway.get().text == "old")
        writeFile(gateway.configurationPath, text)
        try wait(gateway, toSay: "new")
        #expect(try configuration(gateway)["generation"]?.integer == 2)
        #expect(gateway.logLines("is empty, which is not applied").count == 1)
      }
    }

    @Test func `a file that is gone is told once, and the same one back is no reload`() throws {
      try withGateway(saying("old")) { gateway in
        let aside = gateway.configurationPath + ".aside"
        #expect(rename(gateway.configurationPath, aside) == 0)
        #expect(try gateway.waitForLogLines("the configuration file cannot be read").count == 1)
        #expect(try gateway.get().text == "old")
        #expect(rename(aside, gateway.configurationPath) == 0)
        gateway.edit(saying("new"))
        try wait(gateway, toSay: "new")
        #expect(try configuration(gateway)["generation"]?.integer == 2)
      }
    }

    @Test func `a file that was asked for while it was gone is read when it is back`() throws {
      try withGateway(saying("old")) { gateway in
        let aside = gateway.configurationPath + ".aside"
        #expect(rename(gateway.configurationPath, aside) == 0)
        gateway.signal(SIGHUP)
        try gateway.waitForMetric("gateway_config_last_reload_successful", toBe: 0)
        #expect(rename(aside, gateway.configurationPath) == 0)
        try gateway.waitForMetric("gateway_config_last_reload_successful", toBe: 1)
        #expect(try configuration(gateway)["generation"]?.integer == 1)
        try gateway.waitForLogLines("is good again")
      }
    }

    // MARK: What is broken

    @Test func `a broken file changes nothing, is told once for its content, and shown`() throws {
      try withGateway(saying("old")) { gateway in
        gateway.edit(broken("respnd"))
        #expect(try gateway.waitForLogLines("reload refused").count == 1)
        #expect(try gateway.get().text == "old")
        try gateway.waitForMetric("gateway_config_last_reload_successful", toBe: 0)
        #expect(try configuration(gateway)["last_reload"]?["result"]?.text == "refused")
        #expect(try configuration(gateway)["generation"]?.integer == 1)

        let answer = try gateway.post("/reload")
        #expect(answer.status == 422)
        #expect(try JSON(parsing: answer.text)[0]?["code"]?.text == "unknown_key")
        let text = try gateway.post("/reload", "Accept: text/plain\r\n")
        #expect(text.status == 422)
        #expect(text.text.contains("gateway.yaml:7:36: error: unknown key 'respnd'"))
        #expect(text.text.contains("^~~~~~"))
        #expect(try gateway.admin("/config/errors").text == answer.text)

        // The same content again and again is read, and not told again.
        for _ in 0..<3 {
          gateway.edit(broken("respnd"))
          #expect(try gateway.post("/reload").status == 422)
        }
        #expect(gateway.logLines("reload refused").count == 1)
        #expect(try gateway.waitForLogLines("unknown key 'respnd'").count == 1)
        gateway.edit(broken("resp0nd"))
        try eventually("the other refusal") { gateway.logLines("reload refused").count == 2 }

        gateway.edit(saying("old"))
        try gateway.waitForMetric("gateway_config_last_reload_successful", toBe: 1)
        #expect(try gateway.admin("/config/errors").text == "[]\n")
        #expect(try gateway.waitForLogLines("is good again").count == 1)
        #expect(try configuration(gateway)["generation"]?.integer == 1)
        let failures = try gateway.metrics().value(
          "gateway_config_reloads_total", ["result": "failure"])
        #expect(failures == 7)
      }
    }

    @Test func `a key that cannot change while it runs says so, and the rest is applied`() throws {
      try withGateway(saying("old")) { gateway in
        gateway.edit(saying("new").replacing("workers: 2", with: "workers: 3"))
        try wait(gateway, toSay: "new")
        #expect(try gateway.waitForLogLines("not in use before a restart: workers").count == 1)
        let waiting = try configuration(gateway)["needs_restart"]
        #expect(waiting?.items.map(\.text) == ["workers"])
        #expect(try JSON(parsing: gateway.admin("/status").text)["workers"]?.integer == 2)
        // Undone, nothing waits any more, and nothing is told of it that would.
        gateway.edit(saying("six"))
        try wait(gateway, toSay: "six")
        #expect(try configuration(gateway)["needs_restart"]?.items.isEmpty == true)
        #expect(gateway.logLines("workers").count == 1)
      }
    }

    // MARK: Secrets

    @Test func `a secret is read again with the file, and shown nowhere`() throws {
      let text = saying("\"${file:{directory}/secret}\"")
      let directory = makeDirectory()
      defer { removeDirectory(directory) }
      let secret = directory + "/secret"
      writeFile(secret, "hunter2\n")
      try withGateway(text.replacing("{directory}", with: directory)) { gateway in
        #expect(try gateway.get().text == "hunter2")
        writeFile(secret, "swordfish\n")
        let answer = try gateway.post("/reload")
        #expect(answer.status == 200)
        #expect(try gateway.get().text == "swordfish")
        let shown = try gateway.admin("/config").text
        let route = try JSON(parsing: shown)["routes"]?[0]
        #expect(route?["respond"]?["body"]?.text == "(redacted)")
        #expect(route?["match"]?["path"]?.text == "/*")
        for text in [shown, answer.text, gateway.errors] {
          #expect(!text.contains("swordfish") && !text.contains("hunter2"))
        }
      }
    }

    @Test func `a secret that is exchanged in its own file is put to use by itself`() throws {
      let text = saying("\"${file:{directory}/mounted/secret}\"")
      let directory = makeDirectory()
      defer { removeDirectory(directory) }
      // As Kubernetes mounts them: a link to a link to a directory, which is swapped.
      func put(_ version: String, _ secret: String?) {
        mkdir("\(directory)/\(version)", 0o700)
        if let secret { writeFile("\(directory)/\(version)/secret", secret) }
        symlink(version, "\(directory)/next")
        #expect(rename("\(directory)/next", "\(directory)/mounted") == 0)
      }
      put("first", "hunter2\n")
      try withGateway(text.replacing("{directory}", with: directory)) { gateway in
        #expect(try gateway.get().text == "hunter2")
        put("second", "swordfish\n")
        try wait(gateway, toSay: "swordfish")
        replace(directory + "/second/secret", with: "marlin\n")
        try wait(gateway, toSay: "marlin")
        // While it is missing, what is in use stays.
        put("third", nil)
        try eventually("a refusal") { try gateway.admin("/config/errors").text.contains("secret") }
        #expect(try gateway.get().text == "marlin")
        put("fourth", "tuna\n")
        try wait(gateway, toSay: "tuna")
        #expect(try configuration(gateway)["generation"]?.integer == 4)
      }
    }

    // MARK: What may never give anything

    /// Without a moment in which there is nothing.
    private func replace(_ path: String, with text: String) {
      writeFile(path + "~", text)
      #expect(rename(path + "~", path) == 0)
    }

    @Test(arguments: ["named pipe", "directory", "device"])
    func `a configuration file that becomes no file is told once and holds up nothing`(
      _ kind: String
    ) throws {
      try withGateway(saying("old")) { gateway in
        let path = gateway.configurationPath
        switch kind {
        case "named pipe": #expect(mkfifo(path + "~", 0o600) == 0)
        case "directory": #expect(symlink(".", path + "~") == 0)
        default: #expect(symlink("/dev/zero", path + "~") == 0)
        }
        #expect(rename(path + "~", path) == 0)
        let told = "the configuration file cannot be read"
        #expect(try gateway.waitForLogLines(told).count == 1)
        let reason = kind == "directory" ? "Is a directory" : "it is not a regular file"
        #expect(gateway.logLines(told)[0]["reason"]?.text == reason)
        #expect(try gateway.admin("/readyz").status == 200)
        #expect(try gateway.get().text == "old")
        replace(path, with: gateway.filled(saying("new")))
        try wait(gateway, toSay: "new")
        #expect(gateway.logLines(told).count == 1)
        gateway.signal(SIGTERM)
        #expect(try gateway.waitForEnd() == .exited(0))
      }
    }

    /// Starts a gateway that says what is in its secret, at this path.
    private func withSecret(_ body: (GatewayProcess, _ path: String) throws -> Void) throws {
      let directory = makeDirectory()
      defer { removeDirectory(directory) }
      let path = directory + "/secret"
      writeFile(path, "hunter2")
      try withGateway(saying("\"${file:\(path)}\"")) { try body($0, path) }
    }

    @Test func `a secret that becomes a pipe is what comes out of it, a silent one is refused`()
      throws
    {
      try withSecret { gateway, path in
        let pipe = FedPipe(path)
        try pipe.waitForReader()
        pipe.write("swordfish\n")
        pipe.end()
        try wait(gateway, toSay: "swordfish")
        gateway.signal(SIGHUP)
        try eventually("the refusal", within: 20) {
          gateway.logLines("cannot be read: nobody writes to it, or not to its end").count == 1
        }
        #expect(try gateway.get().text == "swordfish")
        replace(path, with: "marlin")
        try wait(gateway, toSay: "marlin")
      }
    }

    @Test func `the end does not wait for a reload that waits for a pipe`() throws {
      try withSecret { gateway, path in
        let pipe = FedPipe(path)
        try pipe.waitForReader()
        #expect(try gateway.admin("/readyz").status == 200)
        gateway.signal(SIGTERM)
        try eventually("the end") {
          // The reload never has a reason to give up.
          pipe.write("x")
          return !gateway.isRunning
        }
        #expect(try gateway.waitForEnd() == .exited(0))
      }
    }

    @Test func `a configuration may come through a pipe, at the start and for SIGHUP`() throws {
      let directory = makeDirectory()
      defer { removeDirectory(directory) }
      let pipe = FedPipe(directory + "/pipe")
      let (port, admin) = (Socket.freePort(), Socket.freePort())
      let child = try Child(
        GatewayProcess.binary, ["run", "--config", directory + "/pipe"], directory: directory)
      defer { child.killNow() }
      for word in ["old", "new"] {
        try pipe.waitForReader()
        pipe.write(
          fill(saying(word), port: port, admin: admin, directory: directory, backends: []))
        pipe.end()
        try eventually("the gateway to say \(word)", within: 20) {
          guard let client = try? Wire.connect(to: .v4(port)) else { return false }
          defer { client.close() }
          try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
          return try client.readResponse().text == word
        }
        child.signal(word == "old" ? SIGHUP : SIGTERM)
      }
      #expect(try child.waitForEnd() == .exited(0))
    }

    @Test func `while the gateway drains, nothing is read any more`() throws {
      let text = saying("old", top: "shutdown: {accept_grace: 60s}")
      try withGateway(text) { gateway in
        try gateway.beginStopping()
        gateway.edit(saying("new"))
        gateway.signal(SIGHUP)
        #expect(try gateway.waitForLogLines("the configuration is not read any more").count == 1)
        let refused = try gateway.post("/reload")
        #expect(refused.status == 503)
        #expect(refused.text.contains("the gateway is stopping"))
        #expect(try gateway.get().text == "old")
        gateway.signal(SIGTERM)
        _ = try gateway.waitForEnd()
      }
    }
  }
}
