// Why this file exists: deadlines are sums of instants and durations from configuration; the far
// ends must hold still instead of wrapping.
import Primitives
import Testing

@Suite struct InstantTests {
  @Test func `sums stop at the ends`() {
    #expect(Instant.distantFuture + .seconds(1) == .distantFuture)
    #expect(Instant(nanoseconds: .max - 1) + .nanoseconds(5) == .distantFuture)
    #expect(Instant(nanoseconds: 5) + .nanoseconds(-9) == Instant(nanoseconds: 0))
    #expect(Instant(nanoseconds: 9) + .nanoseconds(-5) == Instant(nanoseconds: 4))
    #expect(
      Instant(nanoseconds: .max) + Duration(nanoseconds: .min)
        == Instant(nanoseconds: .max - (1 << 63)))
  }

  @Test func `differences have a sign and stop at the ends`() {
    let early = Instant(nanoseconds: 3)
    let late = Instant(nanoseconds: 10)
    #expect(late - early == .nanoseconds(7))
    #expect(early - late == .nanoseconds(-7))
    #expect(Instant.distantFuture - Instant(nanoseconds: 0) == Duration(nanoseconds: .max))
    #expect(Instant(nanoseconds: 0) - Instant.distantFuture == Duration(nanoseconds: -.max))
  }

  @Test func `units agree`() {
    #expect(Duration.seconds(1) == .milliseconds(1_000))
    #expect(Duration.milliseconds(1) == .microseconds(1_000))
    #expect(Duration.microseconds(1) == .nanoseconds(1_000))
    #expect(Duration.seconds(-1) < .zero)
  }
}
