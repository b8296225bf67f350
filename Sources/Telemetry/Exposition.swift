// Why this file exists: the text format of Prometheus in one place: families once, labels escaped,
// buckets cumulative.

/// Writes metrics in the Prometheus text format 0.0.4 into a growing buffer. Families are begun
/// once and in any order; the samples of a family follow it. Control plane.
package struct Exposition {
  package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  package private(set) var bytes: [UInt8] = []
  private var current: MetricFamily.Entry
  private var begun: Set<String> = []

  /// Begins with this family.
  package init(_ first: MetricFamily) {
    current = first.entry
    bytes.reserveCapacity(64 << 10)
    begin(first)
  }

  /// The samples that follow belong to this family. A family is begun once.
  package mutating func begin(_ family: MetricFamily) {
    current = family.entry
    let isNew = begun.insert(current.name).inserted
    precondition(isNew, "family begun twice")
    append("# HELP \(current.name) ")
    appendEscaped(current.help, quotes: false)
    append("\n# TYPE \(current.name) \(current.kind.rawValue)\n")
  }

  /// A sample whose value is a whole number. Label values come in the order of the family's labels.
  package mutating func sample(_ labels: String..., value: UInt64) {
    line(suffix: "", labels: labels, value: "\(value)")
  }
  /// A sample of a gauge that several shards add to: the sum of words, taken as signed.
  package mutating func sample(_ labels: String..., gauge: UInt64) {
    line(suffix: "", labels: labels, value: "\(Int64(bitPattern: gauge))")
  }
  package mutating func sample(_ labels: String..., seconds: UInt64) {
    line(suffix: "", labels: labels, value: DecimalText.seconds(nanoseconds: seconds))
  }
  package mutating func sample(_ labels: String..., value: Double) {
    line(suffix: "", labels: labels, value: DecimalText.value(value))
  }

  /// The lines of one histogram: `counts` per bucket alone, the last for values above every bound;
  /// `bounds` and `sum` in nanoseconds.
  package mutating func histogram(
    _ labels: String..., bounds: [UInt64], counts: [UInt64], sum: UInt64
  ) {
    precondition(counts.count == bounds.count + 1)
    var total: UInt64 = 0
    for (index, count) in counts.enumerated() {
      total &+= count
      let bound =
        index < bounds.count ? DecimalText.seconds(nanoseconds: bounds[index]) : "+Inf"
      line(suffix: "_bucket", labels: labels, bound: bound, value: "\(total)")
    }
    line(suffix: "_sum", labels: labels, value: DecimalText.seconds(nanoseconds: sum))
    line(suffix: "_count", labels: labels, value: "\(total)")
  }

  private mutating func line(
    suffix: String, labels: [String], bound: String? = nil, value: String
  ) {
    precondition(labels.count == current.labels.count, "labels of \(current.name)")
    append(current.name)
    append(suffix)
    if !labels.isEmpty || bound != nil {
      append("{")
      for (name, value) in zip(current.labels, labels) {
        append("\(name)=\"")
        appendEscaped(value, quotes: true)
        append("\",")
      }
      if let bound { append("le=\"\(bound)\",") }
      bytes.removeLast()  // the comma
      append("}")
    }
    append(" \(value)\n")
  }

  private mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }

  /// Backslash and line feed are escaped, in label values the quote as well.
  private mutating func appendEscaped(_ text: String, quotes: Bool) {
    for byte in text.utf8 {
      switch byte {
      case 0x5c: append("\\\\")
      case 0x0a: append("\\n")
      case 0x22 where quotes: append("\\\"")
      default: bytes.append(byte)
      }
    }
  }
}
