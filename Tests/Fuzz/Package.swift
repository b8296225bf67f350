// swift-tools-version: 6.2
// Why this file exists: the fuzz targets need their own flags in every
// module, so they are a package of their own. `run` copies this file to .build-fuzz, beside links
// to Sources, vendor and this folder; the ordinary build never sees it.
import PackageDescription

/// Coverage for libFuzzer in every module, and the address sanitizer with it.
let instrumented: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .unsafeFlags(["-sanitize=fuzzer,address"]),
]

func room(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: instrumented)
}

/// What calls these rooms by the names of the shipped ones.
let simulated =
  instrumented + [
    .unsafeFlags([
      "-module-alias", "EventLoop=SimulatedLoop", "-module-alias", "Proxy=SimulatedProxy",
    ])
  ]

let package = Package(
  name: "gateway",
  targets: [
    .systemLibrary(name: "CLibYAML", pkgConfig: "yaml-0.1"),
    .target(
      name: "CLLHTTP",
      cSettings: [
        .headerSearchPath("../../vendor/llhttp/include"),
        .unsafeFlags(["-fsanitize=fuzzer-no-link,address"]),
      ]),
    .target(name: "CFuzzer", path: "Fuzz/CFuzzer"),
    room("Primitives"),
    room("HTTPSemantics", ["Primitives"]),
    room("Routing", ["Primitives", "HTTPSemantics"]),
    room("HTTPParsing", ["CLLHTTP", "Primitives", "HTTPSemantics"]),
    room("Configuration", ["CLibYAML", "Primitives", "HTTPSemantics"]),
    room("Telemetry", ["Primitives", "HTTPSemantics"]),
    room("Balancing", ["Primitives"]),
    room("CircuitBreaking", ["Primitives"]),
    room("Health", ["Primitives"]),
    room("Limiting", ["Primitives"]),
    room(
      "Forwarding",
      [
        "Primitives", "HTTPSemantics", "Routing", "Balancing", "CircuitBreaking", "Health",
        "Limiting", "Configuration",
      ]),
    .target(
      name: "SimulatedLoop", dependencies: ["Primitives"], path: "Sources/Simulation/Loop",
      swiftSettings: instrumented),
    .target(
      name: "SimulatedProxy",
      dependencies: [
        "Primitives", "HTTPSemantics", "Balancing", "CircuitBreaking", "Limiting", "Telemetry",
        "Configuration", "Forwarding", "SimulatedLoop", "HTTPParsing",
      ],
      path: "Sources/Simulation/Proxy",
      swiftSettings: instrumented + [.unsafeFlags(["-module-alias", "EventLoop=SimulatedLoop"])]),
    .executableTarget(
      name: "fuzz",
      dependencies: [
        "CFuzzer", "Primitives", "HTTPSemantics", "Routing", "HTTPParsing", "Configuration",
        "Telemetry", "SimulatedLoop", "SimulatedProxy",
      ],
      path: "Fuzz/Targets", swiftSettings: simulated,
      linkerSettings: [.unsafeFlags(["-sanitize=fuzzer,address", "-use-ld=lld"])]),
  ]
)
