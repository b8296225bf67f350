// Why this file exists: what the gateway says about itself in the Prometheus text form, read
// strictly enough that a line that Prometheus would refuse is noticed.

struct Metrics {
  struct Sample {
    let name: String
    let labels: [String: String]
    let value: Double
  }

  private(set) var samples: [Sample] = []
  /// The type that each metric declares.
  private(set) var types: [String: String] = [:]
  /// Lines that are not Prometheus text.
  private(set) var malformed: [String] = []

  init(_ text: String) {
    for line in text.split(separator: "\n") {
      if line.hasPrefix("# TYPE ") {
        let words = line.split(separator: " ")
        if words.count == 4 { types[String(words[2])] = String(words[3]) }
      } else if !line.hasPrefix("#") {
        if let sample = Self.sample(line) {
          samples.append(sample)
        } else {
          malformed.append(String(line))
        }
      }
    }
  }

  private static func sample(_ line: Substring) -> Sample? {
    guard let space = line.lastIndex(of: " "), let value = number(line[line.index(after: space)...])
    else { return nil }
    let series = line[..<space]
    guard let open = series.firstIndex(of: "{") else {
      return Sample(name: String(series), labels: [:], value: value)
    }
    guard series.hasSuffix("}") else { return nil }
    var labels: [String: String] = [:]
    var rest = series[series.index(after: open)...].dropLast()
    while !rest.isEmpty {
      guard let equals = rest.firstIndex(of: "=") else { return nil }
      let name = String(rest[..<equals])
      rest = rest[rest.index(after: equals)...]
      guard rest.first == "\"" else { return nil }
      rest = rest.dropFirst()
      guard let quote = rest.firstIndex(of: "\"") else { return nil }
      labels[name] = String(rest[..<quote])
      rest = rest[rest.index(after: quote)...]
      if rest.first == "," { rest = rest.dropFirst() } else if !rest.isEmpty { return nil }
    }
    return Sample(name: String(series[..<open]), labels: labels, value: value)
  }

  private static func number(_ text: Substring) -> Double? {
    switch text {
    case "+Inf": return .infinity
    case "-Inf": return -.infinity
    case "NaN": return .nan
    default: return Double(text)
    }
  }

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
