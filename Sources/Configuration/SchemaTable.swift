// Why this file exists: every key an operator may write, once: what it is, its bounds, its default
// and what it does. Decoding, `gateway check`, the JSON Schema and docs/configuration.md follow
// from these rows; adding a key begins with adding its row. Those of services and routes are next
// door, in SchemaTableServices.swift, SchemaTableLimits.swift and SchemaTableRoutes.swift.
import Primitives

extension Schema {
  /// The keys of a gateway's configuration file.
  package static let gateway = Schema(
    processRows + clientRows + observationRows + serviceRows + poolRows + backendTimeRows
      + retryRows + healthRows + passiveRows + breakerRows + rateLimitRows + routeRows)

  private static let longestWait = Duration.seconds(24 * 3_600)
  static let wait = SchemaKind.duration(.milliseconds(1)...longestWait)

  // MARK: - The process

  private static let processRows: [SchemaRow] = [
    SchemaRow(
      "listeners", .list(1...64), .required,
      "Where clients connect. An address given twice, or covered by another one, is an error."),
    SchemaRow("listeners[]", .mapping, .children, "One listening socket."),
    SchemaRow(
      "listeners[].address", .address(.listen), .required, example: "0.0.0.0:8080",
      "`host:port`, `[v6]:port` (in quotes) or `unix:/path.sock`."),
    SchemaRow(
      "admin", .mapping, .children,
      words: [SchemaWord("none", "there is no admin listener")], needsRestart: true,
      "The listener for metrics, probes and status; apart from the traffic."),
    SchemaRow(
      "admin.address", .address(.admin), .byDefault("127.0.0.1:9901"),
      """
      `host:port`, `[v6]:port` (in quotes) or `unix:/path.sock`. A host may be a name of this \
      machine's: resolved at start, and then one that requests may have as Host.
      """),
    SchemaRow(
      "admin.token", .text(4_096), .byDefault("none"),
      words: [SchemaWord("none", "a POST is taken only from loopback or unix peers")],
      isSecret: true, needsRestart: false, example: "${file:/run/secrets/admin}",
      "When set, every POST needs it as Bearer token."),
    SchemaRow(
      "workers", .integer(1...256), .byDefault("auto"),
      words: [
        SchemaWord("auto", "one per available core, by affinity and cgroup processor quota")
      ],
      needsRestart: true,
      "Event loops, each on its own thread."),
    SchemaRow("http", .mapping, .children, "How strictly requests are read."),
    SchemaRow(
      "http.underscore_fields", .word, .byDefault("drop"),
      words: [
        SchemaWord("drop", "the field is removed and counted"),
        SchemaWord("reject", "the request is answered 400"),
        SchemaWord("keep", "the field is forwarded"),
      ],
      """
      Field names with an underscore: many backends cannot tell them from the same name with a \
      hyphen.
      """),
    SchemaRow(
      "http.encoded_slash", .word, .byDefault("reject"),
      words: [
        SchemaWord("reject", "the request is answered 400"),
        SchemaWord("keep", "it passes undecoded and is never a separator"),
      ],
      "`%2f` and `%5c` in a path."),
  ]

  // MARK: - The client's side

