// Why this file exists: one program holds all fuzz targets; its first argument names one, the rest
// goes to libFuzzer.
import CFuzzer
import Glibc

@main
enum Fuzz {
  static func main() {
    guard CommandLine.argc >= 2, let target = Target(rawValue: CommandLine.arguments[1]) else {
      print("usage: fuzz request|response|chunked|path|configuration [libFuzzer's arguments]")
      exit(64)
    }
    let arguments = CommandLine.unsafeArgv
    arguments[1] = arguments[0]
    var count = CommandLine.argc - 1
    var rest: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = arguments + 1
    switch target {
    case .request: exit(LLVMFuzzerRunDriver(&count, &rest, fuzzRequest))
    case .response: exit(LLVMFuzzerRunDriver(&count, &rest, fuzzResponse))
    case .chunked: exit(LLVMFuzzerRunDriver(&count, &rest, fuzzChunked))
    case .path: exit(LLVMFuzzerRunDriver(&count, &rest, fuzzPath))
    case .configuration: exit(LLVMFuzzerRunDriver(&count, &rest, fuzzConfiguration))
    }
  }

  enum Target: String {
    case request, response, chunked, path, configuration
  }
}

/// What must hold of every input. Anything else is a finding: libFuzzer keeps the input.
func demand(_ holds: Bool, _ what: StaticString) {
  if holds { return }
  write(2, "demand broken: ", 15)
  write(2, what.utf8Start, what.utf8CodeUnitCount)
  write(2, "\n", 1)
  abort()
}
