// Why this file exists: a precondition of the gateway that does not hold ends the process; whose
// world that was must be known all the same.

import Glibc

/// Tells which seed the process ends with.
enum TrapReport {
  private nonisolated(unsafe) static var seed: UInt64 = 0
  private nonisolated(unsafe) static var isQuiet = false

  static func begin(seed: UInt64, isQuiet: Bool) {
    self.seed = seed
    self.isQuiet = isQuiet
  }

  static func install() {
    for fault in [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGABRT] {
      signal(fault) { _ in TrapReport.end() }
    }
  }

  private static func end() {
    if !isQuiet {
      say("seed \(seed): the gateway has trapped; why: make sim SEED=\(seed)\n")
    }
    _exit(SimulationCommand.trapped)
  }
}