  private static let clientRows: [SchemaRow] = [
    SchemaRow("limits", .mapping, .children, "What clients may use."),
    SchemaRow(
      "limits.connections", .integer(1...1_000_000), .byDefault("65536"),
      """
      Client connections in total; above it 503 `overloaded` and close. Lowered with a warning \
      when the limit for open files is smaller. A reload can raise it to what there was room for \
      at the start: 65536, or more where that was asked for.
      """),
    SchemaRow(
      "limits.head_size", .size(1_024...65_536), .byDefault("32KiB"),
      "Request line and fields: 414 when the target alone is too long, else 431."),
    SchemaRow(
      "limits.head_fields", .integer(1...1_000), .byDefault("100"),
      "Field lines, trailers counted too: 431."),
    SchemaRow(
      "limits.body_size", .size(0...1 << 40), .byDefault("10MiB"),
      words: [SchemaWord("none", "unlimited")],
      "A request body: 413. A route may say otherwise."),
    SchemaRow(
      "limits.min_rate", .byteRate(1...1 << 30), .byDefault("256B/s"),
      words: [SchemaWord("none", "no bound")],
      """
      A client that sends a body, or takes response bytes that are ready, averaged over 20 s: \
      below this it is answered 408, or cut.
      """),
    SchemaRow(
      "limits.loop_lag", .duration(.milliseconds(10)...(.seconds(60))), .byDefault("none"),
      words: [SchemaWord("none", "no bound")], example: "100ms",
      """
      How late a worker's event loop may be, averaged over a quarter of a second. A worker that is \
      later sheds new connections, and requests too when that does not help within a second or \
      when it is a quarter above: 503 `overloaded`.
      """),
    SchemaRow(
      "limits.memory", .size(1 << 20...1 << 44), .byDefault("none"),
      words: [SchemaWord("none", "no bound")], example: "512MiB",
      """
      Resident memory of the process. Above it new connections are shed, and requests too when \
      that does not help within a second or when it is a quarter above: 503 `overloaded`. Leave \
      room below the limit of the container.
      """),
    SchemaRow("timeouts", .mapping, .children, "How long clients may take."),
    SchemaRow(
      "timeouts.head", wait, .byDefault("10s"),
      """
      A request head must be complete this long after its first byte (408), or after the \
      connection was made (closed).
      """),
    SchemaRow(
      "timeouts.body_idle", wait, .byDefault("30s"), "Between two reads of a request body: 408."),
    SchemaRow(
      "timeouts.write_idle", wait, .byDefault("30s"),
      "A client that takes no response bytes for so long is cut."),
    SchemaRow("timeouts.keep_alive", wait, .byDefault("75s"), "Idle between two requests."),
    SchemaRow(
      "timeouts.tunnel_idle", wait, .byDefault("5m"),
      "An upgraded connection on which no byte passes either way."),
    SchemaRow(
      "trusted_proxies", .list(0...10_000), .listByDefault([]),
      "Peers whose X-Forwarded-For is believed; it is walked from the right."),
    SchemaRow(
      "trusted_proxies[]", .cidr, .required, example: "10.0.0.0/8", "A range, or one address."),
  ]

  // MARK: - What it tells, and how it ends

  private static let observationRows: [SchemaRow] = [
    SchemaRow(
      "logging", .mapping, .children,
      "Diagnostics on stderr, and the access log."),
    SchemaRow(
      "logging.level", .word, .byDefault("info"), words: ["debug", "info", "warning", "error"],
      "The least severe diagnostics that are written."),
    SchemaRow("logging.access", .mapping, .children, "One line of JSON per request."),
    SchemaRow(
      "logging.access.output", .filePath, .byDefault("stdout"),
      words: ["stdout", "stderr", SchemaWord("none", "no access log")],
      "Or the absolute path of a file, which is re-opened on SIGUSR1."),
    SchemaRow(
      "logging.access.sample", .share(.percent(0)...(.percent(100))), .byDefault("100%"),
      "Of the successes; errors, rejections and slow requests are always logged."),
    SchemaRow(
      "logging.access.slow", wait, .byDefault("1s"),
      words: [SchemaWord("none", "no request counts as slow")],
      "A request that takes this long is always logged."),
    SchemaRow("tracing", .mapping, .children, "Trace context and request identity."),
    SchemaRow(
      "tracing.trust", .word, .byDefault("always"),
      words: [
        SchemaWord("always", "everybody's"),
        SchemaWord("trusted_proxies", "that of peers in `trusted_proxies`"),
        SchemaWord("never", "nobody's: every request begins a trace"),
      ],
      "Whose `traceparent` and `X-Request-ID` are continued."),
    SchemaRow(
      "tracing.export", .httpURL, .byDefault("none"),
      words: [SchemaWord("none", "no spans are recorded")],
      example: "http://127.0.0.1:4318/v1/traces",
      """
      Where spans are posted to: OTLP over HTTP, as JSON. A host name is resolved, and resolved \
      again every 10 s.
      """),
    SchemaRow(
      "tracing.sample", .share(.percent(0)...(.percent(100))), .byDefault("1%"),
      """
      Of the traces that begin here, while spans are exported; the trace id decides. A caller's \
      decision is followed, and errors are always exported.
      """),
    SchemaRow(
      "shutdown", .mapping, .children,
      "How the process ends after SIGTERM or SIGINT."),
    SchemaRow(
      "shutdown.accept_grace", .duration(.zero ... .seconds(3_600)), .byDefault("0s"),
      "Keep accepting this long after `/readyz` has turned to 503."),
    SchemaRow(
      "shutdown.drain", .duration(.zero ... .seconds(3_600)), .byDefault("8s"),
      """
      Then finish what is in flight; what is left is cut and counted. Docker kills after 10 s \
      unless told otherwise, so keep both together below that, or raise its `stop_grace_period`.
      """),
  ]
}
