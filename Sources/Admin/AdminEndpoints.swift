// Why this file exists: the list of what the admin listener shows.

import HTTPSemantics
import Telemetry

/// The endpoints: a request in, an answer out.
enum AdminEndpoints {
  private enum Endpoint {
    case live, ready, status, metrics
  }

  private static func endpoint(_ path: String) -> Endpoint? {
    switch path {
    case "/livez": .live
    case "/readyz": .ready
    case "/status": .status
    case "/metrics": .metrics
    default: nil
    }
  }

  /// Answers a request that the access rules have let pass.
  static func answer(_ request: AdminRequest, _ source: AdminSource) -> AdminAnswer {
    guard let endpoint = endpoint(request.path) else {
      return .problem(404, "no such endpoint; there are /livez, /readyz, /status and /metrics")
    }
    switch request.method {
    case .get, .head: break
    case .post, .put, .delete, .connect, .options, .trace, .patch, .other:
      var answer = AdminAnswer.problem(405, "\(request.path) can only be read")
      answer.fields.append(("Allow", "GET, HEAD"))
      return answer
    }
    switch endpoint {
    case .live: return state(200, "alive", nil)
    case .ready:
      switch source.readiness() {
      case .ready: return state(200, "ready", nil)
      case .notReady(let reason): return state(503, "not ready", reason)
      }
    case .status:
      return AdminAnswer(status: 200, contentType: "application/json", body: source.status())
    case .metrics:
      return AdminAnswer(status: 200, contentType: Exposition.contentType, body: source.metrics())
    }
  }

  private static func state(_ status: UInt16, _ word: String, _ reason: String?) -> AdminAnswer {
    var json = JSONWriter()
    json.beginObject()
    json.member("status", word)
    if let reason { json.member("reason", reason) }
    json.endObject()
    return AdminAnswer(status: status, contentType: "application/json", body: json.finished)
  }
}
