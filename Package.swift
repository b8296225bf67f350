// swift-tools-version: 6.2
// Why this file exists: the house plan as the compiler sees it. Dependencies point downward only;
// `make check` builds with --explicit-target-dependency-import-check error, and TidyTests reads the imports.
import PackageDescription

/// `make check` and CI set this, so that a newer compiler's new warning does not stop someone who only wants to run it.
let warningsAreErrors = Context.environment["GATEWAY_WARNINGS"] == "error"

/// Every Swift target is built by the same rules.
let houseRules: [SwiftSetting] =
  [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
  ] + (warningsAreErrors ? [.treatAllWarnings(as: .error)] : [])

/// llhttp's own files stand where `vendor/fetch` puts them.
let llhttpHeaders = CSetting.headerSearchPath("../../vendor/llhttp/include")

/// llhttp scans targets and field values with SSE 4.2 where there is one; SwiftPM's default C flags leave that out
/// (890 instructions a request).
#if arch(x86_64)
  let llhttpFlags: [CSetting] = [llhttpHeaders, .unsafeFlags(["-msse4.2"])]
#else
  let llhttpFlags: [CSetting] = [llhttpHeaders]
#endif

func room(
  _ name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource]? = nil
) -> Target {
  .target(
    name: name, dependencies: dependencies, resources: resources, swiftSettings: houseRules)
}

/// The parts of the page that the admin listener shows at `/`; `DashboardPage.swift` puts them together. They become bytes of
/// the binary: no bundle, no file beside it, no Foundation.
let dashboard: [Resource] = [
  "page.html", "style.css", "words.js", "measures.js", "charts.js", "tables.js", "services.js",
  "panels.js", "main.js",
].map { .embedInCode("Dashboard/\($0)") }

/// A room of `Sources/Simulation`. What stands in it of others is compiled unchanged, with other modules under the names
/// that it imports.
func simulated(
  _ name: String, _ folder: String, _ dependencies: [Target.Dependency],
  under names: [String: String] = [:]
) -> Target {
  let aliases = names.sorted { $0.key < $1.key }.flatMap {
    ["-module-alias", "\($0.key)=\($0.value)"]
  }
  return .target(
    name: name, dependencies: dependencies, path: "Sources/Simulation/" + folder,
    swiftSettings: houseRules + (aliases.isEmpty ? [] : [.unsafeFlags(aliases)]))
}

func tests(_ room: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .testTarget(
    name: room + "Tests", dependencies: [.byName(name: room)] + dependencies,
    swiftSettings: houseRules)
}

