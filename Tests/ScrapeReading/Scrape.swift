// Why this file exists: a scrape is judged by reading it as strictly as its definition allows; both
// forms come out as one thing, so that a test can ask either.

/// The request that a bucket names.
package struct ScrapedExemplar: Equatable {
  package var labels: [String: String]
  package var value: Double
  package var time: Double?

  package init(labels: [String: String], value: Double, time: Double? = nil) {
    self.labels = labels
    self.value = value
    self.time = time
  }
}

/// One line of a scrape.
package struct ScrapedSample: Equatable {
  package var name: String
  package var labels: [String: String]
  package var value: Double
  package var time: Double?
  package var exemplar: ScrapedExemplar?
}

/// What a scrape says of a family before its samples.
package struct ScrapedFamily: Equatable {
  package var type: String?
  package var help: String?
  package var unit: String?

  package init(type: String? = nil, help: String? = nil, unit: String? = nil) {
    self.type = type
    self.help = help
    self.unit = unit
  }
}

/// A scrape that was read; `faults` says what a scraper would refuse or misread.
package struct Scrape {
  package internal(set) var samples: [ScrapedSample] = []
  /// By the family's name, which in OpenMetrics is a counter's without `_total`.
  package internal(set) var families: [String: ScrapedFamily] = [:]
  package internal(set) var faults: [String] = []

  /// The value of the one series with exactly these labels.
  package func value(_ name: String, _ labels: [String: String] = [:]) -> Double? {
    samples.first { $0.name == name && $0.labels == labels }?.value
  }
}

/// What both forms have in common: families in one piece, no series twice.
struct ScrapeAssembly {
  var scrape = Scrape()
  /// The family that lines belong to now.
  private(set) var family: String?
  private var finished: Set<String> = []
  private var seen: Set<String> = []
  /// Samples of the family that have come.
  private(set) var hasSamples = false

  mutating func fault(_ text: String) { scrape.faults.append(text) }

  /// A line that describes a family. What it says must be new and come before the samples.
  mutating func describe(
    _ name: String, _ key: WritableKeyPath<ScrapedFamily, String?>, _ value: String
  ) {
    if name != family { enter(name) }
    if hasSamples { fault("a description behind samples: \(name)") }
    var entry = scrape.families[name] ?? ScrapedFamily()
    if entry[keyPath: key] != nil { fault("described twice: \(name)") }
    entry[keyPath: key] = value
    scrape.families[name] = entry
  }

  mutating func enter(_ name: String) {
    if let family { finished.insert(family) }
    if finished.contains(name) { fault("a family in two places: \(name)") }
    family = name
    hasSamples = false
  }

  mutating func take(_ sample: ScrapedSample) {
    hasSamples = true
    let labels = sample.labels.sorted { $0.key < $1.key }
    let series = sample.name + labels.map { "\u{1}\($0.key)\u{2}\($0.value)" }.joined()
    if !seen.insert(series).inserted { fault("a series twice: \(sample.name) \(sample.labels)") }
    scrape.samples.append(sample)
  }

  // MARK: Histograms

  /// What the samples of a histogram must be to each other. They are those from `first` on.
  mutating func checkHistogram(_ family: String, from first: Int) {
    var order: [[String: String]] = []
    var series: [[String: String]: [ScrapedSample]] = [:]
    for sample in scrape.samples[first...] {
      let labels = sample.labels.filter { $0.key != "le" }
      if series[labels] == nil { order.append(labels) }
      series[labels, default: []].append(sample)
    }
    for labels in order { check(family, labels, series[labels] ?? []) }
  }

  private mutating func check(
    _ family: String, _ labels: [String: String], _ samples: [ScrapedSample]
  ) {
    let place = "\(family) \(labels)"
    var bounds: [Double] = []
    var counts: [Double] = []
    for sample in samples where sample.name == family + "_bucket" {
      guard let text = sample.labels["le"], let bound = ScrapeLine.number(text[...]) else {
        fault("a bucket without a bound: \(place)")
        continue
      }
      if let exemplar = sample.exemplar {
        if exemplar.value > bound { fault("an exemplar above its bucket: \(place)") }
        if exemplar.value <= bounds.last ?? -.infinity {
          fault("an exemplar below its bucket: \(place)")
        }
      }
      bounds.append(bound)
      counts.append(sample.value)
    }
    if zip(bounds, bounds.dropFirst()).contains(where: { $0 >= $1 }) {
      fault("bounds do not rise: \(place)")
    }
    if zip(counts, counts.dropFirst()).contains(where: { $0 > $1 }) {
      fault("counts are not cumulative: \(place)")
    }
    if counts.contains(where: { $0 < 0 || $0 != $0.rounded() }) {
      fault("a count that is none: \(place)")
    }
    if bounds.last != .infinity { fault("no bucket for everything: \(place)") }
    func only(_ suffix: String) -> Double? {
      samples.first { $0.name == family + suffix }?.value
    }
    if only("_count") != counts.last { fault("the count is not that of the last bucket: \(place)") }
    guard let sum = only("_sum") else { return fault("a count without a sum: \(place)") }
    if sum < 0 { fault("a negative sum: \(place)") }
  }
}
