// Why this file exists: docs/scenarios.md, the reference of scenario files, is made from the same
// rows as their decoding, so that neither can say anything else than the other.

/// The reference of scenario files, for people.
package enum ScenarioReference {
  /// What docs/scenarios.md holds; Markdown.
  package static func markdown() -> String {
    introduction + ConfigurationReference.tables(of: .scenario) + expectations
  }

  private static let introduction = """
    # Scenario files

    <!-- Made from Sources/Configuration/Scenario/ScenarioSchema.swift; do not edit. -->

    What `gateway simulate` plays. [simulating.md](simulating.md) says how to write one and what it
    shows; [config/examples/scenarios](../config/examples/scenarios) holds ten, and editors can use
    [config/scenario.schema.json](../config/scenario.schema.json), which `gateway schema --scenario`
    prints. Values are written [as in the configuration](configuration.md#values); all times count
    from the beginning of the scenario.

    """

  private static let expectations = """

    ## Expectations

    A figure, a comparison (`<=` `>=` `<` `>`) and a bound, with spaces between them. A name with a
    space in it stands in quotes.

    | figure | bound | is |
    |---|---|---|
    | `success` | `99.9%` | whole answers with a status below 500 and no reason word, of all \
    requests |
    | `p50` `p90` `p95` `p99` `p999` `max` | `300ms` | time from sending a request to its whole \
    answer, failures aside |
    | `reason WORD` | `1%`, `5 requests` | requests that ended so: \
    [a reason word](reasons.md), or one of those below |
    | `limit NAME` | `1%`, `5 requests` | requests that this rate limit refused or, in shadow, \
    would have refused |
    | `status CODE` | `1%`, `5 requests` | answers with it: `503`, `5xx`, `500-504` |
    | `requests` | `1000` | requests sent, repeats included |
    | `attempts` | `120%` | attempts at backends, of the requests: 120% are 20 more for each \
    hundred |
    | `backend SERVICE/ADDRESS` | `40%`, `5 requests` | attempts at one backend, connections that \
    it did not accept included; a share is of all attempts |

    `flow NAME` or `route NAME` in front, or both, count the requests of one flow or one route
    alone. A route is called as in logs and metrics: what has no `name` is `*/api/*`. A request
    belongs to the one that the gateway chose; one that never came so far, to none. `while down`
    behind a `backend` counts what came while the scenario has it down (`connect: refuse` or
    `ignore`).

    | reason besides | |
    |---|---|
    | `backend_error` | a backend answered with a status from 500 on |
    | `cut` | the answer broke off |
    | `no_answer` | the connection ended before an answer |
    | `not_connected` | no connection could be made |

        expect:
          - success >= 99.9%
          - route checkout p99 <= 300ms
          - {that: success >= 99%, from: 30s, until: 60s}
          - backend users/10.0.0.2:9000 <= 5 requests while down
          - reason queue_full <= 1%
          - flow visitors limit per-client <= 0 requests
          - flow script limit per-client >= 90%

    """
}
