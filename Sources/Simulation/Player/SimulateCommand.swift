// Why this file exists: `gateway simulate`: reads a scenario, plays it, says what it has shown.

import ArgumentParser
import Configuration
import Glibc
import Primitives
import Rehearsal
import Simulation

struct SimulateCommand: ParsableCommand {
  enum Format: String, ExpressibleByArgument, CaseIterable {
    case text, json
  }

  static let configuration = CommandConfiguration(
    commandName: "gateway simulate",
    abstract: "Play traffic and faults of backends against a configuration, on a virtual clock.",
    discussion: """
      The gateway's own data plane, health checks and configuration between simulated clients and \
      backends: no socket is opened, and an hour takes about a minute. The same scenario and seed \
      give the same output, byte for byte. Exits with 0 when every expectation is met, with 1 when \
      one is not, with 2 when the scenario or its configuration is invalid.
      """)

  @Argument(help: ArgumentHelp("The scenario to play.", valueName: "scenario"))
  var file: String

  @Option(help: "How to print: for people, or as a JSON object.")
  var format = Format.text

  @Option(help: ArgumentHelp("Write a page with plots to this file, too.", valueName: "file.html"))
  var report: String?

  @Option(help: "Instead of the scenario's own seed.")
  var seed: UInt64?

  func run() throws {
    let environment = ConfigurationEnvironment.process(missingFileIsWarning: false)
    let result = ScenarioLoader.load(path: file, environment: environment)
    for message in result.messages {
      _ = Screen.write(
        DiagnosticRenderer.text(message, isColoured: Screen.showsColour(2)), to: 2)
    }
    guard var scenario = result.scenario else { throw ExitCode(2) }
    if let seed { scenario.seed = seed }
    guard let records = played(scenario) else { throw ExitCode(2) }
    try tell(RunResult(name: file, scenario: scenario, records: records))
    throw ExitCode(records.isMet ? 0 : 1)
  }

  /// nil, and a complaint, when it cannot be played.
  private func played(_ scenario: ScenarioConfiguration) -> RunRecords? {
    do throws(WorldProblem) {
      let play = try Play(scenario)
      let progress = Progress(scenario.duration)
      try play.run { progress.tell($0) }
      progress.end()
      return play.records
    } catch {
      Screen.complain("\(error)")
      return nil
    }
  }

  private func tell(_ run: RunResult) throws {
    if let report {
      let page = HTMLReport.text(run)
      guard Screen.write(page, toFile: report) else { throw ExitCode(2) }
    }
    switch format {
    case .text: _ = Screen.write(TextReport.text(run, isColoured: Screen.showsColour(1)), to: 1)
    case .json: _ = Screen.write(JSONReport.text(run), to: 1)
    }
  }
}

/// A line on a terminal that says how far a long run has come.
private final class Progress {
  private let length: Duration
  private let isShown = isatty(2) == 1
  private var shown = -1

  init(_ length: Duration) { self.length = length }

  func tell(_ time: Duration) {
    guard isShown else { return }
    let percent = Int(time.nanoseconds * 100 / max(length.nanoseconds, 1))
    if percent == shown { return }
    shown = percent
    _ = Screen.write("\r\(percent) % of \(Figures.seconds(length)) s played", to: 2)
  }

  func end() {
    if shown >= 0 { _ = Screen.write("\r\u{1B}[K", to: 2) }
  }
}
