// Why this file exists: what the process may use and what it has used, as the kernel tells it.

import CLibUV
import Glibc

/// Facts about this process. Each call asks the kernel; control plane only.
package enum ProcessFacts {
  /// Raises the soft limit on descriptors to the hard one, and gives what holds then. The last of
  /// them are kept from traffic from then on: see `DescriptorReserve`.
  package static func raiseDescriptorLimit() -> Int {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
    if limit.rlim_cur < limit.rlim_max {
      var raised = limit
      raised.rlim_cur = raised.rlim_max
      if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0 { limit = raised }
    }
    DescriptorReserve.keep(limit: Int(clamping: limit.rlim_cur))
    return Int(clamping: limit.rlim_cur)
  }

  /// How many descriptors are open; nil without /proc.
  package static func openDescriptors() -> Int? {
    guard let directory = opendir("/proc/self/fd") else { return nil }
    defer { closedir(directory) }
    var count = 0
    while readdir(directory) != nil { count += 1 }
    // ".", ".." and the descriptor of this very reading.
    return count - 3
  }

  /// Resident memory in bytes; nil without /proc.
  package static func residentBytes() -> Int? {
    guard let fields = fields(of: "/proc/self/statm"), fields.count > 1 else { return nil }
    return Int(fields[1]).map { $0 * Int(sysconf(Int32(_SC_PAGESIZE))) }
  }

  /// Has the allocator give what nobody uses back to the kernel. From any thread; takes
  /// milliseconds when there is much of it.
  package static func returnUnusedMemory() { gateway_trim_heap() }

  /// Takes the code of the program and its libraries out of the process's memory; what is run again
  /// comes back from the page cache, in a microsecond for 64 KiB. Starting and loading a
  /// configuration run through megabytes that serving does not need. Only code: constants lie
  /// beside what the loader has written, which would be lost.
  package static func returnUnusedCode() {
    guard let maps = Descriptor.contents(of: "/proc/self/maps", limit: 1 << 20) else { return }
    for line in String(decoding: maps, as: UTF8.self).split(separator: "\n") {
      let words = line.split(separator: " ")
      guard words.count > 5, words[1] == "r-xp", words[5].hasPrefix("/") else { continue }
      let bounds = words[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
      guard bounds.count == 2, let start = UnsafeMutableRawPointer(bitPattern: bounds[0]) else {
        continue
      }
      madvise(start, Int(bounds[1] - bounds[0]), MADV_DONTNEED)
    }
  }

  /// Virtual memory in bytes; nil without /proc.
  package static func virtualBytes() -> Int? {
    guard let fields = fields(of: "/proc/self/statm"), let pages = fields.first else { return nil }
    return Int(pages).map { $0 * Int(sysconf(Int32(_SC_PAGESIZE))) }
  }

  /// CPU time used by all threads, user and system, in seconds.
  package static func cpuSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  /// When the process began, in seconds since 1970, to a hundredth; nil without /proc.
  package static func startTimeSeconds() -> Double? {
    guard let text = Descriptor.contents(of: "/proc/self/stat", limit: 65_536) else { return nil }
    // The second field is the program's name in brackets and may hold anything; count from behind
    // it.
    guard let end = text.lastIndex(of: UInt8(ascii: ")")) else { return nil }
    let behind = text[(end + 1)...].split(separator: UInt8(ascii: " "))
    guard behind.count > 19, let ticks = Double(String(decoding: behind[19], as: UTF8.self)) else {
      return nil
    }
    guard let stat = Descriptor.contents(of: "/proc/stat", limit: 4 << 20) else { return nil }
    for line in stat.split(separator: UInt8(ascii: "\n"))
    where line.starts(with: Array("btime ".utf8)) {
      let boot = Double(String(decoding: line.dropFirst(6), as: UTF8.self)) ?? 0
      return boot + ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
    }
    return nil
  }

  package static var processIdentifier: Int32 { getpid() }

  private static func fields(of path: String) -> [Substring]? {
    guard let bytes = Descriptor.contents(of: path, limit: 65_536) else { return nil }
    return String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isWhitespace)
  }
}
