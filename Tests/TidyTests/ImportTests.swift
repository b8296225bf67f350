// Why this file exists: the house plan says who may know whom. Package.swift says it to the
// compiler, this table says it to people, and the imports must agree with both.

import Testing

/// Every room with the rooms and packages that it may import.
private let plan: [String: Set<String>] = [
  "Primitives": [],
  "HTTPSemantics": ["Primitives"],
  "Routing": ["Primitives", "HTTPSemantics"],
  "Balancing": ["Primitives"],
  "CircuitBreaking": ["Primitives"],
  "Health": ["Primitives"],
  "Limiting": ["Primitives"],
  "Telemetry": ["Primitives", "HTTPSemantics"],
  "Configuration": ["CLibYAML", "Primitives", "HTTPSemantics"],
  "Forwarding": [
    "Primitives", "HTTPSemantics", "Routing", "Balancing", "CircuitBreaking", "Health",
    "Limiting", "Configuration",
  ],
  "EventLoop": ["CLibUV", "Primitives"],
  "HTTPParsing": ["CLLHTTP", "Primitives", "HTTPSemantics"],
  "Proxy": [
    "Primitives", "HTTPSemantics", "Balancing", "CircuitBreaking", "Limiting", "Telemetry",
    "Configuration",
    "Forwarding", "EventLoop", "HTTPParsing",
  ],
  "Admin": [
    "Primitives", "HTTPSemantics", "Telemetry", "Configuration", "EventLoop", "HTTPParsing",
  ],
  "Replaying": [
    "Primitives", "HTTPSemantics", "Routing", "Limiting", "Telemetry", "Configuration",
    "Forwarding", "HTTPParsing",
  ],
  "Exporting": ["Primitives", "HTTPSemantics", "Telemetry", "EventLoop", "HTTPParsing"],
  "Probing": ["Primitives", "HTTPSemantics", "Health", "EventLoop", "HTTPParsing"],
  "gateway": [
    "Primitives", "HTTPSemantics", "Routing", "Balancing", "CircuitBreaking", "Health",
    "Limiting", "Telemetry",
    "Configuration", "Forwarding", "EventLoop", "HTTPParsing", "Proxy", "Admin", "Probing",
    "Replaying", "Exporting", "ArgumentParser", "Logging",
  ],
  // The simulation's rooms, which know their own loop, shell and prober under the names of the
  // shipped ones.
  "Simulation/Loop": ["Primitives"],
  "Simulation/Proxy": [
    "Primitives", "HTTPSemantics", "Balancing", "CircuitBreaking", "Telemetry", "Forwarding",
    "EventLoop",
  ],
  "Simulation": [
    "Primitives", "HTTPSemantics", "Balancing", "CircuitBreaking", "Health", "Configuration",
    "Forwarding", "EventLoop", "Proxy",
  ],
  "Simulation/Command": ["Primitives", "EventLoop", "Simulation"],
  "Rehearsal": [
    "Primitives", "HTTPSemantics", "CircuitBreaking", "Health", "Configuration", "Forwarding",
    "EventLoop", "Proxy", "Simulation",
  ],
  "Simulation/Player": [
    "Primitives", "Configuration", "Simulation", "Rehearsal", "ArgumentParser",
  ],
]

/// What comes with the toolchain, and the rooms that have a reason to use it.
private let toolchain: [String: Set<String>] = [
  // Atomics in memory that workers share; a lock for lines of the diagnostics, which are no
  // request's.
  "Synchronization": ["Primitives", "EventLoop", "Proxy", "gateway"],
  // Files, sockets and memory of the system.
  "Glibc": [
    "Primitives", "Configuration", "EventLoop", "Proxy", "gateway", "Simulation/Loop",
    "Simulation", "Simulation/Command", "Rehearsal", "Simulation/Player",
  ],
]

private struct Import {
  let file: SourceFile
  let line: Int
  let module: String
}

private func imports(of files: [SourceFile]) -> [Import] {
  files.flatMap { file in
    file.code.lines.enumerated().compactMap { index, line in
      guard line.contains("import") else { return nil }
      let words = line.split(separator: " ")
      guard let position = words.firstIndex(of: "import"), position + 1 < words.count,
        words[..<position].allSatisfy({ $0.hasPrefix("@") || accessLevels.contains($0) })
      else { return nil }
      // `import struct Module.Name` names a kind first.
      let last = words[words.count - 1]
      let module = String(last.prefix { $0 != "." })
      return Import(file: file, line: index + 1, module: module)
    }
  }
}

