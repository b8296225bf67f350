// Why this file exists: the keys of a service are half of all keys, so their rows have a file of
// their own; SchemaTable.swift says what rows are for.
import Primitives

extension Schema {
  private static let longestPeriod = Duration.seconds(24 * 3_600)
  private static let anyShare = SchemaKind.share(.percent(0)...(.percent(100)))
  /// Of a rate that trips: at 0 % everything would.
  private static let tripShare = SchemaKind.share(.percent(1)...(.percent(100)))
  private static let count = SchemaKind.integer(1...1_000_000)
  /// A window counts 80,000 results for certain; one that waits for more might wait for ever.
  private static let minimum = SchemaKind.integer(1...50_000)
  /// Looked at in tenths.
  private static let window = SchemaKind.duration(.milliseconds(100)...(.seconds(3_600)))

  // MARK: - The pool

  static let serviceRows: [SchemaRow] = [
    SchemaRow("services", .named(0...10_000, .plain), .required, "Pools of backends, by name."),
    SchemaRow("services.*", .mapping, .children, "One pool."),
    SchemaRow(
      "services.*.balancer", .mapping, .children, shortForm: "policy",
      "Which backend takes the next request; the short form is its policy alone."),
    SchemaRow(
      "services.*.balancer.policy", .word, .byDefault("round_robin"),
      words: [
        SchemaWord("round_robin", "each in turn, all workers together; weights are ignored"),
        SchemaWord("weighted_round_robin", "in turn, by weight, evenly mixed"),
        SchemaWord("least_connections", "the one with the fewest requests for its weight"),
        SchemaWord("power_of_two", "of two at random, the one with fewer requests"),
        SchemaWord("peak_ewma", "of two at random, the one that is expected to answer sooner"),
        SchemaWord("consistent_hash", "by `key`, on a ring of virtual nodes"),
        SchemaWord("maglev", "by `key`, in a table: more even, and it moves a few keys more"),
      ],
      "How it is chosen among those that are healthy."),
    SchemaRow(
      "services.*.balancer.key", .requestKey, .byDefault("client_ip"),
      words: [
        SchemaWord("client_ip", "the client's address, trusted proxies considered"),
        SchemaWord("path", "the path without its query"),
      ],
      """
      For `consistent_hash` and `maglev`: what requests have in common that go to one backend. A \
      request without it goes to any.
      """),
    SchemaRow(
      "services.*.balancer.max_load", .share(.percent(100)...(.percent(1_000))),
      .byDefault("none"), words: [SchemaWord("none", "no bound: a key stays where it is")],
      example: "125%",
      """
      For `consistent_hash` and `maglev`: a backend gets at most this part of its share of the \
      requests in flight; what is above goes to others.
      """),
    SchemaRow(
      "services.*.backends", .list(0...10_000), .required,
      "May be empty; then every request is answered 503 `no_backend`."),
    SchemaRow(
      "services.*.backends[]", .mapping, .children, shortForm: "address",
      "One backend; the short form is its address alone."),
    SchemaRow(
      "services.*.backends[].address", .address(.connect), .required, example: "127.0.0.1:9001",
      """
      `host:port`, `[v6]:port` (in quotes) or `unix:/path.sock`. A host name is resolved every \
      `resolve_every`, and each of its addresses is a backend.
      """),
    SchemaRow(
      "services.*.backends[].weight", .integer(1...1_000), .byDefault("1"), example: "3",
      "Its part of the requests, compared with the others. To send it none, drain it."),
    SchemaRow(
      "services.*.backends[].drain", .boolean, .byDefault("false"),
      "`true`: no new requests; what is in flight finishes."),
    SchemaRow(
      "services.*.resolve_every", .duration(.milliseconds(100)...longestPeriod),
      .byDefault("10s"),
      "How often host names are resolved again. While that fails the last answer holds."),
    SchemaRow(
      "services.*.host", .authority, .byDefault("preserve"),
      words: [
        SchemaWord("preserve", "the client's"), SchemaWord("backend", "the backend's address"),
      ],
      "The Host field that backends are sent; anything else is sent as it stands."),
  ]

  static let poolRows: [SchemaRow] = [
    SchemaRow(
      "services.*.connections", .mapping, .children, "Connections to each backend, and the queue."),
    SchemaRow(
      "services.*.connections.max", .integer(1...1_000_000), .byDefault("none"),
      words: [SchemaWord("none", "no bound")],
      """
      Open connections per backend, all workers together. An idle one is closed by its worker as \
      soon as another worker needs the place.
      """),
    SchemaRow(
      "services.*.connections.idle", .integer(0...10_000), .byDefault("64"),
      """
      Idle connections kept per backend and worker. One above that is closed when it has not been \
      needed for a second.
      """),
    SchemaRow(
      "services.*.connections.idle_timeout", wait, .byDefault("50s"),
      "An idle connection is closed after this; keep it below the backend's own keep-alive time."),
    SchemaRow(
      "services.*.connections.queue", .integer(0...1_000_000), .byDefault("1024"),
      "Requests that wait for a connection, per service, all workers together: 503 `queue_full`."),
    SchemaRow(
      "services.*.connections.queue_timeout", wait, .byDefault("1s"),
      "The longest wait: 503 `queue_timeout`."),
  ]

