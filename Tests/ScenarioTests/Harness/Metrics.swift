// Why this file exists: what the gateway says about itself, as a test asks it: sums over the labels
// that it does not care about.

import ScrapeReading

struct Metrics {
  struct Sample {
    let name: String
    let labels: [String: String]
    let value: Double
  }

  let scrape: Scrape
  let samples: [Sample]

  /// - Parameter text: of version 0.0.4.
  init(_ text: String) { self.init(TextFormat.read(Array(text.utf8))) }
  init(_ scrape: Scrape) {
    self.scrape = scrape
    samples = scrape.samples.map { Sample(name: $0.name, labels: $0.labels, value: $0.value) }
  }

  /// What a scraper would refuse.
  var faults: [String] { scrape.faults }

  /// The type that a metric declares.
  func type(_ name: String) -> String? { scrape.families[name]?.type }

  /// The sum over all series of the name that have these labels; nil when there is none.
  func value(_ name: String, _ labels: [String: String] = [:]) -> Double? {
    let matching = samples.filter { sample in
      sample.name == name && labels.allSatisfy { sample.labels[$0.key] == $0.value }
    }
    return matching.isEmpty ? nil : matching.reduce(0) { $0 + $1.value }
  }

  func labels(_ name: String) -> [[String: String]] {
    samples.filter { $0.name == name }.map(\.labels)
  }
}
