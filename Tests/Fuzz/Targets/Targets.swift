// Why this file exists: the names of the targets, for the program that fuzzes them and for the test
// that plays their seeds.
import Glibc

enum Target: String, CaseIterable {
  case request, response, exchange, chunked, fields, path, configuration

  /// Plays one input; libFuzzer's own signature.
  var one: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32 {
    switch self {
    case .request: fuzzRequest
    case .response: fuzzResponse
    case .exchange: fuzzExchange
    case .chunked: fuzzChunked
    case .fields: fuzzFields
    case .path: fuzzPath
    case .configuration: fuzzConfiguration
    }
  }
}

/// How often something went on and how often it was refused: whoever only refuses tests little.
enum Tally {
  // One thread, as libFuzzer has it; the test plays its seeds one after the other.
  nonisolated(unsafe) private static var counts = (forwarded: 0, refused: 0)

  static func forwarded() { counts.forwarded += 1 }
  static func refused() { counts.refused += 1 }

  static func printAtExit() {
    atexit {
      let (forwarded, refused) = Tally.counts
      let text = "stat::forwarded: \(forwarded)\nstat::refused: \(refused)\n"
      write(2, text, text.utf8.count)
    }
  }
}
