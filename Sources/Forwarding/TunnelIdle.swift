// Why this file exists: a tunnel on which nothing seems to pass may be one whose peer reads slowly:
// the system holds megabytes for it, and takes more only when a good part of them has left.
import Primitives

extension Exchange {
  /// Nothing has been read, and no write has left whole, for the tunnel's idle time. Of what both
  /// sides together have been given (`taken`), they have not acknowledged a part (`held`). If the
  /// rest is not what it was at the last look, bytes have passed. The first look finds that they
  /// have, so that a peer that takes nothing goes after at most twice the time; and by a reset,
  /// because an end with bytes on their way is none that was meant.
  mutating func tunnelStalled(_ context: ExchangeContext) -> Actions {
    let held = context.clientHeld + context.backendHeld
    if held == 0 { return endTunnel() }
    // Wraps where the system counts a FIN besides; only whether it is another number matters.
    let arrived = context.clientTaken &+ context.backendTaken &- held
    if !clientWriter.hasMoved(to: arrived) { return endTunnel().union(.abortClient) }
    tunnelMoved(now: context.now)
    return []
  }
}
