// Why this file exists: every key of a scenario file, once, in the same kind of table as those of
// the configuration: decoding, the messages, the JSON Schema and docs/scenarios.md follow from it.
import Primitives

extension Schema {
  /// The keys of a file that `gateway simulate` plays.
  package static let scenario = Schema(scenarioRows + trafficRows + behaviourRows + expectRows)

  private static let longest = Duration.seconds(24 * 3_600)
  private static let time = SchemaKind.duration(.zero...longest)
  private static let before = SchemaPresence.derived("as before")

  private static let scenarioRows: [SchemaRow] = [
    SchemaRow(
      "config", .text(4_096), .required, example: "../resilient.yaml",
      """
      The configuration to play, as `gateway run` would read it; from the scenario file's folder \
      when it does not begin with `/`.
      """),
    SchemaRow(
      "seed", .integer(0...Int64(1) << 53), .byDefault("1"),
      "Everything that is left to chance comes from it: the same seed is the same run."),
    SchemaRow(
      "duration", .duration(.seconds(1)...longest), .required, example: "2m",
      "How long it goes on, on the virtual clock. What is under way then is still answered."),
    SchemaRow(
      "changes", .list(0...100), .listByDefault([]),
      "Other contents of the configuration file on the way: a deploy."),
    SchemaRow("changes[]", .mapping, .children, "One change."),
    SchemaRow("changes[].at", time, .required, example: "30s", "When the file is another one."),
    SchemaRow(
      "changes[].config", .text(4_096), .required, example: "without-b.yaml",
      "The file whose content it then has; found as `config` is."),
  ]

  // MARK: - Clients

  private static let trafficRows: [SchemaRow] = [
    SchemaRow(
      "traffic", .named(1...64, .plain), .required,
      """
      Flows of requests, by name. Requests come at their rate whether or not those before have \
      been answered, as they do in the world.
      """),
    SchemaRow("traffic.*", .mapping, .children, oneOf: ["rate", "stages"], "One flow."),
    SchemaRow(
      "traffic.*.rate", .rate(1...1_000_000), .derived("that of `stages`"), example: "200/s",
      "Requests, repeats aside."),
    SchemaRow(
      "traffic.*.stages", .list(1...1_000), .derived("none"),
      "A rate that changes: evenly from each stage to the next, and stays at that of the last."),
    SchemaRow("traffic.*.stages[]", .mapping, .children, "One stage."),
    SchemaRow("traffic.*.stages[].at", time, .required, example: "60s", "When."),
    SchemaRow(
      "traffic.*.stages[].rate", .rate(0...1_000_000), .required, example: "500/s",
      "The rate at this time."),
    SchemaRow("traffic.*.from", time, .byDefault("0s"), "When the flow begins."),
    SchemaRow("traffic.*.until", time, .derived("to the end"), example: "90s", "When it ends."),
    SchemaRow(
      "traffic.*.arrivals", .word, .byDefault("random"),
      words: [
        SchemaWord("random", "as independent clients come: sometimes several at once (Poisson)"),
        SchemaWord("even", "at equal distances"),
      ],
      "How requests follow each other."),
    SchemaRow(
      "traffic.*.requests", .list(1...256), .required, shortForm: "[]",
      "What is asked for; which of them is drawn by weight."),
    SchemaRow("traffic.*.requests[]", .mapping, .children, shortForm: "path", "One request."),
    SchemaRow(
      "traffic.*.requests[].path", .requestTarget, .required, example: "/api/users/{client}",
      "Path and query; `{client}` becomes the client's number, `{n}` that of the request."),
    SchemaRow("traffic.*.requests[].method", .method, .byDefault("GET"), "In capitals."),
    SchemaRow(
      "traffic.*.requests[].host", .authority, .byDefault("localhost"), "The Host field."),
    SchemaRow(
      "traffic.*.requests[].fields", .named(0...32, .fields), .derived("none"),
      "Header fields besides, by name."),
    SchemaRow(
      "traffic.*.requests[].fields.*", .text(1_024), .required, example: "key-{client}",
      "The value; `{client}` and `{n}` as in `path`."),
    SchemaRow(
      "traffic.*.requests[].body", .size(0...64 << 20), .byDefault("0B"), "The request's body."),
    SchemaRow(
      "traffic.*.requests[].weight", .integer(1...1_000_000), .byDefault("1"),
      "How often, compared with the others."),
    SchemaRow(
      "traffic.*.clients", .integer(1...4_000_000), .byDefault("100"),
      "Different clients, each with an address of its own."),
    SchemaRow(
      "traffic.*.spread", .word, .byDefault("even"),
      words: [
        SchemaWord("even", "every client as often as every other"),
        SchemaWord("zipf", "the n-th about a n-th as often as the first"),
      ],
      "Which client asks."),
    SchemaRow(
      "traffic.*.patience", .duration(.milliseconds(1)...longest), .byDefault("none"),
      words: [SchemaWord("none", "they wait for ever")], example: "2s",
      "A client that has no whole answer by then leaves: `client_abort`."),
    SchemaRow(
      "traffic.*.keep_alive", .duration(.zero...longest), .byDefault("10s"),
      "How long a client keeps a connection on which it asks nothing; `0s`: one for each request."),
    SchemaRow(
      "traffic.*.repeats", .mapping, .derived("none"),
      "What clients do of their own accord about a request that failed."),
    SchemaRow(
      "traffic.*.repeats.attempts", .integer(1...100), .required, example: "3",
      "How often one request is sent again at most."),
    SchemaRow(
      "traffic.*.repeats.wait", time, .byDefault("0s"), "Before it is sent again."),
    SchemaRow(
      "traffic.*.repeats.backoff", .boolean, .byDefault("false"),
      "Each wait twice as long as the one before, and at random between half of that and all."),
  ]

