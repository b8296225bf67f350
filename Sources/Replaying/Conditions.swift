// Why this file exists: routes may ask for header fields and query parameters, which no log line
// has. But the log names the route that took a request, and with the configuration of that time it
// follows which of these conditions were met and which were not.
import Configuration

/// The conditions of both configurations that a log line cannot decide, by number.
struct ConditionTable {
  struct Condition: Hashable {
    var isField: Bool
    /// Of a field in lower case.
    var name: String
    /// nil: it is enough that the name is there.
    var value: String?
  }

  private(set) var conditions: [Condition] = []
  private var numbers: [Condition: Int] = [:]

  mutating func number(_ condition: Condition) -> Int {
    if let number = numbers[condition] { return number }
    conditions.append(condition)
    numbers[condition] = conditions.count - 1
    return conditions.count - 1
  }

  /// The number of the condition that the name is there at all, if anybody asks for it.
  func presence(of number: Int) -> Int? {
    var condition = conditions[number]
    condition.value = nil
    return numbers[condition]
  }
}

/// What is known of the conditions that one request met.
struct Knowledge {
  private var met: [Int] = []
  /// Of each of these at least one was not met.
  private var unmet: [[Int]] = []

  /// The request met all of these.
  mutating func learn(met conditions: [Int], _ table: ConditionTable) {
    for condition in conditions {
      met.append(condition)
      if let presence = table.presence(of: condition) { met.append(presence) }
    }
  }

  /// The request did not meet all of these.
  mutating func learn(notAllMet conditions: [Int]) {
    unmet.append(conditions.filter { !met.contains($0) })
  }

  /// Whether all of these were met; nil = nobody knows.
  func areMet(_ conditions: [Int]) -> Bool? {
    if conditions.allSatisfy({ met.contains($0) }) { return true }
    return unmet.contains { $0.allSatisfy { conditions.contains($0) } } ? false : nil
  }
}
