// Why this file exists: one program holds all fuzz targets; its first argument names one, the rest
// goes to libFuzzer.
import CFuzzer
import Glibc

@main
enum Fuzz {
  static func main() {
    let inherited = getenv("FUZZ_TARGET").map { String(cString: $0) }
    guard CommandLine.argc >= 2,
      let target = Target(rawValue: CommandLine.arguments[1])
        ?? inherited.flatMap(Target.init(rawValue:))
    else {
      print("usage: fuzz TARGET [libFuzzer's arguments]")
      print("targets: \(Target.allCases.map(\.rawValue).joined(separator: " "))")
      exit(64)
    }
    // What libFuzzer starts to merge a corpus is this program without the name of the target.
    setenv("FUZZ_TARGET", target.rawValue, 1)
    let arguments = CommandLine.unsafeArgv
    let isNamed = Target(rawValue: CommandLine.arguments[1]) != nil
    if isNamed { arguments[1] = arguments[0] }
    var count = CommandLine.argc - (isNamed ? 1 : 0)
    var rest: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = arguments + (isNamed ? 1 : 0)
    mutated = target
    Tally.printAtExit()
    exit(LLVMFuzzerRunDriver(&count, &rest, target.one))
  }
}

/// What must hold of every input. Anything else is a finding: libFuzzer keeps the input.
func demand(_ holds: Bool, _ what: StaticString, _ more: StaticString = "") {
  if holds { return }
  for text in ["demand broken: ", what, more.utf8CodeUnitCount > 0 ? ": " : "", more, "\n"] {
    write(2, text.utf8Start, text.utf8CodeUnitCount)
  }
  abort()
}
