// Why this file exists: the list of what the admin listener shows.

import HTTPSemantics
import Telemetry

/// The endpoints: a request in, an answer out.
enum AdminEndpoints {
  private enum Endpoint {
    case page, live, ready, status, history, metrics, explain, configuration, configurationErrors
  }

  private static func endpoint(_ path: String) -> Endpoint? {
    switch path {
    case "/": .page
    case "/livez": .live
    case "/readyz": .ready
    case "/status": .status
    case "/history": .history
    case "/metrics": .metrics
    case "/explain": .explain
    case "/config": .configuration
    case "/config/errors": .configurationErrors
    default: nil
    }
  }

  /// Answers a request that the access rules have let pass: before this returns, or later.
  static func answer(
    _ request: AdminRequest, _ source: AdminSource, _ completion: @escaping (AdminAnswer) -> Void
  ) {
    guard request.path == "/reload" else { return completion(answer(request, source)) }
    switch request.method {
    case .post:
      let format = request.format
      source.reload(format) { completion(answer($0, format)) }
    case .get, .head, .put, .delete, .connect, .options, .trace, .patch, .other:
      completion(orderOnly("a reload is a POST; /config shows the configuration in use"))
    }
  }

  private static func answer(_ verdict: AdminReloadVerdict, _ format: AdminFormat) -> AdminAnswer {
    switch verdict {
    case .applied(let body):
      AdminAnswer(status: 200, contentType: format.contentType, body: body)
    case .refused(let body):
      AdminAnswer(status: 422, contentType: format.contentType, body: body)
    case .unavailable(let why): .problem(503, why)
    }
  }

  private static func answer(_ request: AdminRequest, _ source: AdminSource) -> AdminAnswer {
    if request.path.hasPrefix(BackendOrder.prefix) { return obey(request, source) }
    guard let endpoint = endpoint(request.path) else {
      return .problem(
        404,
        "no such endpoint; there are / for people, /livez, /readyz, /status, /history, /metrics, "
          + "/explain, /config, /config/errors, POST /reload and POST " + BackendOrder.form)
    }
    switch request.method {
    case .get, .head: break
    case .post, .put, .delete, .connect, .options, .trace, .patch, .other:
      var answer = AdminAnswer.problem(405, "\(request.path) can only be read")
      answer.fields.append(("Allow", "GET, HEAD"))
      return answer
    }
    switch endpoint {
    case .page: return DashboardPage.shared.answer(knownTags: request.knownTags)
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
    case .history:
      return AdminAnswer(status: 200, contentType: "application/json", body: source.history())
    case .metrics:
      let format = ExpositionFormat.negotiated(request.accepts)
      return AdminAnswer(
        status: 200, contentType: format.contentType, parts: source.metrics(format))
    case .explain: return explain(AdminQuery(request.query), source)
    case .configuration:
      return AdminAnswer(
        status: 200, contentType: "application/json", body: source.configuration())
    case .configurationErrors:
      return AdminAnswer(
        status: 200, contentType: request.format.contentType,
        body: source.configurationErrors(request.format))
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
      return orderOnly("an order is a POST; /status shows the backends")
    }
  }

  private static func orderOnly(_ detail: String) -> AdminAnswer {
    var answer = AdminAnswer.problem(405, detail)
    answer.fields.append(("Allow", "POST"))
    return answer
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
