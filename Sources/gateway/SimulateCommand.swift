// Why this file exists: `gateway simulate` is a program of its own that lies beside this one: it
// holds the data plane a second time, on a virtual clock, and what serves requests should carry
// none of that.

import ArgumentParser
import EventLoop
import Glibc

struct SimulateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "simulate",
    abstract: "Play a scenario of traffic and faults against a configuration, on a virtual clock.",
    discussion: """
      Runs the program gateway-simulate, which lies beside this one; `gateway simulate --help` \
      tells its options.
      """)

  @Argument(parsing: .captureForPassthrough, help: "What gateway-simulate is given.")
  var arguments: [String] = []

  /// It takes the place of this process, so its exit code is ours.
  func run() throws {
    guard let own = realpath("/proc/self/exe", nil) else {
      Output.complain("where this program lies cannot be found out: \(errorText(errno))")
      throw ExitCode(2)
    }
    defer { free(own) }
    let path = String(cString: own)
    let folder = path[..<(path.lastIndex(of: "/") ?? path.startIndex)]
    let program = "\(folder)/gateway-simulate"
    var texts: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) }
    texts.append(nil)
    execv(program, texts)
    let error = errno
    Output.complain(
      error == ENOENT
        ? """
        there is no gateway-simulate beside this program, in \(folder): `make build` makes it, \
        and `docker build -f docker/Dockerfile --target simulate .` an image that is it
        """
        : "\(program) cannot be started: \(errorText(error))")
    for text in texts { free(text) }
    throw ExitCode(2)
  }
}
