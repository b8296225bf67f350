// Why this file exists: the rows of routes; see SchemaTable.swift for what a row is.
import Primitives

extension Schema {
  static let routeRows: [SchemaRow] = matchRows + actionRows + overrideRows + editRows

  private static let matchRows: [SchemaRow] = [
    SchemaRow(
      "routes", .list(0...100_000), .required,
      """
      Which requests go where. Asked first are routes with an exact host, then those with a longer \
      wildcard, then those for any host; among these an exact path, then the longest prefix; among \
      these the ones with more conditions (each field and parameter is one, methods are one \
      together). The order in the file only breaks ties. The first route whose conditions are all \
      met takes the request, so what a host's routes do not take falls to less specific hosts.
      """),
    SchemaRow(
      "routes[]", .mapping, .children, oneOf: ["service", "redirect", "respond"], "One route."),
    SchemaRow(
      "routes[].name", .text(128),
      .derived("the host or `*`, and the path, as in `*/api/*`; repeated ones get `#2`, `#3`"),
      "Unique; the route's name in logs and metrics."),
    SchemaRow("routes[].match", .mapping, .required, "Which requests; all conditions must be met."),
    SchemaRow(
      "routes[].match.host", .hostPattern, .derived("any host, also none"),
      example: "api.example.com",
      """
      Exactly this host, or with `*.` in front one or more labels before it, not the bare domain. \
      Letter case, port and a final dot do not count.
      """),
    SchemaRow(
      "routes[].match.path", .pathPattern, .required, example: "/api/users/*",
      """
      `/x/*` takes `/x`, `/x/` and everything below; without the star exactly this path. In normal \
      form: percent triplets in upper case and only where they are needed, no dot segments.
      """),
    SchemaRow(
      "routes[].match.methods", .list(1...32), .derived("every method"), "Methods."),
    SchemaRow(
      "routes[].match.methods[]", .method, .required, example: "GET",
      "In capitals. GET does not include HEAD."),
    SchemaRow(
      "routes[].match.headers", .named(1...16, .fields), .derived("any"),
      "Header fields; of several lines with the name any may have the value."),
    SchemaRow(
      "routes[].match.headers.*", .matchText(1_024), .required,
      words: [SchemaWord("*", "any value: the field is there")], example: "2",
      "The whole value, exactly."),
    SchemaRow(
      "routes[].match.query", .named(1...16, .parameters), .derived("any"),
      """
      Query parameters; of several with the name any may have the value. Compared as what they \
      mean: percent triplets decoded once, `+` a space.
      """),
    SchemaRow(
      "routes[].match.query.*", .matchText(1_024), .required,
      words: [SchemaWord("*", "any value: the parameter is there")], example: "2",
      "The whole value, exactly; of a parameter without `=` it is empty."),
  ]

  private static let actionRows: [SchemaRow] = [
    SchemaRow(
      "routes[].service", .named(1...16, .reference), .derived("none"),
      """
      The service that the requests go to, or several with the share of each, as in \
      `{users: 90%, users-v2: 10%}`: drawn for every request; a repeat stays in its service.
      """),
    SchemaRow(
      "routes[].service.*", .share(.percent(0)...(.percent(100))), .required, example: "90%",
      "All together 100 %."),
    SchemaRow(
      "routes[].redirect", .mapping, .derived("none"), "Answer with another place."),
    SchemaRow(
      "routes[].redirect.status", .word, .required,
      words: [
        SchemaWord("301", "for ever; a POST may become a GET"),
        SchemaWord("302", "this time; a POST may become a GET"),
        SchemaWord("303", "this time, by GET"),
        SchemaWord("307", "this time, by the same method"),
        SchemaWord("308", "for ever, by the same method"),
      ],
      example: "308", "Which redirect."),
    SchemaRow(
      "routes[].redirect.location", .location, .required, example: "/new/*",
      """
      A path on the same host, or a URL. `*` at the end stands for what followed the route's \
      prefix, leading slashes removed, so that it can never name another host. The request's query \
      is kept.
      """),
    SchemaRow("routes[].respond", .mapping, .derived("none"), "Answer with this."),
    SchemaRow(
      "routes[].respond.status", .integer(200...599), .byDefault("200"),
      "The status; 204, 205 and 304 have no body."),
    SchemaRow(
      "routes[].respond.body", .body(65_536), .byDefault("none"),
      words: [SchemaWord("none", "an empty body")], example: "pong", "What the client reads."),
    SchemaRow(
      "routes[].respond.content_type", .mediaType, .byDefault("text/plain; charset=utf-8"),
      "What the body is."),
  ]