  static let backendTimeRows: [SchemaRow] = [
    SchemaRow("services.*.timeouts", .mapping, .children, "How long backends may take."),
    SchemaRow(
      "services.*.timeouts.connect", wait, .byDefault("1s"), "To make a connection: 504."),
    SchemaRow(
      "services.*.timeouts.response", wait, .byDefault("30s"),
      "From the request being sent to the response head: 504."),
    SchemaRow(
      "services.*.timeouts.idle", wait, .byDefault("60s"),
      "Between two reads or writes of a body: 504 before the head, an abort after it."),
    SchemaRow(
      "services.*.timeouts.request", wait, .byDefault("none"),
      words: [SchemaWord("none", "no bound")], example: "60s",
      "The whole exchange, queue and retries included: 504 before the head, an abort after it."),
  ]

  static let retryRows: [SchemaRow] = [
    SchemaRow("services.*.retries", .mapping, .children, "Sending a request again."),
    SchemaRow(
      "services.*.retries.attempts", .integer(0...7), .byDefault("2"),
      "Extra attempts; 0 = none. Other backends are tried first."),
    SchemaRow(
      "services.*.retries.when", .list(0...7), .listByDefault(["connect", "reused_reset", "reset"]),
      """
      What is tried again. All but `connect` only for idempotent methods, or with an \
      Idempotency-Key, and while the body sent so far is kept.
      """),
    SchemaRow(
      "services.*.retries.when[]", .word, .required,
      words: [
        SchemaWord("connect", "no connection could be made: nothing was sent"),
        SchemaWord("reused_reset", "a connection that had been idle broke before the response"),
        SchemaWord("reset", "a connection broke before the response"),
        SchemaWord("timeout", "`timeouts.response` passed"),
        SchemaWord("502", "the backend answered so"), SchemaWord("503", "the backend answered so"),
        SchemaWord("504", "the backend answered so"),
      ],
      "One condition."),
    SchemaRow(
      "services.*.retries.budget", .share(.percent(0)...(.percent(100))), .byDefault("20%"),
      "Retries allowed, of the requests of the last 10 s."),
    SchemaRow(
      "services.*.retries.budget_floor", .rate(0...1_000_000), .byDefault("10/s"),
      "Retries allowed on top of that, whatever the traffic."),
  ]

  // MARK: - Health

  static let healthRows: [SchemaRow] = [
    SchemaRow("services.*.health", .mapping, .children, "Which backends get requests."),
    SchemaRow(
      "services.*.health.active", .mapping, .byDefault("none"),
      words: [SchemaWord("none", "backends are not asked")],
      "Asks every backend how it is, with a GET of its own."),
    SchemaRow(
      "services.*.health.active.path", .requestTarget, .required, example: "/healthz",
      "The path that is asked for, with a query if need be."),
    SchemaRow(
      "services.*.health.active.interval", .duration(.milliseconds(10)...longestPeriod),
      .byDefault("5s"),
      "Between two questions to one backend; shorter for a while after an answer that differs."),
    SchemaRow(
      "services.*.health.active.timeout", wait, .byDefault("1s"),
      "For the connection and the response head together."),
    SchemaRow(
      "services.*.health.active.healthy_after", .integer(1...100), .byDefault("2"),
      "Good answers in a row that bring a backend up."),
    SchemaRow(
      "services.*.health.active.unhealthy_after", .integer(1...100), .byDefault("3"),
      "Bad or missing answers in a row that take it down."),
    SchemaRow(
      "services.*.health.active.status", .list(1...32), .listByDefault(["200-399"]),
      "Good answers."),
    SchemaRow(
      "services.*.health.active.status[]", .status(200...599), .required, example: "204",
      "A status or a range."),
    SchemaRow(
      "services.*.health.active.host", .authority, .byDefault("none"),
      words: [SchemaWord("none", "the backend's address")], example: "health.internal",
      "The Host field that is sent."),
    SchemaRow(
      "services.*.health.panic_threshold", anyShare, .byDefault("0%"),
      """
      When a smaller part of the backends than this is usable, health is ignored and all get \
      requests; circuit breakers are not ignored. At 0 % they are answered 503 instead.
      """),
    SchemaRow(
      "services.*.health.initial", .word, .byDefault("up"),
      words: [
        SchemaWord("up", "it gets requests"),
        SchemaWord("down", "it gets none before `active` has found it healthy"),
      ],
      "A backend that has not been asked yet."),
    SchemaRow(
      "services.*.health.failure_statuses", .list(0...100),
      .listByDefault(["500", "502", "503", "504"]),
      """
      What counts as a failure, for `health.passive` and for the circuit breaker, beside broken \
      connections and timeouts.
      """),
    SchemaRow(
      "services.*.health.failure_statuses[]", .status(500...599), .required, example: "500",
      "A status or a range. Those below 500 tell about clients."),
  ]