let package = Package(
  name: "gateway",
  products: [
    .executable(name: "gateway", targets: ["gateway"]),
    .executable(name: "gateway-simulate", targets: ["gateway-simulate"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
  ],
  targets: [
    // C
    .systemLibrary(name: "CLibUV", pkgConfig: "libuv", providers: [.apt(["libuv1-dev"])]),
    .systemLibrary(name: "CLibYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
    .target(name: "CLLHTTP", cSettings: llhttpFlags),

    // Ground floor
    room("Primitives"),

    // Policy: values in, verdict out
    room("HTTPSemantics", ["Primitives"]),
    room("Routing", ["Primitives", "HTTPSemantics"]),
    room("Balancing", ["Primitives"]),
    room("CircuitBreaking", ["Primitives"]),
    room("Health", ["Primitives"]),
    room("Limiting", ["Primitives"]),
    room("Telemetry", ["Primitives", "HTTPSemantics"]),

    // Machines
    room("Configuration", ["CLibYAML", "Primitives", "HTTPSemantics"]),
    room(
      "Forwarding",
      [
        "Primitives", "HTTPSemantics", "Routing", "Balancing", "CircuitBreaking", "Health",
        "Limiting", "Configuration",
      ]),

    // The only rooms that know C
    room("EventLoop", ["CLibUV", "Primitives"]),
    room("HTTPParsing", ["CLLHTTP", "Primitives", "HTTPSemantics"]),

    // The I/O shell
    room(
      "Proxy",
      [
        "Primitives", "HTTPSemantics", "Balancing", "CircuitBreaking", "Limiting", "Telemetry",
        "Configuration", "Forwarding", "EventLoop", "HTTPParsing",
      ]),
    room(
      "Admin",
      ["Primitives", "HTTPSemantics", "Telemetry", "Configuration", "EventLoop", "HTTPParsing"],
      resources: dashboard),
    room(
      "Replaying",
      [
        "Primitives", "HTTPSemantics", "Routing", "Limiting", "Telemetry", "Configuration",
        "Forwarding", "HTTPParsing",
      ]),
    room(
      "Exporting",
      ["Primitives", "HTTPSemantics", "Telemetry", "EventLoop", "HTTPParsing"]),
    room("Probing", ["Primitives", "HTTPSemantics", "Health", "EventLoop", "HTTPParsing"]),
    .executableTarget(
      name: "gateway",
      dependencies: [
        "Primitives", "HTTPSemantics", "Routing", "Balancing", "CircuitBreaking", "Health",
        "Limiting", "Telemetry",
        "Configuration", "Forwarding", "EventLoop", "HTTPParsing", "Proxy", "Admin", "Probing",
        "Replaying", "Exporting",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: houseRules),

    // Strict readers of the two forms of a scrape, for tests of several rooms
    .target(name: "ScrapeReading", path: "Tests/ScrapeReading", swiftSettings: houseRules),
    tests("ScrapeReading"),

    // The same shell on a virtual clock and a virtual network
    simulated("SimulatedLoop", "Loop", ["Primitives"]),
    simulated(
      "SimulatedProxy", "Proxy",
      [
        "Primitives", "HTTPSemantics", "Balancing", "CircuitBreaking", "Limiting", "Telemetry",
        "Configuration", "Forwarding", "SimulatedLoop", "HTTPParsing",
      ], under: ["EventLoop": "SimulatedLoop"]),
    simulated(
      "SimulatedProbing", "Probing",
      ["Primitives", "HTTPSemantics", "Health", "SimulatedLoop", "HTTPParsing"],
      under: ["EventLoop": "SimulatedLoop"]),
    simulated(
      "Simulation", "World",
      [
        "Primitives", "HTTPSemantics", "Balancing", "CircuitBreaking", "Health", "Telemetry",
        "Configuration", "Forwarding", "SimulatedLoop", "SimulatedProxy", "SimulatedProbing",
      ],
      under: [
        "EventLoop": "SimulatedLoop", "Proxy": "SimulatedProxy", "Probing": "SimulatedProbing",
      ]),

    // What `gateway simulate` starts: a program of its own, so that the gateway carries none of it
    simulated(
      "Rehearsal", "Rehearsal",
      [
        "Primitives", "HTTPSemantics", "CircuitBreaking", "Health", "Configuration", "Forwarding",
        "SimulatedLoop", "SimulatedProxy", "Simulation",
      ],
      under: ["EventLoop": "SimulatedLoop", "Proxy": "SimulatedProxy"]),
    .executableTarget(
      name: "gateway-simulate",
      dependencies: [
        "Primitives", "Configuration", "Simulation", "Rehearsal",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Sources/Simulation/Player", swiftSettings: houseRules),

    .executableTarget(
      name: "simulation", dependencies: ["Primitives", "SimulatedLoop", "Simulation"],
      path: "Sources/Simulation/Command",
      swiftSettings: houseRules + [.unsafeFlags(["-module-alias", "EventLoop=SimulatedLoop"])]),

    // One test folder per room
    tests("Primitives"),
    tests("HTTPSemantics", ["Primitives"]),
    tests("Routing", ["Primitives", "HTTPSemantics"]),
    tests("Balancing", ["Primitives"]),
    tests("CircuitBreaking", ["Primitives"]),
    tests("Health", ["Primitives"]),
    tests("Limiting", ["Primitives"]),
    tests("Telemetry", ["Primitives", "HTTPSemantics", "ScrapeReading"]),
    tests("Configuration", ["Primitives", "HTTPSemantics"]),
    tests(
      "Forwarding",
      [
        "Primitives", "HTTPSemantics", "Routing", "Balancing", "CircuitBreaking", "Health",
        "Limiting", "Configuration",
      ]),
    tests("EventLoop", ["Primitives"]),
    tests("HTTPParsing", ["Primitives", "HTTPSemantics"]),
    tests(
      "Proxy",
      [
        "Primitives", "HTTPSemantics", "Balancing", "Telemetry", "Configuration", "Forwarding",
        "EventLoop",
      ]),
    tests(
      "gateway",
      [
        "Primitives", "HTTPSemantics", "Balancing", "Health", "Telemetry", "Configuration",
        "Forwarding", "EventLoop", "Admin", "Probing", "Proxy", "Exporting",
        .product(name: "Logging", package: "swift-log"),
      ]),
    tests("Probing", ["Primitives", "Health", "EventLoop"]),
    tests("Replaying", ["Primitives", "HTTPSemantics", "Telemetry", "Configuration"]),
    tests("Exporting", ["Primitives", "Telemetry", "EventLoop"]),
    tests("Simulation"),
    tests("Rehearsal", ["Primitives", "HTTPSemantics", "Configuration"]),
    tests("Admin", ["Primitives", "HTTPSemantics", "Telemetry", "Configuration", "EventLoop"]),
    .testTarget(
      name: "ScenarioTests", dependencies: ["gateway", "gateway-simulate", "ScrapeReading"],
      swiftSettings: houseRules),
    .testTarget(name: "TidyTests", swiftSettings: houseRules),
  ]
)
