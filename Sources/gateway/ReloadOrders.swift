// Why this file exists: orders to read the configuration come while one is carried out, from people
// and from the watch over the file; what becomes of them is decided by their order alone.

/// The orders that wait for their turn. All of them are carried out as one.
struct ReloadOrders {
  struct Order {
    var trigger: Reloads.Trigger
    /// What the watch over the file has seen; nil when the file is to be read now, because somebody
    /// has said so.
    var content: [UInt8]?
    var waiters: [Reloads.Waiter] = []
  }

  private var waiting: Order?

  var isEmpty: Bool { waiting == nil }

  mutating func add(
    _ trigger: Reloads.Trigger, content: [UInt8]? = nil, _ waiter: Reloads.Waiter? = nil
  ) {
    var order = waiting ?? Order(trigger: trigger, content: content)
    // Somebody who asks has finished writing; the watch only believes so, and what it has seen
    // last is what is there.
    order.content = order.content == nil ? nil : content
    if order.trigger == .file { order.trigger = trigger }
    if let waiter { order.waiters.append(waiter) }
    waiting = order
  }

  /// The watch has seen that the file holds again what was loaded last: what it has held meanwhile
  /// is not to be loaded. Who has asked is still answered.
  mutating func withdraw() {
    if waiting?.content != nil { waiting = nil }
  }

  /// What is to be carried out now.
  mutating func take() -> Order? { waiting.take() }
}
