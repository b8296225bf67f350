// Why this file exists: a plot is a few lines of SVG inside the page; it needs no script, no font
// and nobody else's server.

import Glibc
import Primitives

/// Curves over the time of a run.
struct Plot {
  struct Curve {
    var name: String
    /// One for each slice; nil = nothing to show.
    var values: [Double?]
    /// The class of the style sheet.
    var style: String
  }

  /// A vertical line at something that happened.
  struct Mark {
    var seconds: Double
    var text: String
  }

  enum Scale {
    case linear
    /// In powers of ten.
    case logarithmic
  }

  var title: String
  var unit: String
  var curves: [Curve]
  var scale = Scale.linear
  /// Of the whole axis of time, in seconds.
  var seconds: Double
  var marks: [Mark] = []

  static let width = 860.0
  static let height = 220.0
  static let left = 64.0
  static let bottom = 28.0
  static let top = 12.0

  private static var plotWidth: Double { width - left - 8 }
  private var plotHeight: Double { Plot.height - Plot.top - Plot.bottom }

  var svg: String {
    let all = curves.flatMap { $0.values.compactMap { $0 } }.filter { $0 > 0 }
    let top = Plot.niceEnd(all.max() ?? 1, scale)
    let least = scale == .linear ? 0 : Plot.powerBelow(min(all.min() ?? 1, top))
    var text =
      "<figure><figcaption>\(HTMLText.escaped(title))</figcaption>"
      + "<svg viewBox=\"0 0 \(Int(Plot.width)) \(Int(Plot.height))\" role=\"img\" aria-label=\""
      + "\(HTMLText.escaped(title))\">"
    for mark in levels(least, top) {
      let y = place(mark, least, top)
      text += "<line class=\"grid\" x1=\"\(Int(Plot.left))\" x2=\"\(Int(Plot.width - 8))\" "
      text += "y1=\"\(Plot.number(y))\" y2=\"\(Plot.number(y))\"/>"
      text += "<text class=\"axis\" text-anchor=\"end\" x=\"\(Int(Plot.left - 6))\" "
      text += "y=\"\(Plot.number(y + 4))\">\(Plot.label(mark)) \(HTMLText.escaped(unit))</text>"
    }
    text += Plot.timeAxis(seconds, height: Plot.height)
    for mark in marks {
      let x = Plot.number(Plot.place(mark.seconds, of: seconds))
      text += "<line class=\"mark\" x1=\"\(x)\" x2=\"\(x)\" y1=\"\(Int(Plot.top))\" "
      text += "y2=\"\(Int(Plot.height - Plot.bottom))\"><title>\(Plot.label(mark.seconds)) s: "
      text += HTMLText.escaped(mark.text) + "</title></line>"
    }
    for curve in curves {
      text += "<path class=\"curve \(curve.style)\" d=\"\(path(curve.values, least, top))\">"
      text += "<title>\(HTMLText.escaped(curve.name))</title></path>"
    }
    return text + "</svg>" + legend + "</figure>\n"
  }

  private var legend: String {
    let entries = curves.map {
      "<span><i class=\"\($0.style)\"></i>\(HTMLText.escaped($0.name))</span>"
    }
    return "<p class=\"legend\">" + entries.joined() + "</p>"
  }

  private func path(_ values: [Double?], _ least: Double, _ top: Double) -> String {
    var text = ""
    var isDrawing = false
    for (index, value) in values.enumerated() {
      guard let value, scale == .linear || value > 0 else {
        isDrawing = false
        continue
      }
      let part = (Double(index) + 0.5) / Double(values.count)
      let x = Plot.place(part, of: 1)
      text += "\(isDrawing ? "L" : "M")\(Plot.number(x)) \(Plot.number(place(value, least, top)))"
      // A point alone is seen too.
      if !isDrawing { text += "h0.1" }
      isDrawing = true
    }
    return text
  }

  /// Of a time, from the left.
  static func place(_ seconds: Double, of all: Double) -> Double {
    left + plotWidth * seconds / max(all, 1e-9)
  }

  private func place(_ value: Double, _ least: Double, _ top: Double) -> Double {
    let part =
      scale == .linear
      ? value / top
      : (Plot.logarithm(value) - Plot.logarithm(least))
        / max(1e-9, Plot.logarithm(top) - Plot.logarithm(least))
    return Plot.top + plotHeight * (1 - min(max(part, 0), 1))
  }

  private func levels(_ least: Double, _ top: Double) -> [Double] {
    if scale == .linear { return (0...4).map { top * Double($0) / 4 } }
    var marks = [least]
    while let last = marks.last, last < top { marks.append(last * 10) }
    return marks
  }

  /// Seconds below a drawing of this height.
  static func timeAxis(_ seconds: Double, height: Double) -> String {
    var text = ""
    for step in 0...6 {
      let time = seconds * Double(step) / 6
      let anchor = step == 6 ? "end" : "middle"
      text += "<text class=\"axis\" text-anchor=\"\(anchor)\" "
      text += "x=\"\(number(place(time, of: seconds)))\" "
      text += "y=\"\(Int(height - 8))\">\(label(time)) s</text>"
    }
    return text
  }

  // MARK: Numbers

  /// The next of 1, 2, 2.5, 5 and 10 times a power of ten.
  private static func niceEnd(_ value: Double, _ scale: Scale) -> Double {
    var power = powerBelow(value)
    if scale == .logarithmic { return power < value ? power * 10 : power }
    for factor in [1, 2, 2.5, 5] where power * factor >= value { return power * factor }
    power *= 10
    return power
  }

  private static func powerBelow(_ value: Double) -> Double {
    var power = 1.0
    while power > value { power /= 10 }
    while power * 10 <= value { power *= 10 }
    return power
  }

  private static func logarithm(_ value: Double) -> Double { log10(value) }
  static func number(_ value: Double) -> String { Figures.decimal(value, 1) }

  private static func label(_ value: Double) -> String {
    let text = Figures.decimal(value, value < 10 ? 2 : value < 100 ? 1 : 0)
    guard text.contains(".") else { return text }
    var short = text
    while short.hasSuffix("0") { short.removeLast() }
    return short.hasSuffix(".") ? String(short.dropLast()) : short
  }
}

enum HTMLText {
  /// Text that may stand in an element or an attribute: names are the user's.
  static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
