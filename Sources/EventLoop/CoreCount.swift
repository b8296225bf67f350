// Why this file exists: `workers: auto` must mean the cores this process may really use. In a
// container that is a matter of its CPU affinity and of its control group's quota, not of the
// machine.

import CLibUV

/// How many cores this process may use.
package enum CoreCount {
  /// The cores of the affinity mask, or fewer when a control group (version 1 or 2, this one or one
  /// above it) grants less CPU time than that; rounded up, at least 1.
  package static func available() -> Int {
    let allowed = affinity()
    guard let quota = quota(root: "") else { return allowed }
    return max(1, min(allowed, Int(quota.rounded(.up))))
  }

  /// The cores this thread may run on; at least 1.
  static func affinity() -> Int { max(1, Int(uv_available_parallelism())) }

  /// The smallest quota of the process's control groups, in cores; nil when there is none. `root`
  /// stands before /proc and /sys, for tests.
  static func quota(root: String) -> Double? {
    guard let groups = text(root + "/proc/self/cgroup") else { return nil }
    var smallest: Double?
    for line in groups.split(separator: "\n") {
      // hierarchy:controllers:path; version 2 is hierarchy 0 without controllers.
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3 else { continue }
      let controllers = parts[1].split(separator: ",")
      for group in selfAndAbove(String(parts[2])) {
        let found: Double?
        if parts[0] == "0", controllers.isEmpty {
          found = version2(root + "/sys/fs/cgroup" + group)
        } else if controllers.contains("cpu") {
          found =
            version1(root + "/sys/fs/cgroup/cpu" + group)
            ?? version1(root + "/sys/fs/cgroup/cpu,cpuacct" + group)
        } else {
          found = nil
        }
        if let found { smallest = min(smallest ?? found, found) }
      }
    }
    return smallest
  }

  /// "/a/b" gives "/a/b", "/a" and "" : a limit above holds below as well. (Inside a container the
  /// path may not exist under the mount, which then is the group itself: the last one finds it.)
  private static func selfAndAbove(_ path: String) -> [String] {
    var groups: [String] = []
    var rest = path[...]
    while let slash = rest.lastIndex(of: "/") {
      if rest.count > 1 { groups.append(String(rest)) }
      rest = rest[..<slash]
    }
    groups.append("")
    return groups
  }

  /// cpu.max: "50000 100000", or "max 100000".
  private static func version2(_ directory: String) -> Double? {
    guard let text = text(directory + "/cpu.max") else { return nil }
    let parts = text.split(whereSeparator: \.isWhitespace)
    guard parts.count == 2 else { return nil }
    return share(Double(parts[0]), Double(parts[1]))
  }

  /// cpu.cfs_quota_us is -1 when there is none.
  private static func version1(_ directory: String) -> Double? {
    guard let quota = text(directory + "/cpu.cfs_quota_us"),
      let period = text(directory + "/cpu.cfs_period_us")
    else { return nil }
    return share(Double(trimmed(quota)), Double(trimmed(period)))
  }

  private static func share(_ quota: Double?, _ period: Double?) -> Double? {
    guard let quota, let period, quota > 0, period > 0 else { return nil }
    return quota / period
  }

  private static func trimmed(_ text: String) -> Substring {
    text.split(whereSeparator: \.isWhitespace).first ?? ""
  }

  private static func text(_ path: String) -> String? {
    Descriptor.contents(of: path, limit: 65_536).map { String(decoding: $0, as: UTF8.self) }
  }
}
