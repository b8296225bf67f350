// Why this file exists: in which state each backend is belongs into the metrics as much as what it
// was sent; the words of states and causes are those of the rooms that decide, handed in as texts.

/// What is known of one backend's health and of its circuit breaker.
package struct BackendCondition: Equatable, Sendable {
  /// A label and what was counted under it.
  package struct Count: Equatable, Sendable {
    package var label: String
    package var count: UInt64

    package init(_ label: String, _ count: UInt64) {
      self.label = label
      self.count = count
    }
  }

  package struct Circuit: Equatable, Sendable {
    /// 0 closed, 1 open, 2 half-open.
    package var state: UInt64
    /// How often it went into each state.
    package var transitions: [Count]

    package init(state: UInt64, transitions: [Count]) {
      self.state = state
      self.transitions = transitions
    }
  }

  /// Neither down nor ejected.
  package var isHealthy: Bool
  /// Every state that there is, with 1 for the one that it is in.
  package var states: [Count]
  package var ejections: [Count]
  /// Nil when there is none.
  package var circuit: Circuit?

  package init(isHealthy: Bool, states: [Count], ejections: [Count], circuit: Circuit?) {
    self.isHealthy = isHealthy
    self.states = states
    self.ejections = ejections
    self.circuit = circuit
  }
}

extension MetricsReport {
  var conditions: [MetricsScrape.Section] {
    let panics = panics
    return [
      conditions(.backendHealthy) { $0.sample($1, $2, value: $3.isHealthy ? 1 as UInt64 : 0) },
      conditions(.backendState) { out, service, name, condition in
        for state in condition.states {
          out.sample(service, name, state.label, value: state.count)
        }
      },
      conditions(.ejections) { out, service, name, condition in
        for cause in condition.ejections {
          out.sample(service, name, cause.label, value: cause.count)
        }
      },
      conditions(.circuitState) { out, service, name, condition in
        if let circuit = condition.circuit { out.sample(service, name, value: circuit.state) }
      },
      conditions(.circuitTransitions) { out, service, name, condition in
        for state in condition.circuit?.transitions ?? [] {
          out.sample(service, name, state.label, value: state.count)
        }
      },
      Section(family: .panics, count: panics.count) {
        $0.sample(panics[$1].service, value: panics[$1].count)
      },
    ]
  }

  /// One item for each backend that has a condition: one that is known from the past only has none.
  private func conditions(
    _ family: MetricFamily,
    _ write: @escaping (inout Exposition, String, String, BackendCondition) -> Void
  ) -> Section {
    backends(family) { out, service, name, _, gauges in
      if let condition = gauges.condition { write(&out, service, name, condition) }
    }
  }
}
