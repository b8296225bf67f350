// Why this file exists: what workers count about a route, a service or a backend is kept by number,
// and the number belongs to a name for as long as anybody may still use it. This table gives the
// numbers, and gives one again only when nobody can mean the old owner by it.

/// Values known by a name and a number, both unique. Control loop only.
///
///     absent ──refer──▶ known ──last release──▶ abandoned ──recycle──▶ absent, its number free
///
/// An abandoned entry has lost its name: whoever refers to that name now gets a new number. So what
/// workers still have under the old number cannot be taken for the new owner's.
package struct IdentityTable<Value> {
  private struct Entry {
    var name: String
    var value: Value
    var references: Int
  }
  private var entries: [Entry?] = []
  private var numbers: [String: Int] = [:]
  private var free: [Int] = []
  private var abandoned: [Int] = []

  package init() {}

  /// One above the highest number that was ever given.
  package var capacity: Int { entries.count }

  /// The number of a name, which counts as referred to once more; `make` makes what belongs to a
  /// name that is not known yet.
  package mutating func refer(to name: String, make: (Int) -> Value) -> Int {
    if let number = numbers[name] {
      entries[number]?.references += 1
      return number
    }
    let number = free.popLast() ?? entries.count
    let entry = Entry(name: name, value: make(number), references: 1)
    if number == entries.count { entries.append(entry) } else { entries[number] = entry }
    numbers[name] = number
    return number
  }

  /// Somebody refers to this name.
  package func knows(_ name: String) -> Bool { numbers[name] != nil }

  /// One reference less; after the last one the entry is abandoned.
  package mutating func release(_ number: Int) {
    guard let entry = entries[number], entry.references > 0 else {
      preconditionFailure("a reference was given back twice")
    }
    entries[number]?.references -= 1
    if entry.references > 1 { return }
    numbers[entry.name] = nil
    abandoned.append(number)
  }

  /// The numbers abandoned since the last call, for the workers to forget. Each must come back to
  /// `recycle`.
  package mutating func takeAbandoned() -> [Int] {
    defer { abandoned = [] }
    return abandoned
  }

  /// Frees an abandoned number that nobody can mean any more, and gives what belonged to it.
  package mutating func recycle(_ number: Int) -> Value {
    guard let entry = entries[number], entry.references == 0 else {
      preconditionFailure("a number in use was recycled")
    }
    entries[number] = nil
    free.append(number)
    return entry.value
  }

  /// Another value for a number that is referred to.
  package mutating func replace(_ number: Int, by value: Value) { entries[number]?.value = value }

  package subscript(number: Int) -> Value {
    guard let entry = entries[number] else { preconditionFailure("no such number: \(number)") }
    return entry.value
  }

  /// Everything that is referred to, in the order of the numbers.
  package var known: [(number: Int, value: Value)] {
    entries.enumerated().compactMap { number, entry in
      guard let entry, entry.references > 0 else { return nil }
      return (number, entry.value)
    }
  }
}
