// Why this file exists: the text forms of a scrape in one place: families once, labels escaped,
// buckets cumulative, and all that the two forms do differently.

/// Writes metrics in a growing buffer. Families are begun once and in any order; the samples of a
/// family follow it. Control plane, but a hundred thousand lines of it: bytes are put together
/// from pieces made once, not from strings.
package struct Exposition {
  package let format: ExpositionFormat
  private let clocks: ScrapeClocks
  package private(set) var bytes: [UInt8] = []
  private var current: MetricFamily.Entry
  private var name: [UInt8] = []
  /// What stands before the value of each label.
  private var labelStarts: [[UInt8]] = []
  private var begun: Set<String> = []
  private var isFinished = false

  /// Begins with this family.
  package init(_ first: MetricFamily, as format: ExpositionFormat, _ clocks: ScrapeClocks) {
    self.format = format
    self.clocks = clocks
    current = first.entry
    begin(first)
  }

  /// The samples that follow belong to this family. A family is begun once.
  package mutating func begin(_ family: MetricFamily) {
    current = family.entry
    let isNew = begun.insert(current.name).inserted
    precondition(isNew, "family begun twice")
    name = Array(current.name.utf8)
    labelStarts = current.labels.enumerated().map { index, label in
      Array("\(index == 0 ? "{" : "\",")\(label)=\"".utf8)
    }
    switch format {
    case .text:
      append("# HELP \(current.name) ")
      appendEscaped(current.help, quotes: false)
      append("\n# TYPE \(current.name) \(current.kind.rawValue)\n")
    case .openMetrics: beginOpenMetrics()
    }
  }

  /// In OpenMetrics a family has its name without what the type puts behind the names of samples,
  /// and a family with a unit has a name that ends in it.
  private mutating func beginOpenMetrics() {
    let family = current.openMetricsName
    append("# HELP \(family) ")
    appendEscaped(current.help, quotes: true)
    append("\n# TYPE \(family) \(current.isInfo ? "info" : current.kind.rawValue)\n")
    if let unit = current.unit { append("# UNIT \(family) \(unit)\n") }
  }

  /// The answer is whole. Nothing follows.
  package mutating func finish() {
    precondition(!isFinished)
    isFinished = true
    switch format {
    case .text: break
    case .openMetrics: append("# EOF\n")
    }
  }

  /// What was written since the last time.
  package mutating func take() -> [UInt8] {
    let taken = bytes
    bytes = []
    // Room for as much again, so that it does not grow step by step.
    bytes.reserveCapacity(taken.count)
    return taken
  }

  // MARK: Samples

  /// A sample whose value is a whole number. Label values come in the order of the family's labels.
  package mutating func sample(_ labels: String..., value: UInt64) {
    begin(line: labels)
    DecimalText.append(value, to: &bytes)
    bytes.append(0x0a)
  }
  /// A sample of a gauge that several shards add to: the sum of words, taken as signed.
  package mutating func sample(_ labels: String..., gauge: UInt64) {
    begin(line: labels)
    append("\(Int64(bitPattern: gauge))\n")
  }
  package mutating func sample(_ labels: String..., seconds: UInt64) {
    begin(line: labels)
    DecimalText.append(seconds: seconds, to: &bytes)
    bytes.append(0x0a)
  }
  package mutating func sample(_ labels: String..., value: Double) {
    begin(line: labels)
    append("\(DecimalText.value(value))\n")
  }

  /// The lines of one histogram, which has one count per bucket, the last for values above every
  /// bound.
  package mutating func histogram(
    _ labels: String..., of histogram: SummedHistogram, _ boundaries: HistogramBoundaries
  ) {
    precondition(histogram.counts.count == boundaries.texts.count)
    var series: [UInt8] = []
    swap(&series, &bytes)
    appendLabels(labels)
    swap(&series, &bytes)
    var start = name + Array("_bucket".utf8) + series
    start += Array("\(labels.isEmpty ? "{" : "\",")le=\"".utf8)
    if !labels.isEmpty { series += Array("\"}".utf8) }
    var total: UInt64 = 0
    for (index, count) in histogram.counts.enumerated() {
      total &+= count
      bytes += start
      bytes += boundaries.texts[index]
      append("\"} ")
      DecimalText.append(total, to: &bytes)
      if index < histogram.exemplars.count, let exemplar = histogram.exemplars[index] {
        append(exemplar)
      }
      bytes.append(0x0a)
    }
    bytes += name
    append("_sum")
    bytes += series
    bytes.append(0x20)
    DecimalText.append(seconds: histogram.sum, to: &bytes)
    bytes.append(0x0a)
    bytes += name
    append("_count")
    bytes += series
    bytes.append(0x20)
    DecimalText.append(total, to: &bytes)
    bytes.append(0x0a)
  }

  private mutating func append(_ exemplar: Exemplar) {
    append(" # {trace_id=\"")
    append(hex16: exemplar.traceHigh)
    append(hex16: exemplar.traceLow)
    append("\"} ")
    DecimalText.append(seconds: exemplar.value, to: &bytes)
    bytes.append(0x20)
    DecimalText.append(seconds: clocks.time(of: exemplar.noted), to: &bytes)
  }

  private mutating func begin(line labels: [String]) {
    bytes += name
    appendLabels(labels)
    append(labels.isEmpty ? " " : "\"} ")
  }

  /// Up to the end of the last label's value, without the quote behind it.
  private mutating func appendLabels(_ labels: [String]) {
    precondition(labels.count == current.labels.count, "labels of \(current.name)")
    for (start, value) in zip(labelStarts, labels) {
      bytes += start
      appendEscaped(value, quotes: true)
    }
  }

  // MARK: Bytes

  private mutating func append(_ text: String) { bytes += text.utf8 }

  private mutating func append(_ text: StaticString) {
    bytes += UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
  }

  private mutating func append(hex16 value: UInt64) {
    for place in (0..<16).reversed() {
      let digit = UInt8(truncatingIfNeeded: value >> UInt64(place * 4)) & 15
      bytes.append(digit < 10 ? 0x30 + digit : 0x57 + digit)
    }
  }

  /// Backslash and line feed are escaped, and the quote where the form asks for it.
  private mutating func appendEscaped(_ text: String, quotes: Bool) {
    // Nearly all texts are as they are; a look at their bytes in one piece says so.
    let isPlain =
      text.utf8.withContiguousStorageIfAvailable { all in
        for byte in all where byte == 0x5c || byte == 0x0a || byte == 0x22 { return false }
        bytes += all
        return true
      } ?? false
    if isPlain { return }
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

extension MetricFamily.Entry {
  /// The name that OpenMetrics knows the family by.
  var openMetricsName: String {
    switch kind {
    case .counter: String(name.dropLast("_total".count))
    case .gauge: isInfo ? String(name.dropLast("_info".count)) : name
    case .histogram: name
    }
  }

  /// Always 1, for what its labels say.
  var isInfo: Bool { name.hasSuffix("_info") }

  /// The unit of its values, where its name ends in one.
  var unit: String? {
    ["seconds", "bytes"].first { openMetricsName.hasSuffix("_\($0)") }
  }
}
