// Why this file exists: an edited configuration should be in use without anybody saying so, however
// it came there: written in place, renamed over the old one, by a symbolic link that points
// elsewhere now, or into a single file that a container has mounted. So should a secret that the
// configuration takes from a file of its own and that was exchanged there.

import Configuration
import EventLoop
import Glibc
import Logging
import Primitives

/// Looks at the configuration file and at those that it names. For the control loop's thread.
final class FileWatch {
  private let loop: Loop
  private let path: String
  private let log: Logger
  private var looks: FileLooks
  private var timer: Timer?
  private var watches: [PathWatch] = []
  /// What the files that it names held when it was loaded, as a look would have found it.
  private var namedFiles: [String: String]
  /// The entries of the watched directories that lead to the files, and the files themselves.
  private var names: Set<String> = []
  private var hasToldOfOrphan = false
  /// Called with a content that is to be loaded.
  private let onContent: ([UInt8]) -> Void
  /// Called when a look has found what was loaded last.
  var onLoadedContent: () -> Void = {}

  /// - Parameter loaded: what is in use.
  init(
    _ loop: Loop, _ loaded: ConfigurationReport.Loaded, _ log: Logger,
    onContent: @escaping ([UInt8]) -> Void
  ) {
    self.loop = loop
    path = loaded.path
    self.log = log
    self.onContent = onContent
    namedFiles = FileWatch.lookedAt(loaded.namedFiles)
    looks = FileLooks(
      loaded: FileWatch.content(loaded.contentHash, namedFiles), now: loop.now)
    guard ConfigurationFile.canBeReadAgain(path) else { return }
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

  /// This content was loaded, by whomever, with the files that it names.
  func loaded(_ hash: String, _ namedFiles: [String: String]) {
    let before = self.namedFiles.keys
    self.namedFiles = FileWatch.lookedAt(namedFiles)
    looks.loaded(FileWatch.content(hash, self.namedFiles))
    if self.namedFiles.keys != before { watch() }
  }

  /// Somebody has asked for the file, and it could not be read.
  func couldNotLoad() { looks.couldNotLoad() }

  // MARK: Being called

  /// Watches every file's places. What cannot be watched is found by looking.
  private func watch() {
    for watch in watches { watch.close() }
    names = []
    var places: Set<String> = []
    for file in [path] + namedFiles.keys { addPlaces(of: file, to: &places) }
    let owner = Unmanaged.passUnretained(self).toOpaque()
    watches = places.compactMap { place in
      PathWatch.start(loop, path: place, owner: owner) { owner, name in
        Unmanaged<FileWatch>.fromOpaque(owner).takeUnretainedValue()
          .noticed(String(cString: name))
      }
    }
  }

  /// The directory that the path names the file in, the one that it is in after all links, and the
  /// file itself.
  private func addPlaces(of path: String, to places: inout Set<String>) {
    let named = FileWatch.parts(path)
    names.insert(named.name)
    // As Kubernetes has it: the file is a link to `..data/file`, `..data` one that is swapped.
    if let target = FileWatch.target(of: path), let first = target.split(separator: "/").first {
      names.insert(String(first))
    }
    places.formUnion([named.directory, path])
    if let real = FileWatch.real(path) {
      let parts = FileWatch.parts(real)
      names.insert(parts.name)
      if FileWatch.real(named.directory) != parts.directory { places.insert(parts.directory) }
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
      bytes = try ConfigurationFile.look(at: path)
      let seen = namedFiles.map { ($0.key, ConfigurationFile.mark($0.key)) }
      let content = FileWatch.content(
        ConfigurationFile.hash(bytes), Dictionary(uniqueKeysWithValues: seen))
      sight = bytes.isEmpty ? .empty : .content(content)
    } catch {
      sight = .unreadable(error.message)
    }
    if looks.isLoaded(sight) { onLoadedContent() }
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

  // MARK: Contents

  /// What a pipe gave is not there to be seen; that a file takes its place is.
  private static func lookedAt(_ namedFiles: [String: String]) -> [String: String] {
    Dictionary(
      uniqueKeysWithValues: namedFiles.map { path, mark in
        (path, ConfigurationFile.canBeReadAgain(path) ? mark : FileProblem.notRegular.message)
      })
  }

  /// One text for what the file and those that it names hold.
  private static func content(_ hash: String, _ namedFiles: [String: String]) -> String {
    namedFiles.sorted { $0.key < $1.key }.reduce(hash) { "\($0) \($1.key) \($1.value)" }
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
