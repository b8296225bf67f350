// Why this file exists: a number given again too early makes a new backend answer for an old one.
import Primitives
import Testing

@testable import Forwarding

/// A table at one place, so that an expectation may change it.
private final class Table {
  private var table = IdentityTable<String>()

  func refer(to name: String, _ value: String = "never made") -> Int {
    table.refer(to: name) { "\(value) \($0)" }
  }
  func release(_ number: Int) { table.release(number) }
  func takeAbandoned() -> [Int] { table.takeAbandoned() }
  func recycle(_ number: Int) -> String { table.recycle(number) }
  subscript(number: Int) -> String { table[number] }
  var known: [(number: Int, value: String)] { table.known }
  var capacity: Int { table.capacity }
}

@Suite struct `A table of identities` {
  @Test func `keeps number and value of a name while somebody refers to it`() {
    let table = Table()
    #expect(table.refer(to: "a", "first") == 0)
    #expect(table.refer(to: "b", "first") == 1)
    #expect(table.refer(to: "a") == 0)
    table.release(0)
    #expect(table.refer(to: "a") == 0)
    #expect(table[0] == "first 0" && table[1] == "first 1")
    #expect(table.takeAbandoned() == [])
  }

  @Test func `abandons a name after the last release, and gives its number to nobody yet`() {
    let table = Table()
    #expect(table.refer(to: "a", "old") == 0)
    table.release(0)
    #expect(table.known.isEmpty)
    #expect(table.refer(to: "a", "new") == 1)
    #expect(table.takeAbandoned() == [0])
    #expect(table.takeAbandoned() == [])
    #expect(table.refer(to: "c", "other") == 2)
    #expect(table.recycle(0) == "old 0")
    #expect(table.refer(to: "d", "third") == 0)
    #expect(table.capacity == 3)
    #expect(table.known.map(\.value) == ["third 0", "new 1", "other 2"])
  }

  @Test func `traps on a release too many, and on recycling what is in use`() async {
    await #expect(processExitsWith: .failure) {
      var table = IdentityTable<Int>()
      _ = table.refer(to: "a") { $0 }
      table.release(0)
      table.release(0)
    }
    await #expect(processExitsWith: .failure) {
      var table = IdentityTable<Int>()
      _ = table.refer(to: "a") { $0 }
      _ = table.recycle(0)
    }
  }

  @Test func `agrees with a naive model under seeded use`() {
    let table = Table()
    var references: [Int: Int] = [:]
    var leaving: Set<Int> = []
    var random = SplitMix64(seed: 5)
    for _ in 0..<20_000 {
      switch random.next() % 4 {
      case 0, 1:
        let name = "\(random.next() % 30)"
        let number = table.refer(to: name, name)
        #expect(table[number] == "\(name) \(number)" && !leaving.contains(number))
        references[number, default: 0] += 1
      case 2:
        guard let number = references.keys.sorted().randomElement(using: &random) else { continue }
        table.release(number)
        references[number]? -= 1
        if references[number] == 0 {
          references[number] = nil
          leaving.insert(number)
        }
      default:
        for number in table.takeAbandoned() {
          #expect(leaving.remove(number) != nil)
          _ = table.recycle(number)
        }
      }
      #expect(table.known.map(\.number) == references.keys.sorted())
    }
    #expect(table.capacity < 100)
  }
}
