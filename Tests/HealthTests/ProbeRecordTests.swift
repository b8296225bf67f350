// Why this file exists: rise and fall, tried by hand where a reader wants to see it, and for every
// short row of results beside a model that remembers everything.

import Health
import Testing

private let usual = ProbeThresholds(healthyAfter: 2, unhealthyAfter: 3)

/// Records a row written as "+" for a pass and "-" for a failure; gives the state after each, "U"
/// or "D", a flip in capitals.
private func play(
  _ row: String, isUp: Bool = true, _ thresholds: ProbeThresholds = usual
) -> String {
  var record = ProbeRecord(isUp: isUp)
  return play(row, in: &record, thresholds)
}

private func play(
  _ row: String, in record: inout ProbeRecord, _ thresholds: ProbeThresholds = usual
) -> String {
  row.reduce(into: "") { states, result in
    let flipped = record.record(passed: result == "+", thresholds)
    let state = record.isUp ? "u" : "d"
    states += flipped ? state.uppercased() : state
  }
}

/// The rule read literally: keeps all results since the last change and looks at the latest ones.
private struct Model {
  var isUp: Bool
  var isPresumedDown: Bool
  var results: [Bool] = []

  mutating func record(_ passed: Bool, _ thresholds: ProbeThresholds) -> Bool {
    results.append(passed)
    let needed =
      isPresumedDown ? 1 : isUp ? thresholds.unhealthyAfter : thresholds.healthyAfter
    let latest = results.suffix(needed)
    guard latest.count == needed, latest.allSatisfy({ $0 != isUp }) else { return false }
    isUp = !isUp
    isPresumedDown = false
    results = []
    return true
  }
}

@Suite struct `Probe record` {
  @Test func `an up backend goes down after three failures in a row`() {
    #expect(play("---") == "uuD")
    #expect(play("--+---") == "uuuuuD")
    #expect(play("--+--+--+--+") == "uuuuuuuuuuuu")
  }

  @Test func `a down backend comes back after two passes in a row`() {
    #expect(play("---++") == "uuDdU")
    #expect(play("---+-+-++") == "uuDdddddU")
  }

  @Test func `a state change is told exactly once`() {
    #expect(play("------") == "uuDddd")
    #expect(play("---++++") == "uuDdUuu")
  }

  @Test func `a backend that is down from the start comes up at its first pass`() {
    #expect(play("+", isUp: false) == "U")
    #expect(play("----+", isUp: false) == "ddddU")
  }

  @Test func `once it has been up, one pass is not enough any more`() {
    #expect(play("+---+-+", isUp: false) == "UuuDddd")
    #expect(play("+---++", isUp: false) == "UuuDdU")
  }

  @Test func `with thresholds of one every result decides`() {
    let quick = ProbeThresholds(healthyAfter: 1, unhealthyAfter: 1)
    #expect(play("-+-+", quick) == "DUDU")
  }

  @Test func `smaller thresholds count from the next result on`() {
    var record = ProbeRecord(isUp: true)
    #expect(play("--", in: &record) == "uu")
    let small = ProbeThresholds(healthyAfter: 1, unhealthyAfter: 1)
    #expect(play("-", in: &record, small) == "D")
  }

  @Test func `results to another question are not added up, and the state stays`() {
    var record = ProbeRecord(isUp: true)
    #expect(play("--", in: &record) == "uu")
    record.questionChanged()
    #expect(play("---", in: &record) == "uuD")
  }

  @Test func `probes hurry while the state may change and once after it has`() {
    var record = ProbeRecord(isUp: true)
    #expect(record.pace == .spreading)
    let row: [(Bool, ProbeSchedule.Pace)] = [
      (true, .spreading), (true, .steady), (false, .hurried), (true, .steady), (false, .hurried),
      (false, .hurried), (false, .hurried), (false, .steady), (true, .hurried), (true, .hurried),
      (true, .steady),
    ]
    for (index, (passed, pace)) in row.enumerated() {
      _ = record.record(passed: passed, usual)
      #expect(record.pace == pace, "after result \(index)")
    }
  }

  @Test func `a first failure is looked into at once`() {
    var record = ProbeRecord(isUp: true)
    _ = record.record(passed: false, usual)
    #expect(record.pace == .hurried)
  }

  @Test func `all rows up to ten results agree with the model`() {
    for isUp in [true, false] {
      for healthyAfter in 1...3 {
        for unhealthyAfter in 1...3 {
          let thresholds = ProbeThresholds(
            healthyAfter: healthyAfter, unhealthyAfter: unhealthyAfter)
          for bits in 0..<(1 << 10) {
            var record = ProbeRecord(isUp: isUp)
            var model = Model(isUp: isUp, isPresumedDown: !isUp)
            for step in 0..<10 {
              let passed = bits >> step & 1 == 1
              let flipped = record.record(passed: passed, thresholds)
              guard flipped == model.record(passed, thresholds), record.isUp == model.isUp else {
                Issue.record("\(thresholds) up=\(isUp) bits=\(bits) step=\(step)")
                return
              }
            }
          }
        }
      }
    }
  }
}