  static let passiveRows: [SchemaRow] = [
    SchemaRow(
      "services.*.health.passive", .mapping, .children,
      words: [SchemaWord("none", "responses do not change a backend's health")],
      """
      Ejects a backend for a time when its responses to real requests fail; never the last one \
      that is usable.
      """),
    SchemaRow(
      "services.*.health.passive.consecutive_failures", count, .byDefault("5"),
      words: [SchemaWord("none", "not looked at")], "So many failures in a row eject."),
    SchemaRow(
      "services.*.health.passive.failure_rate", tripShare, .byDefault("50%"),
      words: [SchemaWord("none", "not looked at")],
      "So many of the requests in `window` failing, or more, eject."),
    SchemaRow(
      "services.*.health.passive.min_requests", minimum, .byDefault("20"),
      "In the window, before its rate is looked at."),
    SchemaRow(
      "services.*.health.passive.window", window, .byDefault("10s"),
      "What the rate is taken over; it moves on in tenths."),
    SchemaRow(
      "services.*.health.passive.ejection", wait, .byDefault("30s"), atMost: "max_ejection",
      "How long, times the number of ejections in a row."),
    SchemaRow(
      "services.*.health.passive.max_ejection", wait, .byDefault("300s"), atLeast: "ejection",
      "The longest ejection."),
    SchemaRow(
      "services.*.health.passive.max_ejected", anyShare, .byDefault("50%"),
      """
      Of the pool, ejected at the same time; rounded down, but at least one of two or more. \
      0 % = never.
      """),
  ]

  static let breakerRows: [SchemaRow] = [
    SchemaRow(
      "services.*.circuit_breaker", .mapping, .byDefault("none"),
      words: [SchemaWord("none", "there is none")],
      """
      One for each backend. When it opens the backend gets no requests for a time, then a few on \
      trial. Other than `health.passive` it also takes the last one out.
      """),
    SchemaRow(
      "services.*.circuit_breaker.mode", .word, .byDefault("enforce"),
      words: [
        SchemaWord("off", "it does nothing"),
        SchemaWord("shadow", "it opens and closes, is logged and counted, and refuses nothing"),
        SchemaWord("enforce", "open, it refuses"),
      ],
      "Whether it acts."),
    SchemaRow(
      "services.*.circuit_breaker.consecutive_failures", count, .byDefault("5"),
      words: [SchemaWord("none", "not looked at")], "So many failures in a row open it."),
    SchemaRow(
      "services.*.circuit_breaker.failure_rate", tripShare, .byDefault("50%"),
      words: [SchemaWord("none", "not looked at")],
      "So many of the requests in `window` failing, or more, open it."),
    SchemaRow(
      "services.*.circuit_breaker.slow_call", wait, .byDefault("none"),
      words: [SchemaWord("none", "no request is slow")], example: "2s",
      "A request that takes this long is slow, whatever its outcome."),
    SchemaRow(
      "services.*.circuit_breaker.slow_call_rate", tripShare, .byDefault("100%"),
      "So many of the requests in `window` being slow, or more, open it."),
    SchemaRow(
      "services.*.circuit_breaker.min_requests", minimum, .byDefault("20"),
      "In the window, before its rates are looked at."),
    SchemaRow(
      "services.*.circuit_breaker.window", window, .byDefault("10s"),
      "What the rates are taken over; it moves on in tenths."),
    SchemaRow(
      "services.*.circuit_breaker.open", wait, .byDefault("10s"), atMost: "max_open",
      "How long it stays open; half as long again for every time in a row."),
    SchemaRow(
      "services.*.circuit_breaker.max_open", wait, .byDefault("120s"), atLeast: "open",
      "The longest time that it stays open."),
    SchemaRow(
      "services.*.circuit_breaker.half_open_requests", .integer(1...1_000), .byDefault("1"),
      "Requests on trial after that: all of them good close it, a bad one opens it again."),
    SchemaRow(
      "services.*.warm_up", wait, .byDefault("none"),
      words: [SchemaWord("none", "its whole share at once")], example: "30s",
      """
      A backend that has recovered or is new gets from 10 % to 100 % of its share over this time.
      """),
  ]
}
