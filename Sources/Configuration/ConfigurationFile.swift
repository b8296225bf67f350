// Why this file exists: a configuration comes from a file that may be missing, a directory, too
// large, still being written or a pipe that nobody writes to; it is read here, once and whole, and
// every failure has words.
import Glibc
package import Primitives

/// Why a file could not be read.
package enum FileProblem: Error, Equatable {
  /// The system's number.
  case system(Int32)
  /// It holds more than this many bytes.
  case tooLarge(limit: Int)
  /// A pipe that has nothing more to give, or one or a device that has given nothing for as long as
  /// its reader could wait.
  case silent
  /// A pipe or a device, to somebody who only looks.
  case notRegular

  /// `No such file or directory`
  package var message: String {
    switch self {
    case .system(let number): String(cString: strerror(number))
    case .tooLarge(let limit): "it is larger than \(limit >> 20) MiB"
    case .silent: "nobody writes to it, or not to its end"
    case .notRegular: "it is not a regular file"
    }
  }
}

package enum ConfigurationFile {
  /// Every byte of a file, symbolic links followed.
  /// - Parameter limit: bytes; a larger file is refused without being read to its end.
  /// - Parameter patience: how long a pipe or a device may take until there is nothing to wait for
  ///   any more, to the millisecond; nil = as long as it likes, as for a shell's tools.
  package static func read(
    _ path: String, limit: Int = SourceText.maximumSize, patience: Duration? = nil
  ) throws(FileProblem) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | (patience == nil ? 0 : O_NONBLOCK))
    if descriptor < 0 { throw .system(errno) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    let end = patience.map { now() + $0.nanoseconds }
    while true {
      if let end { try waitForBytes(descriptor, until: end) }
      let count = chunk.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
      if count < 0 && (errno == EINTR || errno == EAGAIN) { continue }
      if count < 0 { throw .system(errno) }
      if count == 0 {
        if bytes.isEmpty && patience != nil && isPipe(descriptor) { throw .silent }
        return bytes
      }
      bytes += chunk[..<count]
      if bytes.count > limit { throw .tooLarge(limit: limit) }
    }
  }

  /// One that has been emptied before ends at once.
  private static func isPipe(_ descriptor: Int32) -> Bool {
    var facts = stat()
    return fstat(descriptor, &facts) == 0 && facts.st_mode & S_IFMT == S_IFIFO
  }

  /// Returns when something can be read, or the end of it; of a pipe that nobody has opened for
  /// writing yet that is not so.
  private static func waitForBytes(
    _ descriptor: Int32, until end: Int64
  ) throws(FileProblem) {
    var interest = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    let milliseconds = Int32(clamping: max(0, end - now()) / 1_000_000)
    if poll(&interest, 1, milliseconds) == 0 { throw .silent }
  }

  /// Nanoseconds of a clock that nobody sets.
  private static func now() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }

  /// As `read`, for who looks from time to time and cannot wait. A pipe or a device is not opened:
  /// what it gives is meant for somebody else.
  package static func look(
    at path: String, limit: Int = SourceText.maximumSize
  ) throws(FileProblem) -> [UInt8] {
    guard canBeReadAgain(path) else { throw .notRegular }
    return try read(path, limit: limit, patience: .zero)
  }
}

extension ConfigurationFile {
  /// As `ConfigurationResult.contentHash` has it.
  package static func hash(_ bytes: [UInt8]) -> String { ContentHash.of(bytes) }

  /// What to compare a file by that `${file:…}` names: the hash of its content, or why there is
  /// none.
  package static func mark(_ path: String) -> String {
    mark(of: Result { () throws(FileProblem) in try look(at: path, limit: Expansion.maximumSize) })
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
  /// As `ConfigurationFile.read` has it, for the configuration itself.
  package var patience: Duration?

  package init(
    variable: @escaping (_ name: String) -> String?,
    file: @escaping (_ path: String) -> Result<[UInt8], FileProblem>,
    missingFileIsWarning: Bool = false,
    patience: Duration? = nil
  ) {
    self.variable = variable
    self.file = file
    self.missingFileIsWarning = missingFileIsWarning
    self.patience = patience
  }

  /// The environment and the files of this process.
  package static func process(
    missingFileIsWarning: Bool, patience: Duration? = nil
  ) -> ConfigurationEnvironment {
    ConfigurationEnvironment(
      variable: { name in getenv(name).map { String(cString: $0) } },
      file: { path in
        Result { () throws(FileProblem) in
          try ConfigurationFile.read(path, limit: Expansion.maximumSize, patience: patience)
        }
      },
      missingFileIsWarning: missingFileIsWarning, patience: patience)
  }
}
