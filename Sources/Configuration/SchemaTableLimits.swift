// Why this file exists: the rows of rate limits; see SchemaTable.swift for what a row is.
import Primitives

extension Schema {
  /// Thousands of millions: what no gateway passes in a period.
  private static let most = 1_000_000_000

  static let rateLimitRows: [SchemaRow] = [
    SchemaRow(
      "rate_limits", .named(0...1_000, .plain), .derived("none"),
      """
      Limits on requests, by name; routes name those that apply to them, and routes that name one \
      limit share its counters, which all workers have in common. A request above a limit is \
      answered 429 `rate_limited` with Retry-After. A reload keeps the counters of a limit whose \
      name, algorithm, key and period stay.
      """),
    SchemaRow("rate_limits.*", .mapping, .children, "One limit."),
    SchemaRow(
      "rate_limits.*.algorithm", .word, .byDefault("token_bucket"),
      words: [
        SchemaWord("token_bucket", "up to `burst` at once, then evenly by `rate`"),
        SchemaWord(
          "sliding_window",
          "at most the count in any such period, what is left of the last period weighed in"),
      ],
      "How requests are counted."),
    SchemaRow(
      "rate_limits.*.rate", .rate(1...UInt32(most)), .required, example: "100/s",
      "How many requests a key may make. With `sliding_window` at most 1048575 in a period."),
    SchemaRow(
      "rate_limits.*.burst", .integer(1...Int64(most)), .derived("the count in `rate`"),
      example: "200", "For `token_bucket`: how many a key that was quiet may make at once."),
    SchemaRow(
      "rate_limits.*.key", .list(1...8), .required, shortForm: "[]",
      "What is counted by; of several parts, each combination by itself."),
    SchemaRow(
      "rate_limits.*.key[]", .requestKey, .required,
      words: [
        SchemaWord("client_ip", "the client's address, trusted proxies considered"),
        SchemaWord("route", "each route by itself"),
        SchemaWord("global", "all requests together"),
      ],
      example: "client_ip",
      "One part. Several field lines of one name count as one, joined by `, `."),
    SchemaRow(
      "rate_limits.*.ipv6_prefix", .integer(1...128), .byDefault("64"),
      "For `client_ip`: so many leading bits of an IPv6 address are one client."),
    SchemaRow(
      "rate_limits.*.missing_key", .word, .byDefault("share"),
      words: [
        SchemaWord("share", "requests without a part are counted together"),
        SchemaWord("skip", "they are not counted"),
      ],
      "What becomes of a request that has not every part of the key; an empty part is none."),
    SchemaRow(
      "rate_limits.*.mode", .word, .byDefault("enforce"),
      words: [
        SchemaWord("off", "nothing is counted"),
        SchemaWord("shadow", "all pass; metrics and access log say what would have been refused"),
        SchemaWord("enforce", "what is above the limit is refused"),
      ],
      "Whether it is applied."),
    SchemaRow(
      "rate_limits.*.max_keys", .integer(1...16_777_216), .byDefault("100000"),
      """
      Keys that are counted at a time, at 64 bytes each. When all places are taken, a new key gets \
      that of one that is nearest to being forgotten anyway; see \
      `gateway_rate_limit_evictions_total`.
      """),
    SchemaRow(
      "rate_limits.*.headers", .boolean, .byDefault("true"),
      """
      Answers tell a client what is left of its own limit, in RateLimit and RateLimit-Policy. \
      Nobody is told of what clients share: `global`, `route`, requests without the key.
      """),
  ]
}
