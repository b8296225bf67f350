// Why this file exists: a world that traps takes its process along, so those that may are run in
// processes of their own.

import Glibc

/// This program, once more.
enum ChildProcess {
  /// Runs one world: 0, or how it ended.
  static func run(seed: UInt64, without: Set<String>) -> Int32 {
    let words = [
      CommandLine.arguments[0], "--quiet", "--seed", "\(seed)", "--without",
      without.sorted().joined(separator: " "),
    ]
    var arguments = words.map { strdup($0) }
    arguments.append(nil)
    defer { for argument in arguments { free(argument) } }
    var process: pid_t = 0
    guard posix_spawn(&process, "/proc/self/exe", nil, nil, arguments, environ) == 0 else {
      return -1
    }
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
    return status & 0x7f == 0 ? status >> 8 & 0xff : SimulationCommand.trapped
  }
}
