// Why this file exists: facts of the process, and the rules by which a quota becomes a number of
// cores.

import Glibc
import Primitives
import Testing

@testable import EventLoop

@Suite struct ProcessFactsTests {
  @Test func `The facts are in a range that a process can have`() throws {
    let resident = try #require(ProcessFacts.residentBytes())
    #expect(resident > 1 << 20 && resident < 1 << 40)
    #expect(try #require(ProcessFacts.virtualBytes()) >= resident)
    #expect(try #require(ProcessFacts.openDescriptors()) >= 3)
    #expect(ProcessFacts.cpuSeconds() > 0)
    let started = try #require(ProcessFacts.startTimeSeconds())
    let now = Double(WallClock.nanoseconds()) / 1e9
    #expect(started <= now + 1 && started > now - 86_400)
    #expect(ProcessFacts.raiseDescriptorLimit() >= 64)
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    #expect(limit.rlim_cur == limit.rlim_max)
    #expect(CoreCount.available() >= 1 && CoreCount.available() <= CoreCount.affinity())
  }

  @Test func `A descriptor that is opened is counted`() throws {
    // Other tests run beside this one and open their own, so the count is only bounded from below.
    let opened = (0..<50).map { _ in dup(0) }
    #expect(try #require(ProcessFacts.openDescriptors()) >= 50)
    for descriptor in opened { close(descriptor) }
  }

  struct Quota: Sendable {
    var name: String
    var groups: String
    var files: [String: String]
    var cores: Double?
  }

  static let quotas = [
    Quota(name: "no groups", groups: "", files: [:], cores: nil),
    Quota(
      name: "version 2, a core and a half", groups: "0::/app\n",
      files: ["app/cpu.max": "150000 100000\n"], cores: 1.5),
    Quota(
      name: "version 2, none", groups: "0::/app\n", files: ["app/cpu.max": "max 100000\n"],
      cores: nil),
    Quota(
      name: "version 2, the group above grants less", groups: "0::/pod/app\n",
      files: ["pod/app/cpu.max": "400000 100000\n", "pod/cpu.max": "50000 100000\n"], cores: 0.5),
    Quota(
      name: "version 2 in a container, where the mount is the group", groups: "0::/\n",
      files: ["cpu.max": "200000 100000\n"], cores: 2),
    Quota(
      name: "version 1", groups: "4:memory:/app\n3:cpu,cpuacct:/app\n",
      files: ["cpu/app/cpu.cfs_quota_us": "250000\n", "cpu/app/cpu.cfs_period_us": "100000\n"],
      cores: 2.5),
    Quota(
      name: "version 1, none", groups: "3:cpu:/\n",
      files: ["cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"], cores: nil),
    Quota(
      name: "version 1 in a container, whose path is not under its mount",
      groups: "3:cpu:/docker/abc\n",
      files: ["cpu/cpu.cfs_quota_us": "100000\n", "cpu/cpu.cfs_period_us": "100000\n"], cores: 1),
    Quota(
      name: "nonsense", groups: "0::/app\n::\nx\n", files: ["app/cpu.max": "many\n"], cores: nil),
  ]

  @Test(arguments: quotas)
  func `A control group's quota is read`(quota: Quota) throws {
    let root = "/tmp/gateway-cgroup-\(getpid())-\(UInt32.random(in: .min ... .max))"
    var made: [String] = [root]
    func write(_ path: String, _ text: String) {
      let parts = path.split(separator: "/")
      for count in 1..<parts.count {
        let directory = "/" + parts[..<count].joined(separator: "/")
        if mkdir(directory, 0o755) == 0 { made.append(directory) }
      }
      let descriptor = Descriptor.openForAppending(path)
      _ = Array(text.utf8).withUnsafeBytes {
        Descriptor.write(descriptor, $0.baseAddress!, $0.count)
      }
      Descriptor.close(descriptor)
      made.append(path)
    }
    mkdir(root, 0o755)
    defer { for path in made.reversed() { remove(path) } }
    write(root + "/proc/self/cgroup", quota.groups + " ")
    for (path, text) in quota.files { write(root + "/sys/fs/cgroup/" + path, text) }
    #expect(CoreCount.quota(root: root) == quota.cores)
  }
}
