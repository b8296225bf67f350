// Why this file exists: a configuration comes from a file that may be missing, a directory, too
// large or still being written; it is read here, once and whole, and every failure has words.
import Glibc

/// Why a file could not be read.
package enum FileProblem: Error, Equatable {
  /// The system's number.
  case system(Int32)
  /// It holds more than this many bytes.
  case tooLarge(limit: Int)

  /// `No such file or directory`
  package var message: String {
    switch self {
    case .system(let number): String(cString: strerror(number))
    case .tooLarge(let limit): "it is larger than \(limit >> 20) MiB"
    }
  }
}

package enum ConfigurationFile {
  /// Every byte of a file, symbolic links followed.
  /// - Parameter limit: bytes; a larger file is refused without being read to its end.
  package static func read(
    _ path: String, limit: Int = SourceText.maximumSize
  ) throws(FileProblem) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    if descriptor < 0 { throw .system(errno) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = chunk.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      if count < 0 { throw .system(errno) }
      if count == 0 { return bytes }
      bytes += chunk[..<count]
      if bytes.count > limit { throw .tooLarge(limit: limit) }
    }
  }
}

extension ConfigurationFile {
  /// As `ConfigurationResult.contentHash` has it.
  package static func hash(_ bytes: [UInt8]) -> String { ContentHash.of(bytes) }

  /// What to compare a file by that `${file:…}` names: the hash of its content, or why there is
  /// none.
  package static func mark(_ path: String) -> String {
    mark(of: Result { () throws(FileProblem) in try read(path, limit: Expansion.maximumSize) })
  }

  static func mark(of content: Result<[UInt8], FileProblem>) -> String {
    switch content {
    case .success(let bytes): hash(bytes)
    case .failure(let problem): problem.message
    }
  }

  /// A pipe or a device gives what it has to the first who asks, and lets the next one wait.
  package static func canBeReadAgain(_ path: String) -> Bool {
    var facts = stat()
    guard stat(path, &facts) == 0 else { return true }
    let kind = facts.st_mode & S_IFMT
    return kind == S_IFREG || kind == S_IFDIR
  }
}

/// What `${…}` may ask for. Closures, so that a test needs neither an environment nor files.
package struct ConfigurationEnvironment {
  package var variable: (_ name: String) -> String?
  package var file: (_ path: String) -> Result<[UInt8], FileProblem>
  /// `gateway check` warns of a missing file, since the machine it runs on may not be the one that
  /// has it; everyone else takes it for an error.
  package var missingFileIsWarning: Bool

  package init(
    variable: @escaping (_ name: String) -> String?,
    file: @escaping (_ path: String) -> Result<[UInt8], FileProblem>,
    missingFileIsWarning: Bool = false
  ) {
    self.variable = variable
    self.file = file
    self.missingFileIsWarning = missingFileIsWarning
  }

  /// The environment and the files of this process.
  package static func process(missingFileIsWarning: Bool) -> ConfigurationEnvironment {
    ConfigurationEnvironment(
      variable: { name in getenv(name).map { String(cString: $0) } },
      file: { path in
        Result { () throws(FileProblem) in
          try ConfigurationFile.read(path, limit: Expansion.maximumSize)
        }
      },
      missingFileIsWarning: missingFileIsWarning)
  }
}
