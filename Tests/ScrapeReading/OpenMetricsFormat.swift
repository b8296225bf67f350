// Why this file exists: OpenMetrics 1.0 is stricter than what Prometheus takes in its name; this
// reads it by the document, so that other scrapers can read us too.

/// OpenMetrics 1.0 text, by the grammar (section "ABNF") and the rules for metric types of the
/// specification.
package enum OpenMetricsFormat {
  package static func read(_ bytes: [UInt8]) -> Scrape {
    var reader = OpenMetricsReader()
    reader.read(bytes)
    return reader.assembly.scrape
  }
}

private struct OpenMetricsReader {
  var assembly = ScrapeAssembly()
  private var firstSample = 0
  /// The labels of the metric that lines belong to now, and those whose lines have ended.
  private var metric: [String: String]?
  private var finishedMetrics: Set<[String: String]> = []
  /// The family that has samples of this name.
  private var owners: [String: String] = [:]

  /// What samples of each type are called behind the family's name.
  private static let suffixes: [String: [String]] = [
    "counter": ["_total", "_created"], "gauge": [""],
    "histogram": ["_bucket", "_sum", "_count", "_created"],
    "gaugehistogram": ["_bucket", "_gsum", "_gcount"],
    "summary": ["", "_sum", "_count", "_created"],
    "info": ["_info"], "stateset": [""], "unknown": [""],
  ]

