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
    .executableTarget(
      name: "fuzz",
      dependencies: [
        "CFuzzer", "Primitives", "HTTPSemantics", "Routing", "HTTPParsing", "Configuration",
      ],
      path: "Fuzz/Targets", swiftSettings: instrumented,
      linkerSettings: [.unsafeFlags(["-sanitize=fuzzer,address", "-use-ld=lld"])]),
  ]
)
