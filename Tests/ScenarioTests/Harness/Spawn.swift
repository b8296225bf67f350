// Why this file exists: child processes by posix_spawn, with their output in files, so that no
// pipe can fill up and no thread has to read.

import Glibc

/// The tests, and so the gateway beside them, were built with a sanitizer.
let isSanitized = dlsym(nil, "__asan_init") != nil || dlsym(nil, "__tsan_init") != nil

/// What a gateway may grow by in one test: code and buffers touched for the first time, and far
/// less than the bodies of these tests. A sanitizer keeps books of it in the same memory.
let memoryRoom = isSanitized ? 24 << 20 : 8 << 20

enum ProcessEnd: Equatable, CustomStringConvertible {
  case exited(Int32)
  case signalled(Int32)

  var description: String {
    switch self {
    case .exited(let code): return "exit code \(code)"
    case .signalled(let number): return "signal \(number)"
    }
  }
}

final class Child: @unchecked Sendable {
  let pid: pid_t
  private let outputPath: String
  private let errorPath: String
  private(set) var end: ProcessEnd?

  /// Starts the program; `descriptors` lowers both limits of open files.
  init(
    _ program: String, _ arguments: [String], environment: [String: String] = [:],
    directory: String, descriptors: Int? = nil, name: String = "process"
  ) throws {
    outputPath = directory + "/\(name).stdout"
    errorPath = directory + "/\(name).stderr"
    var command = [program] + arguments
    if let descriptors {
      command = ["/bin/sh", "-c", "ulimit -n \(descriptors); exec \"$0\" \"$@\""] + command
    }
    pid = try Self.spawn(
      command, Self.environment(with: environment), output: outputPath, errors: errorPath)
  }

  deinit {
    if end == nil {
      kill(pid, SIGKILL)
      waitpid(pid, nil, 0)
    }
  }

  private static func environment(with extra: [String: String]) -> [String] {
    var all: [String: String] = [:]
    for name in [
      "PATH", "HOME", "LD_LIBRARY_PATH", "ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS",
      "LLVM_PROFILE_FILE", "SWIFT_BACKTRACE",
    ] {
      if let value = getenv(name) { all[name] = String(cString: value) }
    }
    all.merge(extra) { _, new in new }
    return all.map { "\($0.key)=\($0.value)" }
  }

  private static func spawn(
    _ command: [String], _ environment: [String], output: String, errors: String
  ) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    // A socket or pipe of a test beside this one would stay open when that test closes it.
    closeFrom(&actions, 3)

    // The child must not inherit what the test runner ignores or blocks.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigfillset(&signals)
    sigdelset(&signals, SIGKILL)
    sigdelset(&signals, SIGSTOP)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGDEF) | Int16(POSIX_SPAWN_SETSIGMASK))

    var argv = command.map { strdup($0) } + [nil]
    var envp = environment.map { strdup($0) } + [nil]
    defer { for pointer in argv + envp { free(pointer) } }
    var pid: pid_t = 0
    let result = inheritance.update { _ in
      posix_spawn(&pid, command[0], &actions, &attributes, &argv, &envp)
    }
    guard result == 0 else {
      throw ScenarioFailure("cannot start \(command[0]): \(errorText(result))", line: #line)
    }
    return pid
  }

  var output: String { readFile(outputPath) ?? "" }
  var errors: String { readFile(errorPath) ?? "" }

  func signal(_ number: Int32) { if !hasEnded { kill(pid, number) } }

  var hasEnded: Bool {
    if end != nil { return true }
    var status: Int32 = 0
    guard waitpid(pid, &status, WNOHANG) == pid else { return false }
    end = status & 0x7f == 0 ? .exited((status >> 8) & 0xff) : .signalled(status & 0x7f)
    return true
  }

  @discardableResult
  func waitForEnd(within seconds: Double = 15, line: UInt = #line) throws -> ProcessEnd {
    try eventually("the end of process \(pid)", within: seconds, line: line) { hasEnded }
    return end!
  }

  func killNow() {
    guard !hasEnded else { return }
    kill(pid, SIGKILL)
    _ = try? waitForEnd()
  }
}

// MARK: Files

func readFile(_ path: String) -> String? {
  readBytes(path).map { String(decoding: $0, as: UTF8.self) }
}

func readBytes(_ path: String) -> [UInt8]? {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { return nil }
  defer { close(descriptor) }
  var bytes: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 65_536)
  while true {
    let count = read(descriptor, &buffer, buffer.count)
    guard count > 0 else { return bytes }
    bytes += buffer[..<count]
  }
}

func writeFile(_ path: String, _ text: String) {
  writeFile(path, bytes: Array(text.utf8))
}

func writeFile(_ path: String, bytes: [UInt8]) {
  let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
  precondition(descriptor >= 0, "cannot write \(path): \(errorText(errno))")
  defer { close(descriptor) }
  var written = 0
  while written < bytes.count {
    let count = bytes[written...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    precondition(count > 0, "cannot write \(path): \(errorText(errno))")
    written += count
  }
}

/// A fresh directory; the path is short enough for unix sockets.
func makeDirectory() -> String {
  var template = Array("/tmp/gateway-test-XXXXXX".utf8CString)
  precondition(mkdtemp(&template) != nil, "mkdtemp: \(errorText(errno))")
  return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// What a directory holds, in order.
func fileNames(in path: String) -> [String] {
  guard let directory = opendir(path) else { return [] }
  defer { closedir(directory) }
  var names: [String] = []
  while let entry = readdir(directory) {
    let name = withUnsafePointer(to: &entry.pointee.d_name) {
      $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
    }
    if name != "." && name != ".." { names.append(name) }
  }
  return names.sorted()
}

/// Removes a directory made by `makeDirectory`, which holds files only.
func removeDirectory(_ path: String) {
  for name in fileNames(in: path) { unlink("\(path)/\(name)") }
  rmdir(path)
}

/// Of glibc 2.34, behind _GNU_SOURCE, which Swift's view of the C library leaves out.
@_silgen_name("posix_spawn_file_actions_addclosefrom_np")
@discardableResult
private func closeFrom(
  _ actions: UnsafeMutablePointer<posix_spawn_file_actions_t>, _ first: Int32
) -> Int32