  // MARK: - Backends

  private static let behaviourRows: [SchemaRow] = [
    SchemaRow(
      "backends", .list(0...10_000), .listByDefault([]),
      """
      How backends behave. Entries hold one above the other, each for its backends and its time: \
      what one does not say is as those before it have it. Without any, a backend answers 200 in \
      5ms and bears everything.
      """),
    SchemaRow("backends[]", .mapping, .children, "One behaviour."),
    SchemaRow(
      "backends[].backend", .text(300), .required, example: "users/10.0.0.2:9000",
      "`*`: all; `SERVICE`: all of it; `SERVICE/ADDRESS`: one, as the configuration has it."),
    SchemaRow("backends[].from", time, .byDefault("0s"), "When this begins."),
    SchemaRow("backends[].until", time, .derived("to the end"), example: "60s", "When it ends."),
    SchemaRow(
      "backends[].latency", .mapping, before, shortForm: "median", oneOf: ["median", "from"],
      "From a request's turn to its answer. One duration alone: always as long."),
    SchemaRow(
      "backends[].latency.median", time, .derived("none"), example: "20ms",
      "Half of the answers are faster."),
    SchemaRow(
      "backends[].latency.p99", time, .derived("that of `median`"), example: "200ms",
      "99 % are; with `median`, a log-normal distribution."),
    SchemaRow(
      "backends[].latency.from", time, .derived("none"), example: "10ms",
      "With `to`: evenly between both."),
    SchemaRow("backends[].latency.to", time, .derived("none"), example: "50ms", "See `from`."),
    SchemaRow(
      "backends[].capacity", .integer(1...1_000_000), before,
      words: [SchemaWord("none", "as many as come")], example: "32",
      """
      Requests that it works on at a time; others wait for their turn. What it has begun it \
      finishes, also when nobody waits for it any more.
      """),
    SchemaRow(
      "backends[].failures", .share(.percent(0)...(.percent(100))), before, example: "5%",
      "Answers with `failure_status`."),
    SchemaRow(
      "backends[].failure_status", .status(400...599), before, example: "503",
      "At first 500."),
    SchemaRow(
      "backends[].connect", .word, before,
      words: [
        SchemaWord("accept", "it is there"),
        SchemaWord("refuse", "its process is not: connections are reset, new ones refused"),
        SchemaWord("ignore", "its machine is not: nothing answers at all"),
      ],
      "What becomes of connections. A backend that does not accept is down in expectations."),
    SchemaRow(
      "backends[].resets", .share(.percent(0)...(.percent(100))), before, example: "1%",
      "Requests whose connection is reset instead of an answer."),
    SchemaRow(
      "backends[].hangs", .share(.percent(0)...(.percent(100))), before, example: "1%",
      "Requests that are never answered; each keeps its place until its connection ends."),
    SchemaRow("backends[].body", .size(0...64 << 20), before, "Of an answer; at first 512B."),
    SchemaRow(
      "backends[].body_time", time, before, example: "2s",
      "From the first byte of a body to its last, in eight pieces."),
    SchemaRow(
      "backends[].health", .word, before,
      words: [
        SchemaWord("follow", "as requests, latency and failures too, but without a turn"),
        SchemaWord("up", "200 at once"),
        SchemaWord("down", "503 at once"),
      ],
      "How active health checks are answered while it accepts."),
  ]

  // MARK: - Expectations

  private static let expectRows: [SchemaRow] = [
    SchemaRow(
      "expect", .list(1...1_000), .required,
      "What must hold in the end; each is told with the figure that was measured."),
    SchemaRow("expect[]", .mapping, .children, shortForm: "that", "One expectation."),
    SchemaRow(
      "expect[].that", .text(300), .required, example: "route checkout success >= 99.9%",
      "Of a flow or a route, or of all: a figure, a comparison and a bound; see below."),
    SchemaRow(
      "expect[].from", time, .byDefault("0s"),
      "Only requests that were sent from then on count."),
    SchemaRow(
      "expect[].until", time, .derived("to the end"), example: "90s", "And before then."),
  ]
}
