// Why this file exists: reason words are a public contract; a changed one breaks somebody's alert.
import HTTPSemantics
import Testing

@Suite struct ReasonTests {
  @Test func `words and statuses are those of the contract`() {
    let contract: [(Reason, String, UInt16)] = [
      (.badRequest, "bad_request", 400), (.methodNotAllowed, "method_not_allowed", 405),
      (.noRoute, "no_route", 404), (.headTimeout, "head_timeout", 408),
      (.bodyTimeout, "body_timeout", 408), (.bodyTooLarge, "body_too_large", 413),
      (.targetTooLong, "target_too_long", 414), (.rateLimited, "rate_limited", 429),
      (.headTooLarge, "head_too_large", 431),
      (.connectRefused, "connect_refused", 502), (.connectFailed, "connect_failed", 502),
      (.upstreamReset, "upstream_reset", 502), (.upstreamProtocol, "upstream_protocol", 502),
      (.noBackend, "no_backend", 503), (.allUnhealthy, "all_unhealthy", 503),
      (.circuitOpen, "circuit_open", 503),
      (.queueFull, "queue_full", 503), (.queueTimeout, "queue_timeout", 503),
      (.overloaded, "overloaded", 503), (.draining, "draining", 503),
      (.connectTimeout, "connect_timeout", 504), (.upstreamTimeout, "upstream_timeout", 504),
      (.requestTimeout, "request_timeout", 504), (.clientAbort, "client_abort", 499),
    ]
    for (reason, word, status) in contract {
      #expect("\(reason.word)" == word)
      #expect(reason.status() == status)
    }
    #expect(Set(contract.map(\.0)).union([.none]) == Set(Reason.allCases))
  }

  @Test func `details have their words, two of them a status of their own`() {
    let words = BadRequestDetail.allCases.map { "\($0.word)" }
    #expect(words == ["", "framing", "host", "target", "field", "version", "method"])
    #expect(Reason.badRequest.status(.framing) == 400)
    #expect(Reason.badRequest.status(.version) == 505)
    #expect(Reason.badRequest.status(.method) == 501)
    #expect(Reason.noRoute.status(.version) == 404)
  }

  @Test func `a repeat is suggested only for what passes by itself`() {
    for reason in Reason.allCases where reason.retryAfterHelps {
      #expect(reason.status() == 503 || reason == .rateLimited)
    }
    #expect(Reason.rateLimited.retryAfterHelps)
    #expect(Reason.overloaded.retryAfterHelps)
    #expect(Reason.noBackend.retryAfterHelps)
  }

  @Test func `the reference has a row for every word`() {
    let page = ReasonReference.markdown()
    for reason in Reason.allCases where reason != .none {
      #expect(page.contains("| `\(reason.word)` | "))
      #expect(reason.cause.utf8CodeUnitCount > 0 && reason.remedy.utf8CodeUnitCount > 0)
    }
    for detail in BadRequestDetail.allCases where detail != .none {
      #expect(page.contains("| `\(detail.word)` | \(detail.status) | \(detail.cause) |"))
    }
    #expect(page.contains("| `client_abort` | 499, logged only |"))
  }

  @Test func `every status that we send has its phrase`() {
    for reason in Reason.allCases where reason != .clientAbort {
      for detail in BadRequestDetail.allCases {
        #expect(StatusPhrase.of(reason.status(detail)).utf8CodeUnitCount > 0)
      }
    }
    #expect("\(StatusPhrase.of(431))" == "Request Header Fields Too Large")
    #expect("\(StatusPhrase.of(101))" == "Switching Protocols")
    #expect("\(StatusPhrase.of(599))" == "")
    #expect("\(StatusPhrase.of(42))" == "")
  }
}
