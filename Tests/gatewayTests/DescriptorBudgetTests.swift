// Why this file exists: how many connections fit into which limit is arithmetic, and is checked as such.

import Testing

@testable import gateway

@Suite struct `The descriptor budget` {
  private func plan(
    _ limit: Int, connections: Int = 65_536, workers: Int = 2, listeners: Int = 1, isDemo: Bool = false
  ) throws -> DescriptorBudget {
    try DescriptorBudget.plan(
      descriptorLimit: limit, workers: workers, listeners: listeners, connections: connections,
      isDemo: isDemo)
  }

  @Test func `leaves the configured number when there is room`() throws {
    #expect(try plan(1_048_576) == DescriptorBudget(connections: 65_536, isLowered: false))
  }

  @Test func `lowers it to what fits, two descriptors each`() throws {
    // 96 for the process and 9 for each worker are spent first.
    #expect(try plan(1_024) == DescriptorBudget(connections: 455, isLowered: true))
    #expect(try plan(114 + 2 * 65_536) == DescriptorBudget(connections: 65_536, isLowered: false))
    #expect(try plan(113 + 2 * 65_536) == DescriptorBudget(connections: 65_535, isLowered: true))
  }

  @Test func `counts the demo backends' ends too`() throws {
    #expect(try plan(1_024, isDemo: true) == DescriptorBudget(connections: 303, isLowered: true))
  }

  @Test func `refuses a limit that leaves almost nothing, and says what would do`() throws {
    let error = try #require(throws: DescriptorBudget.TooLow.self) { try plan(145) }
    #expect(error.needed == 146)
    #expect("\(error)".contains("the limit of 145 open files is too low, at least 146 are needed"))
    #expect(try plan(146).connections == 16)
  }

  @Test func `a gateway for few connections needs few`() throws {
    #expect(try plan(122, connections: 4) == DescriptorBudget(connections: 4, isLowered: false))
  }
}
