// Why this file exists: `gateway replay`: before a reload an operator asks what the new file would
// have done with yesterday's traffic.

import ArgumentParser
import Configuration
import Primitives
import Replaying

struct ReplayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay",
    abstract: "Say which recorded requests another configuration would treat otherwise.",
    discussion: """
      Reads access logs and puts each request through the routes, limits and rules of the new \
      configuration: whose route, service, rate limit verdict or status class would change? It is \
      compared with what the log says, or with --against what the old configuration does; with \
      that, conditions on header fields and query parameters, which no log holds, are inferred \
      from the route that took the request. What cannot be told is counted apart, never guessed. \
      Balancing, retries, breakers, health and timeouts are not replayed: what a backend answered \
      stays as recorded while the service does. Exits with 0 when nothing would change, with 1 \
      when something would, with 2 when a file is unreadable or invalid.
      """)

  @Option(
    help: ArgumentHelp(
      "An access log, or - for standard input; may be repeated for rotated logs.",
      valueName: "file"))
  var log: [String]

  @Option(help: ArgumentHelp("The configuration to come.", valueName: "file"))
  var config: String

  @Option(
    help: ArgumentHelp("The configuration that the log was written under.", valueName: "file"))
  var against: String?

  @Flag(help: "Print every request that would be treated otherwise, as it is found.")
  var all = false

  @Option(help: ArgumentHelp("How many groups of requests to print.", valueName: "count"))
  var groups = 20

  @Option(help: "How to print: tables, or JSON; with --all one JSON object a line.")
  var format = CheckCommand.Format.text

  func validate() throws {
    if log.isEmpty { throw ValidationError("name a log with --log") }
    if groups < 1 { throw ValidationError("--groups must be at least 1") }
    if log.count(where: { $0 == "-" }) > 1 {
      throw ValidationError("standard input can be read once")
    }
  }

  func run() throws {
    guard let new = ConfigurationReport.load(config) else { throw ExitCode(2) }
    var old: ConfigurationReport.Loaded?
    if let against {
      old = ConfigurationReport.load(against)
      if old == nil { throw ExitCode(2) }
    }
    let words: ReplayWords
    do throws(LogFiles.Failure) {
      words = try replay(new, old)
    } catch {
      Output.complain("\(error)")
      throw ExitCode(2)
    }
    switch format {
    case .text: Output.write(words.text)
    case .json: Output.write(words.json(isLine: all))
    }
    // A file of something else is no log.
    if words.report.requests == 0 && words.report.broken > 0 { throw ExitCode(2) }
    throw ExitCode(words.report.hasChanges ? 1 : 0)
  }

  private func replay(
    _ new: ConfigurationReport.Loaded, _ old: ConfigurationReport.Loaded?
  ) throws(LogFiles.Failure) -> ReplayWords {
    let files = try LogFiles(log)
    defer { files.close() }
    var words = ReplayWords(
      names: files.names, new: new.configuration, newFile: new.path, old: old?.configuration,
      oldFile: old?.path, groups: groups, isColoured: ConfigurationReport.showsColour(1))
    let listing = ChangeListing(words, format)
    var replay = Replay(
      new: new.configuration, old: old?.configuration,
      changed: all ? { listing.add($0, $1, $2, $3) } : nil)
    defer { replay.destroy() }
    try files.read { line, place in replay.take(line, at: place) }
    replay.finish()
    listing.flush()
    words.report = replay.report
    return words
  }
}
