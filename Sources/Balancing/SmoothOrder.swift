// Why this file exists: weighted turns have to be spread out: five turns in a row for one backend
// and then none is a burst, not a weight.

/// The order of turns of weighted round robin, computed once for a configuration.
enum SmoothOrder {
  /// Turns in one round, unless there are more backends than an eighth of this: 16 KiB.
  static let usualLength = 4_096
  /// Additions that the exact order may take; about ten milliseconds.
  static let work = 1 << 22

  /// Indices of `weights`, each as often as its weight says after all have been divided by their
  /// greatest common divisor and, where the round would become too long, scaled down to at least
  /// one.
  ///
  /// The order is NGINX's smooth one: at each turn everybody gains his weight, the richest has the
  /// turn and pays the sum of all. For very many backends those of equal weight gain and pay
  /// together and take turns among themselves.
  static func make(_ weights: [UInt32]) -> [UInt32] {
    let scaled = scale(weights)
    let length = scaled.reduce(0, +)
    if weights.count * length <= work { return smooth(scaled).map { UInt32($0) } }
    var members: [Int: [UInt32]] = [:]
    for (index, weight) in scaled.enumerated() {
      members[weight, default: []].append(UInt32(index))
    }
    let groups = members.sorted { $0.key > $1.key }
    var next = [Int](repeating: 0, count: groups.count)
    return smooth(groups.map { $0.key * $0.value.count }).map { group in
      let member = groups[group].value[next[group] % groups[group].value.count]
      next[group] += 1
      return member
    }
  }

  /// The weights as numbers of turns.
  static func scale(_ weights: [UInt32]) -> [Int] {
    let divisor = weights.reduce(UInt32(0)) { gcd($0, $1) }
    if divisor == 0 { return [] }
    let reduced = weights.map { Int($0 / divisor) }
    let sum = reduced.reduce(0, +)
    let bound = max(usualLength, 8 * weights.count)
    if sum <= bound { return reduced }
    return reduced.map { max(1, ($0 * bound + sum / 2) / sum) }
  }

  private static func gcd(_ left: UInt32, _ right: UInt32) -> UInt32 {
    right == 0 ? left : gcd(right, left % right)
  }

  private static func smooth(_ weights: [Int]) -> [Int] {
    let sum = weights.reduce(0, +)
    var gained = [Int](repeating: 0, count: weights.count)
    return (0..<sum).map { _ in
      var richest = 0
      for index in weights.indices {
        gained[index] += weights[index]
        if gained[index] > gained[richest] { richest = index }
      }
      gained[richest] -= sum
      return richest
    }
  }
}
