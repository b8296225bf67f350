// Why this file exists: some mistakes lie between two values that are each right: a route to a
// service that is not there, a gateway that is its own backend. They are looked for in the typed
// document, so that every complaint still knows its place.
import HTTPSemantics
import Primitives

struct CrossChecks {
  let root: ConfigurationValue
  var diagnostics: DiagnosticCollector

  init(_ root: ConfigurationValue, _ diagnostics: DiagnosticCollector) {
    self.root = root
    self.diagnostics = diagnostics
  }

  mutating func run() {
    warnOfMemory()
    let sockets = checkSockets()
    let services = root.field("services")?.named ?? []
    for service in services { checkService(service, sockets) }
    let limits = root.field("rate_limits")?.named ?? []
    checkRateLimits(limits)
    checkRoutes(services, limits)
    checkTracing(sockets)
    // A route that could not be read may be the one that names the service, or the limit.
    if diagnostics.hasErrors { return }
    warnOfUnusedServices(services)
    warnOfUnusedLimits(limits)
  }

  let services = ConfigurationPath.root.key("services")

  // MARK: Sockets

  /// A socket that the gateway listens on.
  struct Socket {
    var what: String
    var address: NetworkAddress
    var line: Int
    /// nil for a default.
    var range: SourceRange?

    /// `the listener of line 3`
    var phrase: String { line > 0 ? "\(what) of line \(line)" : "\(what)'s default" }
  }

  private mutating func checkSockets() -> [Socket] {
    var sockets: [Socket] = []
    for (index, listener) in (root.field("listeners")?.elements ?? []).enumerated() {
      let path = ConfigurationPath.root.key("listeners").index(index).key("address")
      add("the listener", listener.field("address"), path, to: &sockets)
    }
    let admin = ConfigurationPath.root.key("admin").key("address")
    add("the admin listener", root.field("admin")?.field("address"), admin, to: &sockets)
    return sockets
  }

  private mutating func add(
    _ what: String, _ value: ConfigurationValue?, _ path: ConfigurationPath,
    to sockets: inout [Socket]
  ) {
    guard let value, case .address(let address)? = value.scalar else { return }
    let socket = Socket(what: what, address: address, line: value.line, range: value.range)
    if let other = sockets.first(where: { $0.address.collides(with: address) }) {
      // A default is nowhere in the file: the complaint goes to what stands there.
      diagnostics.error(
        .duplicateAddress, value.range ?? other.range, path,
        "\(path.short): \(value.range == nil ? socket.phrase : "'\(value.shown)'") is taken by "
          + other.phrase)
    }
    sockets.append(socket)
  }

  // MARK: Memory

  /// A bound that the process is above before it serves anybody. Measured in a release build: 11.9
  /// MiB with two workers, 0.16 MiB for each one more; both are rounded up here. How many `auto`
  /// are is the machine's business; one at least.
  private mutating func warnOfMemory() {
    guard let memory = root.field("limits")?.field("memory"),
      case .bytes(let bound)? = memory.scalar
    else { return }
    var workers: Int64 = 1
    if case .integer(let count)? = root.field("workers")?.scalar { workers = count }
    let idle = UInt64(12 + (workers + 3) / 4) << 20
    if bound > idle { return }
    diagnostics.warning(
      .outOfBounds, memory.range, ConfigurationPath.root.key("limits").key("memory"),
      "limits.memory: an idle gateway takes about \(QuantityText.size(idle)), so hardly a "
        + "request would be served",
      suggestion: "write \(QuantityText.size(4 * idle)) or more")
  }

  // MARK: Lists

  mutating func warnOfRepeats(_ list: ConfigurationValue?, at path: ConfigurationPath) {
    var seen: [ScalarValue] = []
    for (index, element) in (list?.elements ?? []).enumerated() {
      guard let scalar = element.scalar else { continue }
      if seen.contains(scalar) {
        diagnostics.warning(
          .repeatedValue, element.range, path.index(index),
          "\(path.short): '\(element.shown)' is given twice")
      }
      seen.append(scalar)
    }
  }

  // MARK: Parameters

  /// A parameter's name that is written as a query has it: what is compared is what that means.
  /// - Parameter suggests: what to write instead of a name; nil when it cannot be written there.
  mutating func warnOfEncoding(
    _ name: String, _ range: SourceRange?, at path: ConfigurationPath,
    suggests: (String) -> String?
  ) {
    // In a name that is written here a plus is a plus.
    let decoded = ASCII.formDecoded(name.replacing("+", with: "%2B")[...].utf8)
    if decoded == name { return }
    let sent = PrintableText.of(
      name.replacing("%", with: "%25").replacing("+", with: "%2B"), limit: 128)
    diagnostics.warning(
      .noEffect, range, path,
      "\(path.short): names in a query are compared decoded; this one is met by \(sent)",
      suggestion: suggests(decoded).map { "write \($0)" })
  }

  /// The same of a key.
  mutating func warnOfEncoding(_ key: ConfigurationValue?, at path: ConfigurationPath) {
    guard let key, !key.isSecret, case .requestKey(.query(let name))? = key.scalar else { return }
    warnOfEncoding(name, key.range, at: path) { decoded in
      let meant = "query:\(decoded)"
      return (try? RequestPartReader.key(meant, [])) == nil ? nil : meant
    }
  }

  // MARK: Tracing

  private mutating func checkTracing(_ sockets: [Socket]) {
    let tracing = root.field("tracing")
    let path = ConfigurationPath.root.key("tracing")
    checkTrust(tracing, at: path)
    if let export = tracing?.field("export"), case .url(let url)? = export.scalar {
      guard let socket = sockets.first(where: { $0.address.isReached(by: url.address) })
      else { return }
      diagnostics.error(
        .loop, export.range, path.key("export"),
        "tracing.export: '\(export.shown)' is \(socket.phrase): every export would be traced again")
    } else if let sample = tracing?.field("sample"), sample.origin != .byDefault,
      tracing?.field("export")?.scalar == .word("none")
    {
      diagnostics.warning(
        .noEffect, sample.range, path.key("sample"),
        "tracing.sample: nothing is exported, so nothing is sampled")
    }
  }

  private mutating func checkTrust(_ tracing: ConfigurationValue?, at path: ConfigurationPath) {
    guard let trust = tracing?.field("trust"),
      trust.scalar == .word("trusted_proxies"),
      let proxies = root.field("trusted_proxies"), proxies.elements.isEmpty
    else { return }
    diagnostics.warning(
      .noEffect, trust.range, path.key("trust"),
      "tracing.trust: trusted_proxies is empty, so nobody is trusted")
  }
}

extension ScalarValue {
  var text: String? {
    if case .text(let text) = self { text } else { nil }
  }
}
