// Why this file exists: dates go wrong at leap days, at the turn of years and before 1970.
import Primitives
import Telemetry
import Testing

private func text(_ nanoseconds: Int64) -> String {
  var timestamp = Timestamp()
  let bytes = written(capacity: 27) { timestamp.write(nanoseconds: nanoseconds, to: &$0) }
  return String(decoding: bytes, as: UTF8.self)
}

@Suite struct TimestampTests {
  @Test(arguments: [
    (0, "1970-01-01T00:00:00.000000Z"), (999, "1970-01-01T00:00:00.000000Z"),
    (1_000, "1970-01-01T00:00:00.000001Z"), (-1, "1969-12-31T23:59:59.999999Z"),
    (951_782_399_999_999_999, "2000-02-28T23:59:59.999999Z"),
    (951_782_400_000_000_000, "2000-02-29T00:00:00.000000Z"),
    (951_868_800_123_456_789, "2000-03-01T00:00:00.123456Z"),
    (1_709_164_800_000_000_000, "2024-02-29T00:00:00.000000Z"),
    (1_735_689_599_000_000_000, "2024-12-31T23:59:59.000000Z"),
    (4_107_542_400_000_000_000, "2100-03-01T00:00:00.000000Z"),
    (Int64.max, "2262-04-11T23:47:16.854775Z"), (Int64.min, "1677-09-21T00:12:43.145224Z"),
  ] as [(Int64, String)])
  func `an instant is told as RFC 3339`(nanoseconds: Int64, expected: String) {
    #expect(text(nanoseconds) == expected)
  }

  @Test func `the kept second never goes stale`() {
    var timestamp = Timestamp()
    var random = SplitMix64(seed: 5)
    var now: Int64 = 1_700_000_000_000_000_000
    for _ in 0..<2_000 {
      now += Int64(random.next() % 2_000_000_000) - 900_000_000
      let bytes = written(capacity: 27) { timestamp.write(nanoseconds: now, to: &$0) }
      #expect(String(decoding: bytes, as: UTF8.self) == text(now))
    }
  }

  @Test func `days follow one another over four hundred years`() {
    let lengths: [Int64] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    var expected: (year: Int64, month: Int64, day: Int64) = (1970, 1, 1)
    for day in 0..<146_097 as Range<Int64> {
      #expect(Timestamp.date(day: day) == expected)
      let year = expected.year
      let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
      let length = lengths[Int(expected.month - 1)] + (expected.month == 2 && isLeap ? 1 : 0)
      expected.day += 1
      if expected.day > length { (expected.month, expected.day) = (expected.month + 1, 1) }
      if expected.month > 12 { (expected.year, expected.month) = (year + 1, 1) }
    }
    #expect(expected == (2370, 1, 1))
  }

  @Test func `too little room writes nothing`() {
    var timestamp = Timestamp()
    for capacity in 0..<27 {
      #expect(written(capacity: capacity) { timestamp.write(nanoseconds: 0, to: &$0) } == [])
    }
  }
}
