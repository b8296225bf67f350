// Why this file exists: the one list of what the gateway measures; the exposition and the reference
// are both made from it, so that no metric is documented and missing, or there and unexplained.

/// What a metric's number means.
package enum MetricKind: String, Sendable {
  case counter, gauge, histogram
}

/// Every metric, in the order of the exposition. Names are a public contract.
package enum MetricFamily: CaseIterable, Sendable {
  case requests, requestDuration, overhead, upstreamDuration, requestBytes, responseBytes
  case clientConnections, activeConnections, poolConnections, poolOpened, poolReused
  case healthChecks
  case backendHealthy, backendState, ejections, circuitState, circuitTransitions, panics
  case rateLimited, rateLimitKeys, rateLimitEvictions
  case retries, localResponses, fieldsDropped
  case lastReloadSuccessful, lastReloadTimestamp, reloads, configurationInfo
  case eventLoopLag, shedding, accessLogDropped, seriesOverflow, buildInfo
  case spansExported, spansDropped
  case processCPU, processMemory, processVirtualMemory, processDescriptors
  case processMaximumDescriptors, processStart

  /// A family's entry in the table.
  package struct Entry: Sendable {
    package let name: String
    package let kind: MetricKind
    package let labels: [String]
    package let help: String
  }

  package var entry: Entry {
    switch self {
    case .requests, .requestDuration, .overhead, .upstreamDuration, .requestBytes, .responseBytes:
      requestEntry
    case .clientConnections, .activeConnections, .poolConnections, .poolOpened, .poolReused:
      connectionEntry
    case .healthChecks: healthCheckEntry
    case .backendHealthy, .backendState, .ejections, .circuitState, .circuitTransitions, .panics:
      conditionEntry
    case .rateLimited, .rateLimitKeys, .rateLimitEvictions: limitEntry
    case .retries, .localResponses, .fieldsDropped: decisionEntry
    case .lastReloadSuccessful, .lastReloadTimestamp, .reloads, .configurationInfo:
      configurationEntry
    case .eventLoopLag, .shedding, .accessLogDropped, .seriesOverflow, .buildInfo: healthEntry
    case .spansExported, .spansDropped: spanEntry
    case .processCPU, .processMemory, .processVirtualMemory, .processDescriptors,
      .processMaximumDescriptors, .processStart:
      processEntry
    }
  }

  private func make(
    _ name: String, _ kind: MetricKind, _ labels: [String] = [], _ help: String
  ) -> Entry { Entry(name: name, kind: kind, labels: labels, help: help) }

  private var requestEntry: Entry {
    switch self {
    case .requests:
      make(
        "gateway_requests_total", .counter, ["route", "service", "method", "status"],
        "Requests answered, by the status sent to the client; 499 when the client went away.")
    case .requestDuration:
      make(
        "gateway_request_duration_seconds", .histogram, ["route", "service"],
        "Time from the first byte of a request's head to the last byte of its answer.")
    case .overhead:
      make(
        "gateway_overhead_seconds", .histogram, ["route"],
        "Time that a request spent in the gateway itself, not waiting for the client, a backend or "
          + "a free connection.")
    case .upstreamDuration:
      make(
        "gateway_upstream_duration_seconds", .histogram, ["service"],
        "Time from a request's being handed to a backend to the end of the backend's answer.")
    case .requestBytes:
      make(
        "gateway_request_bytes_total", .counter, ["route"],
        "Bytes of requests read from clients, heads and bodies.")
    default:
      make(
        "gateway_response_bytes_total", .counter, ["route"],
        "Bytes of answers written to clients, heads and bodies.")
    }
  }

  private var connectionEntry: Entry {
    switch self {
    case .clientConnections:
      make("gateway_client_connections", .gauge, "Client connections open now.")
    case .activeConnections:
      make(
        "gateway_active_connections", .gauge, ["service", "backend"],
        "Requests in flight at a backend now.")
    case .poolConnections:
      make(
        "gateway_pool_connections", .gauge, ["service", "backend", "state"],
        "Connections to a backend open now: idle in the pool, or active.")
    case .poolOpened:
      make(
        "gateway_pool_opened_total", .counter, ["service", "backend"],
        "Connections opened to a backend.")
    default:
      make(
        "gateway_pool_reused_total", .counter, ["service", "backend"],
        "Requests that went over a connection already open.")
    }
  }

  private var healthCheckEntry: Entry {
    make(
      "gateway_health_checks_total", .counter, ["service", "backend", "result"],
      "Health checks of a backend, by result: pass, fail, or skipped when the gateway had no "
        + "descriptor for it.")
  }

  private var conditionEntry: Entry {
    switch self {
    case .backendHealthy:
      make(
        "gateway_backend_healthy", .gauge, ["service", "backend"],
        "1 when a backend is neither down nor ejected, else 0.")
    case .backendState:
      make(
        "gateway_backend_state", .gauge, ["service", "backend", "state"],
        "1 for the state a backend is in, 0 for the others: up, warming, ejected, down, draining.")
    case .ejections:
      make(
        "gateway_ejections_total", .counter, ["service", "backend", "reason"],
        "How often a backend was ejected because of what it did to requests.")
    case .circuitState:
      make(
        "gateway_circuit_state", .gauge, ["service", "backend"],
        "A backend's circuit breaker: 0 closed, 1 open, 2 half-open. Absent without one.")
    case .circuitTransitions:
      make(
        "gateway_circuit_transitions_total", .counter, ["service", "backend", "to"],
        "How often a backend's circuit breaker changed its state, by the new one.")
    default:
      make(
        "gateway_panics_total", .counter, ["service"],
        "How often too few of a service's backends were usable, so that health was ignored.")
    }
  }

  private var limitEntry: Entry {
    switch self {
    case .rateLimited:
      make(
        "gateway_rate_limited_total", .counter, ["limit", "route", "mode"],
        "Requests above a rate limit: refused (enforce), or let pass all the same (shadow).")
    case .rateLimitKeys:
      make(
        "gateway_rate_limit_keys", .gauge, ["limit"],
        "Keys of a rate limit that are counted now; those that are as good as new are forgotten, "
          + "131,072 places a scrape.")
    default:
      make(
        "gateway_rate_limit_evictions_total", .counter, ["limit"],
        "Keys of a rate limit that lost their count because another one needed the place: above 0, "
          + "max_keys is too small.")
    }
  }

  private var decisionEntry: Entry {
    switch self {
    case .retries:
      make(
        "gateway_retries_total", .counter, ["service", "reason"],
        "Requests tried once more, by what ended the try before, in the words of retries.when.")
    case .localResponses:
      make(
        "gateway_local_responses_total", .counter, ["reason"],
        "Answers that the gateway made itself, and requests cut, by reason word.")
    default:
      make(
        "gateway_fields_dropped_total", .counter, ["reason"],
        "Request header fields not passed on: underscore, for a name that some backends cannot "
          + "tell from the one with a dash.")
    }
  }

  private var configurationEntry: Entry {
    switch self {
    case .lastReloadSuccessful:
      make(
        "gateway_config_last_reload_successful", .gauge,
        "1 when the configuration read last is in use, 0 when it was refused.")
    case .lastReloadTimestamp:
      make(
        "gateway_config_last_reload_timestamp_seconds", .gauge,
        "When the configuration in use was put to use, in seconds since 1970.")
    case .reloads:
      make(
        "gateway_config_reloads_total", .counter, ["result"],
        "Configurations read, by result: success or failure.")
    default:
      make(
        "gateway_config_info", .gauge, ["hash", "generation"],
        "Always 1; the labels name the configuration in use.")
    }
  }

  private var healthEntry: Entry {
    switch self {
    case .eventLoopLag:
      make(
        "gateway_event_loop_lag_seconds", .gauge, ["worker"],
        "How late a worker's event loop comes to what it has planned, over the last quarter of a "
          + "second: what every request waits on top.")
    case .shedding:
      make(
        "gateway_shedding", .gauge, ["worker"],
        "What a worker answers with 503 overloaded because of limits.loop_lag or limits.memory: 0 "
          + "nothing, 1 new connections, 2 requests too.")
    case .accessLogDropped:
      make(
        "gateway_access_log_dropped_total", .counter,
        "Access log lines dropped because their output was too slow or refused them.")
    case .seriesOverflow:
      make(
        "gateway_metrics_series_overflow_total", .counter,
        "Requests counted under the labels \"other\" because the table of series was full.")
    default:
      make("gateway_build_info", .gauge, ["version"], "Always 1; the label names the version.")
    }
  }

  private var spanEntry: Entry {
    switch self {
    case .spansExported:
      make(
        "gateway_trace_spans_exported_total", .counter, "Spans that the collector has taken.")
    default:
      make(
        "gateway_trace_spans_dropped_total", .counter, ["reason"],
        "Spans that no collector will see: queue_full, for want of room in a worker's queue; "
          + "refused, because the collector does not take them; undelivered, because it could not "
          + "be reached for too long.")
    }
  }

  private var processEntry: Entry {
    switch self {
    case .processCPU:
      make(
        "process_cpu_seconds_total", .counter, "Processor time used, user and system, in seconds.")
    case .processMemory:
      make("process_resident_memory_bytes", .gauge, "Resident memory, in bytes.")
    case .processVirtualMemory:
      make("process_virtual_memory_bytes", .gauge, "Virtual memory, in bytes.")
    case .processDescriptors: make("process_open_fds", .gauge, "Open file descriptors.")
    case .processMaximumDescriptors:
      make("process_max_fds", .gauge, "The most file descriptors that may be open.")
    default:
      make(
        "process_start_time_seconds", .gauge,
        "When the process began, in seconds since 1970.")
    }
  }
}

extension MetricFamily {
  private func make(_ name: String, _ kind: MetricKind, _ help: String) -> Entry {
    make(name, kind, [], help)
  }
}
