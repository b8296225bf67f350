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
      #expect(try plan(limit) == DescriptorBudget(connections: 65_536, isLowered: false))
    }
  }

  @Test func `lowers it to what fits, three descriptors for two clients`() throws {
    // 32 in reserve, 16 for the process and 7 for each of two workers are spent first.
    #expect(try plan(1_022) == DescriptorBudget(connections: 640, isLowered: true))
    #expect(try plan(62 + 3 * 32_768) == DescriptorBudget(connections: 65_536, isLowered: false))
    #expect(try plan(61 + 3 * 32_768) == DescriptorBudget(connections: 65_535, isLowered: true))
  }

  @Test func `refuses a limit that leaves almost nothing, and says what would do`() throws {
    let error = try #require(throws: DescriptorBudget.TooLow.self) { try plan(85) }
    #expect(error.enough == 86)
    #expect("\(error)".contains("(RLIMIT_NOFILE) is too low: raise it to 86 or more"))
    #expect(try plan(86).connections == 16)
    #expect(throws: DescriptorBudget.TooLow(limit: 3, enough: 86)) { try plan(3) }
  }

  @Test func `a gateway for few connections needs few`() throws {
    #expect(try plan(68, connections: 4) == DescriptorBudget(connections: 4, isLowered: false))
  }
}
