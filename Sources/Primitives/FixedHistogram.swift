// Why this file exists: durations are kept as counts in a few fixed ranges, so that a worker
// records one with two stores and any number of workers can be summed.

/// The upper bounds of a histogram's buckets, shared by all histograms of one kind. Never freed
/// while one of them is used.
@frozen @usableFromInline
package struct HistogramBounds: @unchecked Sendable {
  /// Rising; a value equal to a bound belongs below it.
  @usableFromInline package let values: UnsafePointer<UInt64>
  @usableFromInline package let count: Int
  /// Per number of leading zeros: the bucket of the smallest value that has so many.
  @usableFromInline package let starts: UnsafePointer<UInt8>

  /// Start-up only. 1 to 63 rising bounds.
  package static func create(_ bounds: [UInt64]) -> HistogramBounds {
    precondition(bounds.count > 0 && bounds.count < 64)
    precondition(zip(bounds, bounds.dropFirst()).allSatisfy { $0 < $1 })
    let values = UnsafeMutablePointer<UInt64>.allocate(capacity: bounds.count)
    values.initialize(from: bounds, count: bounds.count)
    let starts = UnsafeMutablePointer<UInt8>.allocate(capacity: 65)
    for zeros in 0...64 {
      let smallest: UInt64 = zeros == 64 ? 0 : 1 << UInt64(63 - zeros)
      let start = bounds.firstIndex { $0 >= smallest } ?? bounds.count
      (starts + zeros).initialize(to: UInt8(start))
    }
    return HistogramBounds(
      values: UnsafePointer(values), count: bounds.count, starts: UnsafePointer(starts))
  }
  package func destroy() {
    UnsafeMutablePointer(mutating: values).deallocate()
    UnsafeMutablePointer(mutating: starts).deallocate()
  }

  private init(values: UnsafePointer<UInt64>, count: Int, starts: UnsafePointer<UInt8>) {
    self.values = values
    self.count = count
    self.starts = starts
  }
  /// The words that one histogram with these bounds takes: the buckets, the one without a bound,
  /// and the sum.
  @inlinable package var wordCount: Int { count &+ 2 }
  /// The one without a bound counted.
  package var bucketCount: Int { count + 1 }

  /// The bucket that `value` belongs to; `count` for one above every bound.
  @inlinable @inline(__always) package func bucket(of value: UInt64) -> Int {
    // Values with as many leading zeros lie within a factor of two: few bounds are left to look at.
    var bucket = Int(starts[value.leadingZeroBitCount])
    while bucket < count, values[bucket] < value { bucket &+= 1 }
    return bucket
  }
}

/// A histogram in somebody else's words: single writer, any number of readers. A reader may see a
/// value in a bucket and not yet in the sum; never half a number.
@frozen @usableFromInline
package struct FixedHistogram: @unchecked Sendable {
  @usableFromInline package let bounds: HistogramBounds
  @usableFromInline package let first: SharedCounter

  /// `first` is the first of `bounds.wordCount` words.
  @inlinable package init(bounds: HistogramBounds, first: SharedCounter) {
    self.bounds = bounds
    self.first = first
  }
  @inlinable @inline(__always) package func record(_ value: UInt64) {
    SharedCounter(first.cell + bounds.bucket(of: value)).increment()
    SharedCounter(first.cell + (bounds.count &+ 1)).add(value)
  }
  /// How many values fell into this bucket alone; `bounds.count` is the one above every bound.
  @inlinable package func count(inBucket bucket: Int) -> UInt64 {
    precondition(bucket >= 0 && bucket <= bounds.count)
    return SharedCounter(first.cell + bucket).value
  }
  @inlinable package var sum: UInt64 { SharedCounter(first.cell + (bounds.count &+ 1)).value }
}
