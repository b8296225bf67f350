// Why this file exists: how many connections fit into which limit is arithmetic, and is checked as
// such.

import Testing

@testable import gateway

@Suite struct `The descriptor budget` {
  private func plan(_ limit: Int, connections: Int = 65_536) throws -> DescriptorBudget {
    try DescriptorBudget.plan(
      descriptorLimit: limit, reserve: 32, workers: 2, listeners: 1, connections: connections)
  }

  @Test func `leaves the configured number when there is room`() throws {
    for limit in [1_048_576, .max] {
      #expect(
        try plan(limit) == DescriptorBudget(connections: 65_536, isLowered: false, probes: 64))
    }
  }

  @Test func `lowers it to what fits, three descriptors for two clients`() throws {
    // 32 in reserve, 16 for the process, 7 for each of two workers and 64 for health checks are
    // spent first.
    #expect(
      try plan(1_026) == DescriptorBudget(connections: 600, isLowered: true, probes: 64))
    #expect(
      try plan(126 + 3 * 32_768)
        == DescriptorBudget(connections: 65_536, isLowered: false, probes: 64))
    #expect(
      try plan(125 + 3 * 32_768)
        == DescriptorBudget(connections: 65_535, isLowered: true, probes: 64))
  }

  @Test func `of a low limit health checks get a sixteenth`() throws {
    #expect(try plan(160).probes == 10)
    #expect(try plan(1_008).probes == 63)
    #expect(try plan(96).probes == 6)
  }

  @Test func `refuses a limit that leaves almost nothing, and says what would do`() throws {
    let error = try #require(throws: DescriptorBudget.TooLow.self) { try plan(90) }
    #expect(error.enough == 92)
    #expect("\(error)".contains("(RLIMIT_NOFILE) is too low: raise it to 92 or more"))
    #expect(try plan(92).connections >= 16)
    #expect(throws: DescriptorBudget.TooLow(limit: 3, enough: 92)) { try plan(3) }
  }

  @Test func `a gateway for few connections needs few`() throws {
    #expect(
      try plan(73, connections: 4)
        == DescriptorBudget(connections: 4, isLowered: false, probes: 4))
  }
}
