// Why this file exists: what the words of the command line mean, and what is told while worlds run.

import EventLoop
import Glibc
import Primitives
import Simulation

/// `simulation [--from SEED] [--count N] [--seed SEED] [--without PARTS] [--quiet] [--hour]`
///
/// `--hunt RULE` only looks for the first seed whose world breaks this promise; `--digest` writes a
/// line for each world, equal for equal worlds.
struct SimulationCommand {
  private var from: UInt64 = 1
  private var count: UInt64 = 1000
  private var seed: UInt64?
  private var without: Set<String> = []
  private var isQuiet = false
  private var isHour = false
  private var isDigest = false
  private var hunted: String?

  /// How a process ends whose world has trapped.
  static let trapped: Int32 = 3
  /// The first of those of broken promises.
  static let broken: Int32 = 32

  init(_ arguments: [String]) {
    var words = arguments[...]
    while let word = words.popFirst() {
      switch word {
      case "--from": from = UInt64(words.popFirst() ?? "") ?? from
      case "--count": count = UInt64(words.popFirst() ?? "") ?? count
      case "--seed": seed = UInt64(words.popFirst() ?? "")
      case "--without":
        without = Set((words.popFirst() ?? "").split(separator: " ").map { String($0) })
      case "--quiet": isQuiet = true
      case "--hour": isHour = true
      case "--digest": isDigest = true
      case "--hunt": hunted = words.popFirst()
      default: say("unknown word \(word)\n")
      }
    }
  }

  func run() -> Int32 {
    TrapReport.install()
    if isHour { return HourOfTraffic.run() }
    if let seed { return isQuiet ? one(seed) : explain(seed) }
    if isDigest || hunted != nil { return list() }
    return soak()
  }

  // MARK: One

  private func one(_ seed: UInt64) -> Int32 {
    TrapReport.begin(seed: seed, isQuiet: true)
    do throws(WorldProblem) {
      let world = try World(ScenarioDrawing(seed: seed, without: without).scenario)
      world.run()
      return world.failure.map { SimulationCommand.broken + $0.rule.number } ?? 0
    } catch {
      return 2
    }
  }

  /// Runs it, and when it fails, what is left of it when everything is taken away that may be.
  private func explain(_ seed: UInt64) -> Int32 {
    let drawing = ScenarioDrawing(seed: seed, without: without)
    let verdict = ChildProcess.run(seed: seed, without: without)
    if verdict == 0 {
      say("seed \(seed): every promise was kept\n")
      return 0
    }
    var smallest = without
    if without.isEmpty {
      say("seed \(seed) fails; looking for the smallest script that still does\n")
      var tries = 0
      smallest = Shrinking.reduce(Shrinking.parts(of: drawing)) { without in
        tries += 1
        return ChildProcess.run(seed: seed, without: without) == verdict
      }
      say("found in \(tries) tries; again: make sim SEED=\(seed) WITHOUT='\(words(smallest))'\n\n")
    }
    let small = ScenarioDrawing(seed: seed, without: smallest)
    say(small.scenario.text + "\n\n")
    return tell(small)
  }

  private func words(_ parts: Set<String>) -> String { parts.sorted().joined(separator: " ") }

  private func tell(_ drawing: ScenarioDrawing) -> Int32 {
    TrapReport.begin(seed: drawing.seed, isQuiet: false)
    do throws(WorldProblem) {
      let world = try World(drawing.scenario)
      world.run()
      report(world, drawing.seed)
      return 1
    } catch {
      say("\(error)\n")
      return 2
    }
  }

  private func report(_ world: World, _ seed: UInt64) {
    guard let failure = world.failure else { return }
    say(
      "seed \(seed), step \(failure.step), after \(failure.at.nanoseconds / 1000) µs: "
        + "\(failure.rule.rawValue): \(failure.text)\nthe last decisions:\n")
    for decision in world.lastDecisions.suffix(50) {
      say("  \(decision.text)\n")
    }
  }

  // MARK: Many

  /// One world after the other, whatever becomes of those before. Ends with a promise that is
  /// looked for.
  private func list() -> Int32 {
    for seed in from..<from + count {
      TrapReport.begin(seed: seed, isQuiet: false)
      do throws(WorldProblem) {
        let world = try World(ScenarioDrawing(seed: seed).scenario)
        world.run()
        if isDigest { say("\(seed): \(world.trace) \(world.steps) \(world.tally.text)\n") }
        guard let failure = world.failure else { continue }
        say("seed \(seed) breaks \(failure.rule.rawValue): \(failure.text)\n")
        if failure.rule.rawValue == hunted { return 1 }
      } catch {
        say("seed \(seed): \(error)\n")
        return 2
      }
    }
    return 0
  }

  private func soak() -> Int32 {
    var said = now()
    let begun = said
    var tally = Tally()
    var steps: UInt64 = 0
    for seed in from..<from + count {
      TrapReport.begin(seed: seed, isQuiet: false)
      do throws(WorldProblem) {
        let world = try World(ScenarioDrawing(seed: seed).scenario)
        world.run()
        tally.add(world.tally)
        steps += world.steps
        if world.failure != nil {
          report(world, seed)
          return explain(seed)
        }
      } catch {
        say("seed \(seed): \(error)\n")
        return 2
      }
      if now() - said > 5 || seed == from + count - 1 {
        said = now()
        say(
          "\(seed - from + 1) of \(count) worlds in \(Int(said - begun)) s: \(steps) steps, "
            + "\(tally.text)\n")
      }
    }
    return 0
  }
}

/// Seconds of the machine's clock.
func now() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

func say(_ text: String) {
  let bytes = Array(text.utf8)
  _ = write(STDOUT_FILENO, bytes, bytes.count)
}
