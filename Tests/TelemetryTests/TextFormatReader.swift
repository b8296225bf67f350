// Why this file exists: an exposition is judged by reading it as a scraper does: families once,
// types before samples, labels unescaped, buckets cumulative.

/// One line of a scrape.
struct Sample: Equatable {
  var name: String
  var labels: [String: String]
  var value: Double
}

/// A scrape read strictly; `faults` says what a scraper would refuse or misread.
struct TextFormatReader {
  var samples: [Sample] = []
  var types: [String: String] = [:]
  var helps: [String: String] = [:]
  var faults: [String] = []
  private var family = ""
  private var finished: Set<String> = []
  private var seen: Set<String> = []

  init(_ bytes: [UInt8]) {
    guard let text = String(validating: bytes, as: UTF8.self), text.hasSuffix("\n") else {
      faults.append("no UTF-8 text ending in a line feed")
      return
    }
    for line in text.dropLast().split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix("# HELP ") {
        takeHelp(line.dropFirst(7))
      } else if line.hasPrefix("# TYPE ") {
        takeType(line.dropFirst(7))
      } else {
        takeSample(line)
      }
    }
    checkHistograms()
  }

  func value(_ name: String, _ labels: [String: String] = [:]) -> Double? {
    samples.first { $0.name == name && $0.labels == labels }?.value
  }

  private mutating func takeHelp(_ line: Substring) {
    let parts = line.split(separator: " ", maxSplits: 1).map(String.init)
    guard parts.count == 2 else { return faults.append("HELP without text: \(line)") }
    if !family.isEmpty { finished.insert(family) }
    family = parts[0]
    if finished.contains(family) { faults.append("family in two places: \(family)") }
    if helps.updateValue(parts[1], forKey: family) != nil { faults.append("HELP twice: \(family)") }
  }

  private mutating func takeType(_ line: Substring) {
    let parts = line.split(separator: " ").map(String.init)
    guard parts.count == 2, parts[0] == family else { return faults.append("stray TYPE: \(line)") }
    guard ["counter", "gauge", "histogram"].contains(parts[1]) else {
      return faults.append("unknown type: \(line)")
    }
    if types.updateValue(parts[1], forKey: family) != nil { faults.append("TYPE twice: \(family)") }
  }

  private mutating func takeSample(_ line: Substring) {
    guard let sample = TextFormatReader.sample(line) else {
      return faults.append("no sample: \(line)")
    }
    let isHistogram = types[family] == "histogram"
    let allowed = isHistogram ? ["_bucket", "_sum", "_count"].map { family + $0 } : [family]
    if !allowed.contains(sample.name) { faults.append("\(sample.name) below \(family)") }
    let key = sample.name + "\(sample.labels.sorted { $0.key < $1.key })"
    if !seen.insert(key).inserted { faults.append("series twice: \(line)") }
    if types[family] == "counter", sample.value < 0 { faults.append("negative counter: \(line)") }
    samples.append(sample)
  }

  static func sample(_ line: Substring) -> Sample? {
    var rest = line
    let name = rest.prefix { $0.isLetter || $0.isNumber || $0 == "_" || $0 == ":" }
    rest = rest.dropFirst(name.count)
    var labels: [String: String] = [:]
    if rest.first == "{" {
      rest = rest.dropFirst()
      while rest.first != "}" {
        let key = rest.prefix { $0.isLetter || $0.isNumber || $0 == "_" }
        rest = rest.dropFirst(key.count)
        guard !key.isEmpty, rest.hasPrefix("=\"") else { return nil }
        rest = rest.dropFirst(2)
        var value = ""
        while let character = rest.first, character != "\"" {
          rest = rest.dropFirst()
          guard character == "\\" else {
            value.append(character)
            continue
          }
          guard let escaped = rest.popFirst() else { return nil }
          switch escaped {
          case "n": value.append("\n")
          case "\\", "\"": value.append(escaped)
          default: return nil
          }
        }
        guard rest.popFirst() == "\"" else { return nil }
        guard labels.updateValue(value, forKey: String(key)) == nil else { return nil }
        if rest.first == "," { rest = rest.dropFirst() }
      }
      rest = rest.dropFirst()
    }
    guard rest.popFirst() == " ", !name.isEmpty, !rest.contains(" ") else { return nil }
    let number = rest == "+Inf" ? .infinity : Double(rest)
    return number.map { Sample(name: String(name), labels: labels, value: $0) }
  }

  private mutating func checkHistograms() {
    for (family, type) in types where type == "histogram" {
      var series: [[String: String]: [(bound: Double, count: Double)]] = [:]
      for sample in samples where sample.name == family + "_bucket" {
        guard let text = sample.labels["le"] else {
          faults.append("bucket without le: \(sample)")
          continue
        }
        let bound = text == "+Inf" ? .infinity : Double(text) ?? .nan
        series[sample.labels.filter { $0.key != "le" }, default: []].append((bound, sample.value))
      }
      for (labels, buckets) in series {
        let bounds = buckets.map(\.bound)
        let counts = buckets.map(\.count)
        if bounds != bounds.sorted() || Set(bounds).count != bounds.count {
          faults.append("bounds do not rise: \(family) \(labels)")
        }
        if counts != counts.sorted() { faults.append("not cumulative: \(family) \(labels)") }
        if bounds.last != .infinity { faults.append("no +Inf: \(family) \(labels)") }
        if value(family + "_count", labels) != counts.last {
          faults.append("count is not +Inf: \(family) \(labels)")
        }
        if value(family + "_sum", labels) == nil { faults.append("no sum: \(family) \(labels)") }
      }
    }
  }
}
