// Why this file exists: the list of what the admin listener shows.

import HTTPSemantics
import Telemetry

/// The endpoints: a request in, an answer out.
enum AdminEndpoints {
  private enum Endpoint {
    case live, ready, status, metrics, explain
  }

  private static func endpoint(_ path: String) -> Endpoint? {
    switch path {
    case "/livez": .live
    case "/readyz": .ready
    case "/status": .status
    case "/metrics": .metrics
    case "/explain": .explain
    default: nil
    }
  }

  /// Answers a request that the access rules have let pass.
  static func answer(_ request: AdminRequest, _ source: AdminSource) -> AdminAnswer {
    if request.path.hasPrefix(BackendOrder.prefix) { return obey(request, source) }
    guard let endpoint = endpoint(request.path) else {
      return .problem(
        404,
        "no such endpoint; there are /livez, /readyz, /status, /metrics, /explain and POST "
          + BackendOrder.form)
    }
    switch request.method {
    case .get, .head: break
    case .post, .put, .delete, .connect, .options, .trace, .patch, .other:
      var answer = AdminAnswer.problem(405, "\(request.path) can only be read")
      answer.fields.append(("Allow", "GET, HEAD"))
      return answer
    }
    switch endpoint {
    case .live: return state(200, "alive", nil, [])
    case .ready:
      // A backend that is down is no reason to take the gateway out: it answers for the others,
      // and in words for that one.
      switch source.readiness() {
      case .ready: return state(200, "ready", nil, source.services())
      case .notReady(let reason): return state(503, "not ready", reason, source.services())
      }
    case .status:
      return AdminAnswer(status: 200, contentType: "application/json", body: source.status())
    case .metrics:
      return AdminAnswer(status: 200, contentType: Exposition.contentType, body: source.metrics())
    case .explain: return explain(AdminQuery(request.query), source)
    }
  }

  /// `/explain?method=GET&url=…&header=Name: value&client_ip=…`; header may be repeated.
  private static func explain(_ query: AdminQuery, _ source: AdminSource) -> AdminAnswer {
    let known = ["method", "url", "header", "client_ip"]
    if let other = query.parameters.first(where: { !known.contains($0.name) }) {
      let names = known.joined(separator: ", ")
      return .problem(400, "no parameter '\(other.name)'; there are \(names)")
    }
    guard query.values("url").count == 1, query.values("method").count <= 1,
      query.values("client_ip").count <= 1
    else { return .problem(400, "ask with one url, and at most one method and client_ip") }
    let question = AdminQuestion(
      method: query.values("method").first ?? "GET", url: query.values("url")[0],
      fields: query.values("header"), client: query.values("client_ip").first ?? "")
    switch source.explain(question) {
    case .explained(let body):
      return AdminAnswer(status: 200, contentType: "application/json", body: body)
    case .unclear(let why): return .problem(400, why)
    }
  }

  /// An order about a backend.
  private static func obey(_ request: AdminRequest, _ source: AdminSource) -> AdminAnswer {
    guard let order = BackendOrder(path: request.path) else {
      return .problem(404, "an order about a backend is POST \(BackendOrder.form)")
    }
    switch request.method {
    case .post:
      return order.answer(source.setDraining(order.service, order.address, order.isDraining))
    case .get, .head, .put, .delete, .connect, .options, .trace, .patch, .other:
      var answer = AdminAnswer.problem(405, "an order is a POST; /status shows the backends")
      answer.fields.append(("Allow", "POST"))
      return answer
    }
  }

  private static func state(
    _ status: UInt16, _ word: String, _ reason: String?, _ services: [AdminService]
  ) -> AdminAnswer {
    var json = JSONWriter()
    json.beginObject()
    json.member("status", word)
    if let reason { json.member("reason", reason) }
    if !services.isEmpty {
      json.key("services")
      json.beginArray()
      for service in services { write(service, to: &json) }
      json.endArray()
    }
    json.endObject()
    return AdminAnswer(status: status, contentType: "application/json", body: json.finished)
  }

  private static func write(_ service: AdminService, to json: inout JSONWriter) {
    json.beginObject()
    json.member("name", service.name)
    json.member("backends", service.backends)
    json.member("usable", service.backends - service.unusable.count)
    if !service.unusable.isEmpty {
      json.key("unusable")
      json.beginArray()
      for backend in service.unusable {
        json.beginObject()
        json.member("address", backend.address)
        json.member("state", backend.state)
        json.member("reason", backend.reason)
        json.endObject()
      }
      json.endArray()
    }
    json.endObject()
  }
}
