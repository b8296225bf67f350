// Why this file exists: an edited configuration should be in use without anybody saying so, however
// it came there: written in place, renamed over the old one, by a symbolic link that points
// elsewhere now, or into a single file that a container has mounted.

import Configuration
import EventLoop
import Glibc
import Logging
import Primitives

/// Looks at the configuration file. For the control loop's thread.
final class FileWatch {
  private let loop: Loop
  private let path: String
  private let log: Logger
  private var looks: FileLooks
  private var timer: Timer?
  private var watches: [PathWatch] = []
  /// The entries of the watched directories that lead to the file, and the file itself.
  private var names: Set<String> = []
  private var hasToldOfOrphan = false
  /// Called with a content that is to be loaded.
  private let onContent: ([UInt8]) -> Void

  /// - Parameter loaded: the hash of the content in use.
  init(
    _ loop: Loop, _ path: String, loaded: String, _ log: Logger,
    onContent: @escaping ([UInt8]) -> Void
  ) {
    self.loop = loop
    self.path = path
    self.log = log
    self.onContent = onContent
    looks = FileLooks(loaded: loaded, now: loop.now)
    let owner = Unmanaged.passUnretained(self).toOpaque()
    timer = Timer.create(loop, owner: owner) { owner in
      Unmanaged<FileWatch>.fromOpaque(owner).takeUnretainedValue().look()
    }
    watch()
    timer?.start(at: looks.next)
  }

  /// Looks no more.
  func close() {
    timer?.close()
    timer = nil
    for watch in watches { watch.close() }
    watches = []
  }

  /// This content was loaded, by whomever.
  func loaded(_ hash: String) { looks.loaded(hash) }

  // MARK: Being called

  /// Watches the directory that the path names the file in, the one that it is in after all links,
  /// and the file itself. What cannot be watched is found by looking.
  private func watch() {
    for watch in watches { watch.close() }
    let named = FileWatch.parts(path)
    names = [named.name]
    // As Kubernetes has it: the file is a link to `..data/file`, `..data` one that is swapped.
    if let target = FileWatch.target(of: path), let first = target.split(separator: "/").first {
      names.insert(String(first))
    }
    var places = [named.directory, path]
    if let real = FileWatch.real(path) {
      let parts = FileWatch.parts(real)
      names.insert(parts.name)
      if FileWatch.real(named.directory) != parts.directory { places.append(parts.directory) }
    }
    let owner = Unmanaged.passUnretained(self).toOpaque()
    watches = places.compactMap { place in
      PathWatch.start(loop, path: place, owner: owner) { owner, name in
        Unmanaged<FileWatch>.fromOpaque(owner).takeUnretainedValue()
          .noticed(String(cString: name))
      }
    }
  }

  private func noticed(_ name: String) {
    guard name.isEmpty || names.contains(name) else { return }
    looks.noticed(now: loop.now)
    timer?.start(at: looks.next)
  }

  // MARK: Looking

  private func look() {
    defer { timer?.start(at: looks.next) }
    var bytes: [UInt8] = []
    var sight: FileLooks.Sight
    do throws(FileProblem) {
      bytes = try ConfigurationFile.read(path)
      sight = bytes.isEmpty ? .empty : .content(ConfigurationFile.hash(bytes))
    } catch {
      sight = .unreadable(error.message)
    }
    switch looks.saw(sight, now: loop.now) {
    case .nothing: break
    case .load:
      // What is there now may be another file.
      watch()
      onContent(bytes)
    case .tell:
      watch()
      tell(sight)
    }
    lookForOrphan()
  }

  private func tell(_ sight: FileLooks.Sight) {
    switch sight {
    case .content: break
    case .empty:
      log.warning(
        "the configuration file is empty, which is not applied", metadata: ["file": "\(path)"])
    case .unreadable(let why):
      log.warning(
        "the configuration file cannot be read; the configuration in use stays",
        metadata: ["file": "\(path)", "reason": "\(why)"])
    }
  }

  /// A mounted single file stays what it was when it is replaced where it came from, and no look
  /// can find what took its place.
  private func lookForOrphan() {
    var facts = stat()
    let isOrphan = stat(path, &facts) == 0 && facts.st_nlink == 0
    if isOrphan && !hasToldOfOrphan {
      log.warning(
        """
        the configuration file has been replaced where it is mounted from, and the mount still \
        shows the old one: mount its directory instead
        """, metadata: ["file": "\(path)"])
    }
    hasToldOfOrphan = isOrphan
  }

  // MARK: Paths

  private static func parts(_ path: String) -> (directory: String, name: String) {
    guard let slash = path.lastIndex(of: "/") else { return (".", path) }
    let directory = path[..<slash]
    return (directory.isEmpty ? "/" : String(directory), String(path[path.index(after: slash)...]))
  }

  /// Where a symbolic link points; nil for anything else.
  private static func target(of path: String) -> String? {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlink(path, &buffer, buffer.count - 1)
    guard count > 0 else { return nil }
    return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// The path without any link; nil when nothing is there.
  private static func real(_ path: String) -> String? {
    guard let real = realpath(path, nil) else { return nil }
    defer { free(real) }
    return String(cString: real)
  }
}
