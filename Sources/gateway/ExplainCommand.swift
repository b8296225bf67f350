// Why this file exists: `gateway explain`: an operator asks a file where a request would go,
// without a gateway, a network or a backend.

import ArgumentParser
import Configuration
import Forwarding
import Primitives

struct ExplainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract: "Say which route takes a request, and why the others do not.",
    discussion: """
      Touches neither network nor backends; a running gateway answers the same at /explain of its \
      admin listener, with the state that its backends are in. Exits with 0 when a route takes the \
      request, with 1 when none does, with 2 when the configuration is invalid.
      """)

  @OptionGroup var file: ConfigurationOption

  @Argument(help: "As on the request line, in capitals.")
  var method: String

  @Argument(help: "http://host/path?query, or the path and query alone.")
  var url: String

  @Option(
    name: [.customShort("H"), .long],
    help: ArgumentHelp("A header field; may be repeated.", valueName: "Name: value"))
  var header: [String] = []

  @Option(help: ArgumentHelp("Who is connected; by default 127.0.0.1.", valueName: "address"))
  var clientIp: String?

  @Option(help: "How to print: a tree, or a JSON object.")
  var format = CheckCommand.Format.text

  func validate() throws {
    if let clientIp, IPAddress.parse(clientIp) == nil {
      throw ValidationError("'\(clientIp)' is not an IP address")
    }
  }

  func run() throws {
    guard let loaded = ConfigurationReport.load(file.config) else { throw ExitCode(2) }
    let request = ExplainedRequest(
      method: method, url: url, fields: header, peer: clientIp.flatMap { IPAddress.parse($0) })
    let configuration = loaded.configuration
    // Nobody sends anything, so neither the hash's key nor the time matters.
    var builder = SnapshotBuilder(
      registry: SharedRegistry(workers: 1), names: [:], hashKey: 0, now: Instant(nanoseconds: 0))
    let snapshot = builder.build(configuration)
    let verdict: ExplainedVerdict
    do throws(ExplainedRequest.Problem) {
      verdict = try withExtendedLifetime(snapshot) { () throws(ExplainedRequest.Problem) in
        try ExplainedVerdict.of(request, snapshot.pointer, now: Instant(nanoseconds: 0))
      }
    } catch {
      throw ValidationError("\(error)")
    }
    let explanation = Explanation(
      request: request, configuration: configuration, file: loaded.path, verdict: verdict,
      knowsCounters: false
    ) { service in
      configuration.services[service].backends.map { backend in
        ExplainedBackend(
          address: backend.label, isEligible: !backend.drain,
          note: backend.drain ? "drained by the file" : nil)
      }
    }
    switch format {
    case .text: Output.write(explanation.text)
    case .json: Output.write(String(decoding: explanation.json, as: UTF8.self))
    }
    throw ExitCode(explanation.isMatched ? 0 : 1)
  }
}
