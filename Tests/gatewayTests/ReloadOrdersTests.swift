// Why this file exists: what is loaded after a reload that took its time is what the file holds
// then, however often it was written meanwhile.

import Testing

@testable import gateway

@Suite struct `Orders to reload that wait` {
  private var orders = ReloadOrders()

  @Test mutating func `are one, of what the file held last`() {
    #expect(orders.isEmpty)
    orders.add(.file, content: [1])
    orders.add(.file, content: [2])
    #expect(!orders.isEmpty)
    let order = orders.take()
    #expect(order?.content == [2] && order?.trigger == .file)
    #expect(orders.isEmpty && orders.take() == nil)
  }

  @Test(arguments: [Reloads.Trigger.signal, .request])
  mutating func `read the file when somebody has asked, whatever the watch has seen`(
    trigger: Reloads.Trigger
  ) {
    orders.add(.file, content: [1])
    orders.add(trigger) { _ in }
    orders.add(.file, content: [2])
    let order = orders.take()
    #expect(order?.content == nil && order?.trigger == trigger && order?.waiters.count == 1)
  }

  @Test mutating func `are none when the file is as it was again`() {
    orders.withdraw()
    orders.add(.file, content: [1])
    orders.withdraw()
    #expect(orders.isEmpty)
  }

  @Test mutating func `stay when somebody has asked, though the file is as it was again`() {
    orders.add(.file, content: [1])
    orders.add(.request) { _ in }
    orders.withdraw()
    #expect(orders.take()?.waiters.count == 1)
  }
}
