// Why this file exists: which curves tell the story of a run: what came, what failed, how long it
// took, and who had to do it.

import Primitives

enum RunPlots {
  /// Of one plot: more colours nobody can tell apart.
  private static let curvesMost = 8
  private static let marksMost = 40

  static func all(_ records: RunRecords) -> [Plot] {
    let ends = records.ends
    let kinds = (1..<ends.count).filter { ends[$0] > 0 }.sorted {
      (ends[$1], $0) < (ends[$0], $1)
    }
    var plots = [rate(records)]
    if !kinds.isEmpty { plots.append(failures(records, kinds)) }
    plots += [latency(records), shares(records)]
    let marks = marks(records)
    for index in plots.indices { plots[index].marks = marks }
    return plots
  }

  /// What the scenario does, with its times.
  private static func marks(_ records: RunRecords) -> [Plot.Mark] {
    var marks: [Plot.Mark] = []
    for entry in records.timeline where entry.side == .scenario && entry.at > .zero {
      let seconds = Double(entry.at.nanoseconds) / 1e9
      if let last = marks.indices.last, marks[last].seconds == seconds {
        marks[last].text += "; \(entry.text)"
      } else if marks.count < marksMost {
        marks.append(Plot.Mark(seconds: seconds, text: entry.text))
      }
    }
    return marks
  }

  private static func plot(
    _ records: RunRecords, _ title: String, _ unit: String, _ curves: [Plot.Curve],
    _ scale: Plot.Scale = .linear
  ) -> Plot {
    Plot(
      title: title, unit: unit, curves: curves, scale: scale,
      seconds: Double(records.length.nanoseconds) / 1e9)
  }

  /// A curve of counts a second.
  private static func curve(
    _ records: RunRecords, _ name: String, _ place: Int, _ count: (SliceRecord) -> Int
  ) -> Plot.Curve {
    let width = Double(records.width.nanoseconds) / 1e9
    return Plot.Curve(
      name: name, values: records.slices.map { Double(count($0)) / width }, style: "c\(place)")
  }

  private static func rate(_ records: RunRecords) -> Plot {
    plot(
      records, "Requests and attempts a second", "/s",
      [
        curve(records, "requests, by when they were sent", 0) { $0.sent },
        curve(records, "attempts at backends", 1) { $0.attempted },
        curve(records, "of the requests, with success", 2) { $0.ended.ends[0] },
      ])
  }

  private static func failures(_ records: RunRecords, _ kinds: [Int]) -> Plot {
    plot(
      records, "Failures a second, by reason", "/s",
      kinds.prefix(curvesMost).enumerated().map { place, kind in
        curve(records, EndKind.words[kind], place) { $0.ended.ends[kind] }
      })
  }

  private static func latency(_ records: RunRecords) -> Plot {
    plot(
      records, "Time to a whole answer", "ms",
      [("p50", 500, 2), ("p90", 900, 0), ("p99", 990, 1)].map { name, thousandths, place in
        Plot.Curve(
          name: name,
          values: records.slices.map {
            $0.ended.latency.quantile(thousandths).map { Double($0.nanoseconds) / 1e6 }
          },
          style: "c\(place)")
      }, .logarithmic)
  }

  private static func shares(_ records: RunRecords) -> Plot {
    let busiest = records.backends.indices.sorted {
      (records.backends[$1].attempts, $0) < (records.backends[$0].attempts, $1)
    }
    let title =
      records.backends.count > curvesMost
      ? "Share of all attempts, of the \(curvesMost) busiest of \(records.backends.count) backends"
      : "Share of all attempts, by backend"
    return plot(
      records, title, "%",
      busiest.prefix(curvesMost).sorted().enumerated().map { place, backend in
        Plot.Curve(
          name: records.backends[backend].name,
          values: records.slices.map { slice in
            slice.attempted == 0
              ? nil : Double(slice.attempts[backend]) * 100 / Double(slice.attempted)
          },
          style: "c\(place)")
      })
  }
}

extension SliceRecord {
  fileprivate var attempted: Int { attempts.reduce(0) { $0 + Int($1) } }
}
