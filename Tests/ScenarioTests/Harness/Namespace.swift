// Why this file exists: names are resolved by the system, and a test may not change the system's
// files. In a mount namespace of its own a program sees other ones, and asks no name server.

import Glibc
import Testing

enum Namespace {
  private static let tool = "/usr/bin/unshare"
  /// One size for all texts, so that one write replaces one by another and nobody reads half of it.
  private static let size = 1_024

  /// Writes what is to be /etc/hosts there.
  static func write(_ hosts: String, in directory: String) {
    precondition(hosts.utf8.count <= size)
    let text = hosts + String(repeating: "\n", count: size - hosts.utf8.count)
    let descriptor = open(directory + "/hosts", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    defer { close(descriptor) }
    let written = Array(text.utf8).withUnsafeBytes { pwrite(descriptor, $0.baseAddress, size, 0) }
    precondition(written == size, "cannot write \(directory)/hosts")
  }

  /// `command` as it is to be run to find in /etc/hosts what was written in the directory. The
  /// process that is started is the command's own in the end.
  static func command(_ directory: String, _ command: [String]) -> [String] {
    writeFile(directory + "/nsswitch.conf", "hosts: files\n")
    let mounts =
      "mount --bind \"$0/hosts\" /etc/hosts"
      + " && mount --bind \"$0/nsswitch.conf\" /etc/nsswitch.conf && exec \"$@\""
    return [tool, "--user", "--map-root-user", "--mount", "sh", "-c", mounts, directory] + command
  }

  /// Whether the system lets us make one; many containers do not.
  static let isAvailable: Bool = {
    let directory = makeDirectory()
    defer { removeDirectory(directory) }
    write("127.0.0.1 here.test\n", in: directory)
    let words = command(directory, ["/bin/true"])
    guard access(tool, X_OK) == 0,
      let child = try? Child(words[0], Array(words.dropFirst()), directory: directory)
    else { return false }
    defer { child.killNow() }
    return (try? child.waitForEnd(within: 10)) == .exited(0)
  }()
}

extension Trait where Self == ConditionTrait {
  /// A test that needs names of its own; without a namespace it is skipped and says so.
  static var needsNamespace: Self {
    .enabled(
      if: Namespace.isAvailable,
      "no mount namespace can be made here, so no other /etc/hosts: names are not tested")
  }
}