  mutating func read(_ bytes: [UInt8]) {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      return assembly.fault("no UTF-8")
    }
    // A carriage return and a line feed are one character, but two of the text.
    var lines = text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
    if lines.last?.isEmpty == true { lines.removeLast() }
    guard let last = lines.popLast(), String(last) == "# EOF" else {
      return assembly.fault("no EOF at the end")
    }
    for line in lines {
      let text = Substring(line)
      if line.first == "#" { describe(text) } else { sample(text) }
    }
    endFamily()
  }

  // MARK: Descriptions

  private mutating func describe(_ text: Substring) {
    var line = ScrapeLine(text)
    guard line.take("# "), let key = line.name(colons: false), line.take(" "),
      let name = line.name(colons: true), line.take(" ")
    else { return assembly.fault("no description: \(text)") }
    if name != assembly.family { endFamily() }
    switch key {
    case "HELP":
      guard let help = line.help(quotes: true) else {
        return assembly.fault("badly escaped: \(text)")
      }
      assembly.describe(name, \.help, help)
    case "TYPE":
      let type = String(line.rest)
      if OpenMetricsReader.suffixes[type] == nil { assembly.fault("no such type: \(text)") }
      assembly.describe(name, \.type, type)
    case "UNIT":
      let unit = String(line.rest)
      if !unit.isEmpty {
        if line.name(colons: true) == nil || !line.isAtEnd { assembly.fault("no unit: \(text)") }
        if !name.hasSuffix("_" + unit) { assembly.fault("a name without its unit: \(text)") }
      }
      assembly.describe(name, \.unit, unit)
    default: assembly.fault("no such description: \(text)")
    }
  }

  // MARK: Samples

  private mutating func sample(_ text: Substring) {
    var line = ScrapeLine(text)
    guard let name = line.name(colons: true), let labels = line.labels(trailingComma: false),
      line.take(" "), let value = line.number()
    else { return assembly.fault("no sample: \(text)") }
    var sample = ScrapedSample(name: name, labels: labels, value: value)
    if !line.isAtEnd, !line.rest.starts(with: " # ".unicodeScalars) {
      guard line.take(" "), let time = OpenMetricsReader.time(&line) else {
        return assembly.fault("no timestamp: \(text)")
      }
      sample.time = time
    }
    if !line.isAtEnd {
      guard let exemplar = OpenMetricsReader.exemplar(&line) else {
        return assembly.fault("no exemplar: \(text)")
      }
      sample.exemplar = exemplar
    }
    assign(sample)
    check(sample, text)
    assembly.take(sample)
  }

  private static func time(_ line: inout ScrapeLine) -> Double? {
    let text = Substring(line.rest.prefix { $0 != " " })
    return line.take(String(text)) ? ScrapeLine.realNumber(text) : nil
  }

  private static func exemplar(_ line: inout ScrapeLine) -> ScrapedExemplar? {
    guard line.take(" # "), line.rest.first == "{", let labels = line.labels(trailingComma: false),
      line.take(" "), let value = line.number()
    else { return nil }
    var exemplar = ScrapedExemplar(labels: labels, value: value)
    if !line.isAtEnd {
      guard line.take(" "), let time = time(&line), line.isAtEnd else { return nil }
      exemplar.time = time
    }
    return exemplar
  }

  /// Finds the family of a sample; one without a description is of type unknown.
  private mutating func assign(_ sample: ScrapedSample) {
    let family = assembly.family ?? ""
    let suffixes = OpenMetricsReader.suffixes[type(of: family)] ?? []
    if assembly.family == nil || !suffixes.contains(where: { family + $0 == sample.name }) {
      endFamily()
      assembly.enter(sample.name)
      if !(assembly.scrape.families[sample.name] == nil) {
        assembly.fault("\(sample.name) below \(family)")
      }
      assembly.scrape.families[sample.name] = ScrapedFamily()
    }
    let owner = assembly.family ?? ""
    if owners.updateValue(owner, forKey: sample.name) ?? owner != owner {
      assembly.fault("\(sample.name) is of two families")
    }
    let labels = sample.labels.filter { $0.key != pointLabel(of: owner) }
    if labels == metric { return }
    if let metric { finishedMetrics.insert(metric) }
    if finishedMetrics.contains(labels) { assembly.fault("interleaved: \(owner) \(labels)") }
    metric = labels
  }

  private func type(of family: String) -> String {
    assembly.scrape.families[family]?.type ?? "unknown"
  }

  /// The label that tells the points of one metric apart.
  private func pointLabel(of family: String) -> String? {
    switch type(of: family) {
    case "histogram", "gaugehistogram": "le"
    case "summary": "quantile"
    case "stateset": family
    default: nil
    }
  }

  private mutating func check(_ sample: ScrapedSample, _ text: Substring) {
    let family = assembly.family ?? ""
    let type = type(of: family)
    let isBucket = sample.name == family + "_bucket"
    switch type {
    case "counter", "histogram":
      if !(sample.value >= 0) { assembly.fault("below zero: \(text)") }
    case "info":
      if sample.value != 1 { assembly.fault("an info that is not 1: \(text)") }
    case "stateset":
      if sample.value != 0 && sample.value != 1 || sample.labels[family] == nil {
        assembly.fault("no state: \(text)")
      }
    default: break
    }
    if isBucket, type == "histogram" || type == "gaugehistogram" {
      checkBound(sample.labels["le"], text)
    } else if type == "histogram", sample.labels["le"] != nil {
      assembly.fault("a bound outside a bucket: \(text)")
    }
    guard let exemplar = sample.exemplar else { return }
    if !(isBucket && type.hasSuffix("histogram")
      || type == "counter" && sample.name == family + "_total")
    {
      assembly.fault("an exemplar at the wrong place: \(text)")
    }
    let length = exemplar.labels.reduce(0) {
      $0 + $1.key.unicodeScalars.count + $1.value.unicodeScalars.count
    }
    if length > 128 { assembly.fault("an exemplar too long: \(text)") }
  }

  /// Bounds are labels: two texts for one number would be two series, so there is one text.
  private mutating func checkBound(_ text: String?, _ line: Substring) {
    guard let text, let bound = ScrapeLine.number(text[...]) else { return }
    let canonical = bound == .infinity ? "+Inf" : "\(bound)"
    if text != canonical { assembly.fault("\(text) is written \(canonical): \(line)") }
  }

  // MARK: Families

  private mutating func endFamily() {
    defer {
      firstSample = assembly.scrape.samples.count
      metric = nil
      finishedMetrics = []
    }
    guard let family = assembly.family else { return }
    let type = type(of: family)
    let unit = assembly.scrape.families[family]?.unit ?? ""
    if !unit.isEmpty, type == "info" || type == "stateset" {
      assembly.fault("a unit of \(type): \(family)")
    }
    let samples = assembly.scrape.samples[firstSample...]
    if type == "histogram" { assembly.checkHistogram(family, from: firstSample) }
    if type == "counter" {
      let metrics = Set(samples.map(\.labels))
      let totals = Set(samples.filter { $0.name == family + "_total" }.map(\.labels))
      if metrics != totals { assembly.fault("a counter without a total: \(family)") }
    }
  }
}
