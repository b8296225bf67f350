// Why this file exists: version 0.0.4 of Prometheus's text format, read as narrowly as we write
// it: every family with help and type, in one piece, without comments and empty lines.

package enum TextFormat {
  package static func read(_ bytes: [UInt8]) -> Scrape {
    var reader = TextFormatReader()
    reader.read(bytes)
    return reader.assembly.scrape
  }
}

private struct TextFormatReader {
  var assembly = ScrapeAssembly()
  private var firstSample = 0

  mutating func read(_ bytes: [UInt8]) {
    guard let text = String(validating: bytes, as: UTF8.self), text.hasSuffix("\n") else {
      return assembly.fault("no UTF-8 text ending in a line feed")
    }
    for line in text.dropLast().split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix("#") { describe(line) } else { sample(line) }
    }
    endFamily()
  }

  private mutating func describe(_ text: Substring) {
    var line = ScrapeLine(text)
    if line.take("# HELP "), let name = line.name(colons: true), line.take(" "),
      let help = line.help(quotes: false)
    {
      if name != assembly.family { endFamily() }
      return assembly.describe(name, \.help, help)
    }
    line = ScrapeLine(text)
    guard line.take("# TYPE "), let name = line.name(colons: true), line.take(" "),
      let type = ["counter", "gauge", "histogram", "summary", "untyped"].first(where: {
        text.hasSuffix(" " + $0)
      }), line.take(type), line.isAtEnd
    else { return assembly.fault("neither HELP nor TYPE: \(text)") }
    if name != assembly.family { endFamily() }
    assembly.describe(name, \.type, type)
  }

  private mutating func sample(_ text: Substring) {
    var line = ScrapeLine(text)
    guard let name = line.name(colons: true), let labels = line.labels(trailingComma: true),
      line.take(" "), let value = line.number(), line.isAtEnd
    else { return assembly.fault("no sample: \(text)") }
    let family = assembly.family ?? ""
    let type = assembly.scrape.families[family]?.type
    if type == nil { assembly.fault("a sample before its type: \(text)") }
    let suffixes = type == "histogram" ? ["_bucket", "_sum", "_count"] : [""]
    if !suffixes.contains(where: { family + $0 == name }) {
      assembly.fault("\(name) below \(family)")
    }
    if type == "counter", !(value >= 0) { assembly.fault("a counter below zero: \(text)") }
    assembly.take(ScrapedSample(name: name, labels: labels, value: value))
  }

  private mutating func endFamily() {
    defer { firstSample = assembly.scrape.samples.count }
    guard let family = assembly.family else { return }
    let entry = assembly.scrape.families[family] ?? ScrapedFamily()
    if entry.help == nil || entry.type == nil { assembly.fault("half described: \(family)") }
    if entry.type == "histogram" { assembly.checkHistogram(family, from: firstSample) }
  }
}
