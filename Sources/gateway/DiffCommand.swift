// Why this file exists: `gateway diff`: before a reload, or in a review, an operator sees what it
// would do, without a gateway.

import ArgumentParser
import Configuration

struct DiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Say what a reload from one configuration file to another would change and keep.",
    discussion: """
      Tells listeners, services, backends, limits, routes and settings that are added (+), removed \
      (-) or different (~), what becomes of them, and what needs a restart. Comments, the way a \
      value is written and an order that decides nothing are no difference. Values from ${…} are \
      compared and not shown. Exits with 0 when nothing differs, with 1 when something does, with \
      2 when a file is invalid.
      """)

  @Argument(help: ArgumentHelp("The file in use.", valueName: "old"))
  var old: String

  @Argument(help: ArgumentHelp("The file to come.", valueName: "new"))
  var new: String

  @Option(help: "How to print: a list of lines, or a JSON object.")
  var format = CheckCommand.Format.text

  func run() throws {
    guard let diff = ConfigurationReport.diff(old, new, format: format) else { throw ExitCode(2) }
    switch format {
    case .text: Output.write(diff.text(isColoured: ConfigurationReport.showsColour(1)))
    case .json: Output.write(diff.json)
    }
    throw ExitCode(diff.isEmpty ? 0 : 1)
  }
}
