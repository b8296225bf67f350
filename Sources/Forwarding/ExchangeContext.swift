// Why this file exists: the words in which the shell and the machine of an exchange speak of where
// an attempt stands, and what the machine is told when something failed.
public import Primitives

/// What the shell has at hand when an attempt fails or time passes.
@frozen @usableFromInline
package struct ExchangeContext {
  @usableFromInline package var now: Instant
  @usableFromInline package var budget: RetryBudget
  @usableFromInline package var budgetRule: RetryBudgetRule
  /// Bytes that the client's socket has taken so far.
  @usableFromInline package var clientTaken: UInt64
  /// Those of them that the client has not acknowledged. Only for `expired`, like the other one.
  @usableFromInline package var clientHeld: UInt64 = 0
  /// Bytes that the backend's socket has taken so far.
  @usableFromInline package var backendTaken: UInt64
  @usableFromInline package var backendHeld: UInt64 = 0

  @inlinable
  package init(
    now: Instant, budget: RetryBudget, budgetRule: RetryBudgetRule, clientTaken: UInt64,
    backendTaken: UInt64
  ) {
    self.now = now
    self.budget = budget
    self.budgetRule = budgetRule
    self.clientTaken = clientTaken
    self.backendTaken = backendTaken
  }
}

/// Where the attempt stands.
@frozen @usableFromInline
package enum AttemptPhase: UInt8, Sendable {
  /// A backend is being chosen. → queued, connecting, open, over
  case choosing
  /// Waiting for a connection to become free. → choosing, connecting, open, over
  case queued
  /// The connection is being made. → choosing, open, over
  case connecting
  /// The head has been sent, the final answer has not begun. → choosing, responding, tunnel, over
  case open
  /// The final head has gone to the client. → over
  case responding
  /// Upgraded: bytes pass both ways unread. → over
  case tunnel
  /// No lease is held and none will be.
  case over
}

extension ExchangeContext {
  /// Takes one repeat from the service's budget.
  package func withdraw() -> Bool { budget.withdraw(budgetRule, now: now) }
}