private let accessLevels: Set<Substring> = [
  "public", "package", "internal", "fileprivate", "private",
]

/// The targets of Package.swift with their dependencies, read from its text.
private func manifest() throws -> [String: Set<String>] {
  let text = try #require(Repository.file("Package.swift")).text
  var rooms: [String: Set<String>] = [:]
  let call = /room\(\s*"(\w+)"(?:,\s*\[([^\]]*)\])?(?:,\s*resources: \w+)?\s*\)/
  for entry in text.matches(of: call) {
    let names = (entry.2 ?? "").matches(of: /"(\w+)"/).map { String($0.1) }
    rooms[String(entry.1)] = Set(names)
  }
  let program = try #require(
    text.firstMatch(of: /name: "gateway",\s*dependencies: \[([^\]]*)\]/))
  let all = program.1.matches(of: /"([\w-]+)"/).map { String($0.1) }
  rooms["gateway"] = Set(all).subtracting(["swift-argument-parser", "swift-log"])
  return rooms
}

@Suite struct `House plan` {
  @Test func `Package.swift and the table agree`() throws {
    let manifest = try manifest()
    let plan = plan.filter { !$0.key.hasPrefix("Simulation") && $0.key != "Rehearsal" }
    #expect(Set(manifest.keys) == Set(plan.keys))
    for (room, allowed) in plan.sorted(by: { $0.key < $1.key }) {
      #expect(manifest[room] == allowed, "\(room)")
    }
  }

  @Test func `dependencies point downward only`() {
    // A room stands above all that it knows, so there is an order without a circle.
    var standing: Set<String> = ["CLibUV", "CLibYAML", "CLLHTTP", "ArgumentParser", "Logging"]
    var left = plan
    while let next = left.first(where: { $0.value.isSubset(of: standing) }) {
      standing.insert(next.key)
      left[next.key] = nil
    }
    #expect(left.isEmpty, "these rooms know each other in a circle: \(left.keys.sorted())")
  }

  @Test func `rooms import only what the plan allows`() {
    let breaches = imports(of: Repository.sources).compactMap { found -> Breach? in
      let room = found.file.room
      if plan[room]?.contains(found.module) == true { return nil }
      if toolchain[found.module]?.contains(room) == true { return nil }
      return Breach(
        file: found.file.path, line: found.line,
        what: "\(room) must not import \(found.module)")
    }
    #expect(breaches.isEmpty, "\(report(breaches))")
  }

  @Test func `every room of the plan is imported by those who are allowed to`() {
    let used = Dictionary(grouping: imports(of: Repository.sources), by: \.file.room)
      .mapValues { Set($0.map(\.module)) }
    for (room, allowed) in plan.sorted(by: { $0.key < $1.key }) {
      let unused = allowed.subtracting(used[room] ?? [])
      #expect(unused.isEmpty, "\(room) does not need \(unused.sorted())")
    }
  }

  @Test func `libyaml is known to one file`() {
    let files = imports(of: Repository.sources).filter { $0.module == "CLibYAML" }.map(\.file.path)
    #expect(files.count == 1, "\(files)")
  }

  @Test func `nobody imports Foundation or Dispatch`() {
    let banned: Set<String> = [
      "Foundation", "FoundationEssentials", "FoundationNetworking", "Dispatch", "XCTest",
    ]
    let breaches = imports(of: Repository.swift).filter { banned.contains($0.module) }
      .map { Breach(file: $0.file.path, line: $0.line, what: "no import of \($0.module)") }
    #expect(breaches.isEmpty, "\(report(breaches))")
  }

  @Test func `policy rooms know no clock, no I/O and no C`() {
    let pure = [
      "HTTPSemantics", "Routing", "Balancing", "CircuitBreaking", "Health", "Limiting",
      "Telemetry", "Forwarding",
    ]
    let breaches = imports(of: Repository.sources)
      .filter { pure.contains($0.file.room) && ($0.module == "Glibc" || $0.module.hasPrefix("CL")) }
      .map { Breach(file: $0.file.path, line: $0.line, what: "a policy imports \($0.module)") }
    #expect(breaches.isEmpty, "\(report(breaches))")
  }
}
