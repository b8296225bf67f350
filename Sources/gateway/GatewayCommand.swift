// Why this file exists: the command line, as contract and `--help` have it. Wrong usage of any
// command exits with 64, which is what the argument parser does; every other exit code is set by
// the command itself.

import ArgumentParser
import Configuration

/// `gateway`; without a subcommand it is `run`.
struct GatewayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gateway",
    abstract:
      "An HTTP gateway: passes requests to the backends that its configuration names.",
    version: Version.number,
    subcommands: [
      RunCommand.self, CheckCommand.self, ExplainCommand.self, DiffCommand.self,
      ReplayCommand.self, SimulateCommand.self,
      SchemaCommand.self, HealthCommand.self, DemoCommand.self, DocsCommand.self,
    ],
    defaultSubcommand: RunCommand.self)
}

/// The option that several commands share.
struct ConfigurationOption: ParsableArguments {
  @Option(name: .long, help: ArgumentHelp("The configuration file.", valueName: "file"))
  var config = "config/gateway.yaml"
}

struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Run until SIGTERM or SIGINT.",
    discussion: """
      SIGTERM and SIGINT drain and stop, a second one stops at once; SIGHUP reads the \
      configuration again, which an edit of the file does by itself; SIGUSR1 opens log files \
      again. Exits with 0, with 1 when it cannot start, with 3 when something in flight was cut.
      """)

  @OptionGroup var file: ConfigurationOption

  func run() throws {
    throw ExitCode(GatewayProcess.run(configurationPath: file.config, isDemo: false))
  }
}

struct DemoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "Run with three demo backends, on 127.0.0.1:9001 to 9003, in the same process.",
    discussion: "Stops and exits as `run` does.")

  @OptionGroup var file: ConfigurationOption

  func run() throws {
    throw ExitCode(GatewayProcess.run(configurationPath: file.config, isDemo: true))
  }
}

struct CheckCommand: ParsableCommand {
  enum Format: String, ExpressibleByArgument, CaseIterable {
    case text, json
  }

  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Validate configuration files without touching the network or the disk.",
    discussion: """
      Prints every error at once. Exits with 0 when all files are valid, with 1 when one is not, \
      with 2 when one cannot be read.
      """)

  @Argument(help: ArgumentHelp("The files to check.", valueName: "file"))
  var files: [String]

  @Option(help: "How to print: as a compiler does, or as a JSON array.")
  var format = Format.text

  func run() throws {
    throw ExitCode(ConfigurationReport.check(files, format: format).rawValue)
  }
}

struct SchemaCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "schema",
    abstract: "Print the JSON Schema of the configuration, for editors.")

  @Flag(help: "Of the files that `simulate` plays instead.")
  var scenario = false

  func run() { Output.write(scenario ? JSONSchemaWriter.scenario : JSONSchemaWriter.text) }
}

struct HealthCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "health",
    abstract: "Ask the admin listener of a running gateway whether it is ready.",
    discussion: """
      For the health check of a container. Exits with 0 when it is ready, else with 1. A mistake \
      in the file is told, and does not count: the gateway goes on with what it had before.
      """)

  @OptionGroup var file: ConfigurationOption

  func run() throws {
    let result = ConfigurationReport.read(file.config)
    if let mistakes = DiagnosticRenderer.line(result) { Output.complain(mistakes) }
    guard let address = result.adminAddress else {
      Output.complain("\(file.config) has `admin: none`: there is nobody to ask")
      throw ExitCode(1)
    }
    switch HealthProbe.ask(address) {
    case .ready: Output.write("ready\n")
    case .notReady(let why):
      Output.complain(why)
      throw ExitCode(1)
    }
  }
}

struct DocsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "docs",
    abstract: "Write the generated reference pages and the JSON Schema anew.",
    shouldDisplay: false)

  @Option(help: "The checkout to write into.")
  var directory = "."

  func run() throws {
    for page in GeneratedPage.all {
      do throws(GeneratedPage.Failure) {
        try page.write(into: directory)
      } catch {
        Output.complain("\(error)")
        throw ExitCode(1)
      }
      Output.write("\(page.path)\n")
    }
  }
}
