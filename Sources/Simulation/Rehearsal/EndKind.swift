// Why this file exists: how requests end is counted for every second and every flow; a small number
// for each way keeps that an addition.

import Configuration
package import HTTPSemantics

/// How a request ended: well, with one of the gateway's reasons, or as only its client saw it.
package struct EndKind: Equatable, Sendable {
  package let index: Int

  private init(_ index: Int) { self.index = index }

  package static let success = EndKind(0)
  package static func reason(_ reason: Reason) -> EndKind { EndKind(Int(reason.rawValue)) }
  package static let cut = EndKind(own(ScenarioReasons.cut))
  package static let noAnswer = EndKind(own(ScenarioReasons.noAnswer))
  package static let notConnected = EndKind(own(ScenarioReasons.notConnected))
  package static let backendError = EndKind(own(ScenarioReasons.backendError))

  private static func own(_ word: String) -> Int {
    Reason.allCases.count + (ScenarioReasons.own.firstIndex(of: word) ?? 0)
  }

  package static let words: [String] =
    ["success"] + Reason.allCases.dropFirst().map { "\($0.word)" } + ScenarioReasons.own
  package static var count: Int { words.count }

  package static func named(_ word: String) -> EndKind? {
    words.firstIndex(of: word).map { EndKind($0) }
  }
}