  private static let overrideRows: [SchemaRow] = [
    SchemaRow(
      "routes[].rate_limits", .list(0...16), .listByDefault([]),
      """
      Limits of `rate_limits`, asked in this order. A request that one of them refuses counts at \
      none.
      """),
    SchemaRow(
      "routes[].rate_limits[]", .name(64), .required, example: "per-client", "The limit's name."),
    SchemaRow(
      "routes[].upgrades", .list(0...16), .listByDefault(["websocket"]),
      "Protocols that a request may be upgraded to; `[]` = none."),
    SchemaRow(
      "routes[].upgrades[]", .upgradeToken, .required, example: "websocket",
      "The protocol's name, without regard to case. `h2c` and `HTTP/*` are refused."),
    SchemaRow(
      "routes[].strip_prefix", .pathPrefix, .derived("the path is forwarded whole"),
      example: "/api",
      """
      Taken from the front of the path before it is forwarded; `match.path` must lie in it. What \
      is left begins with exactly one slash.
      """),
    SchemaRow("routes[].timeouts", .mapping, .children, "Instead of the service's."),
    SchemaRow(
      "routes[].timeouts.connect", wait, .inherited("services.*.timeouts.connect"),
      "To make a connection: 504."),
    SchemaRow(
      "routes[].timeouts.response", wait, .inherited("services.*.timeouts.response"),
      "From the request being sent to the response head: 504."),
    SchemaRow(
      "routes[].timeouts.idle", wait, .inherited("services.*.timeouts.idle"),
      "Between two reads or writes of a body: 504 before the head, an abort after it."),
    SchemaRow(
      "routes[].timeouts.request", wait, .inherited("services.*.timeouts.request"),
      words: [SchemaWord("none", "no bound")],
      "The whole exchange, queue and retries included: 504 before the head, an abort after it."),
    SchemaRow(
      "routes[].body_size", .size(0...1 << 40), .inherited("limits.body_size"),
      words: [SchemaWord("none", "unlimited")], "A request body: 413."),
  ]

  private static let editRows: [SchemaRow] = ["request", "response"].flatMap { side in
    [
      SchemaRow(
        "routes[].\(side)_headers", .mapping, .children,
        side == "request"
          ? "What is changed in the request before it is forwarded."
          : """
          What is changed in the answer, also in one of the gateway's own for this route. Interim \
          answers are left as they are.
          """),
      SchemaRow(
        "routes[].\(side)_headers.set", .named(0...32, .fields), .derived("nothing"),
        """
        Fields, instead of all lines of their name. A value may hold `{client_ip}` `{host}` \
        `{method}` `{path}` `{route}` `{service}` `{request_id}` `{trace_id}`; `{{` is a brace, \
        and what `${…}` brings is taken as it is. Fields that frame the message, belong to one \
        connection or are written by the gateway itself are refused.
        """),
      SchemaRow(
        "routes[].\(side)_headers.set.*", .template(1_024), .required, example: "{client_ip}",
        "The value; in quotes where it begins with a brace."),
      SchemaRow(
        "routes[].\(side)_headers.remove", .list(0...32), .listByDefault([]),
        "Fields of which every line is taken out."),
      SchemaRow(
        "routes[].\(side)_headers.remove[]", .fieldName, .required,
        example: side == "request" ? "X-Internal" : "Server", "The name, without regard to case."),
    ]
  }
}
