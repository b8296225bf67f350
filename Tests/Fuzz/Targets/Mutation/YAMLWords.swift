// Why this file exists: values for every kind that the schema knows, right ones and wrong ones.
import Configuration

enum YAMLWords {
  static let names = [
    "users", "orders", "a", "per-client", "b-2", "\"x y\"", "é", "0", "null", "<<",
  ]
  /// Values that stand for anything, and those that YAML 1.1 and people get wrong.
  static let scalars = [
    "none", "auto", "on", "no", "yes", "~", "null", "true", "0", "-1", "08", "0x10", "22:22", "1e3",
    "30",
    "5s", "5 s", "1.5h", "50%", "150%", "10MiB", "10 MB", "100/s", "1/0s", "127.0.0.1:8080",
    "[::1]:80",
    "'[::1]:80'", "unix:/a.sock", "localhost:0", "${SECRET}", "${PORT}", "${PORT:-1}",
    "${EMPTY:?say}",
    "${file:/run/secrets/admin}", "${", "$${a}", "${file:/none}", "*a", "&a b", "!!int 3", "|", ">",
    "[]",
    "{}", "[a, b]", "{a: 1}", "\"\\u0000\"", "\"\\ud800\"", "'", "\"", "# x", "@a", "`a", "%a", "[",
    "{",
    "99999999999999999999", ".inf", "2001-01-01", "\t", "\u{FEFF}", "é",
  ]
  static let lines = [
    "---", "...", "%YAML 1.2", "# x", "", "\ta: b", "? a", ": b", "- a", "a: &a [*a]", "<<: {a: b}",
    "  - ", "unknown: 1", "\"a\": b", "{a: b}", "[a]", "\r", "a: b: c", "- - - a", "services: {}",
    "routes: []",
  ]

  /// Mostly what the row allows; sometimes of another kind, another unit, or beyond its bounds.
  static func value(_ node: Schema.Node, _ random: inout Dice, depth: Int = 0) -> String {
    let row = node.row
    if random.oneOf(8) { return random.pick(scalars) }
    if !row.words.isEmpty, random.oneOf(2) { return random.pick(row.words).text }
    if let example = row.example, random.oneOf(3) { return example }
    switch row.kind {
    case .mapping:
      if depth > 4 { return "{}" }
      let keys = node.keys.filter { key in key.row.presence == .required || random.oneOf(3) }
      let texts = keys.map { "\($0.row.key): \(value($0, &random, depth: depth + 1))" }
      return "{\(texts.joined(separator: ", "))}"
    case .named:
      guard let entry = node.entry.first, depth <= 4 else { return "{}" }
      let texts = (0..<random.below(3)).map { _ in
        "\(random.pick(names)): \(value(entry, &random, depth: depth + 1))"
      }
      return "{\(texts.joined(separator: ", "))}"
    case .list:
      guard let entry = node.entry.first, depth <= 4 else { return "[]" }
      let texts = (0..<random.below(4)).map { _ in value(entry, &random, depth: depth + 1) }
      return "[\(texts.joined(separator: ", "))]"
    default: return random.pick(scalars(of: row.kind))
    }
  }

  /// Some that a kind takes, and some at or beyond its bounds.
  private static func scalars(of kind: SchemaKind) -> [String] {
    switch kind {
    case .mapping, .named, .list, .word: ["none", "auto"]
    case .boolean: ["true", "false", "True", "on"]
    case .integer(let range): bounds(range) + ["1", "2", "1_000"]
    case .duration: ["250ms", "5s", "2m", "1h", "0s", "1500ms", "24h", "25h", "5", "1d"]
    case .size(let range):
      bounds(range).map { $0 + "B" } + ["512B", "4KiB", "10MiB", "1GB", "10mb"]
    case .byteRate: ["256B/s", "1KiB/s", "0B/s", "1KiB"]
    case .share: ["0%", "1%", "50%", "100%", "12.5%", "0.0001%", "0.00001%", "101%", "0.5"]
    case .rate: ["100/s", "600/m", "1000/h", "50/10s", "0/s", "1/0s", "100", "100/ms"]
    case .address:
      ["127.0.0.1:9001", "'[::1]:9001'", "unix:/run/a.sock", "backend:80", "h:0", "a:b"]
    case .cidr: ["10.0.0.0/8", "2001:db8::/32", "192.0.2.1", "10.0.0.0/33", "10.0.0.1/8"]
    case .authority: ["h", "h.example:80", "'[::1]:80'", "u@h"]
    case .filePath: ["/var/log/a", "a", "/"]
    case .pathPattern: ["/*", "/a", "/a/*", "/a/../b", "/a*", "/a/%2f", "a", "//"]
    case .pathPrefix: ["/a", "/a/", "/", "/a*"]
    case .hostPattern: ["h.example", "\"*.example\"", "\"*\"", "H.Example", "h:80"]
    case .method: ["GET", "POST", "get", "PURGE", "CONNECT"]
    case .fieldName: ["X-Key", "Host", "x_key", "a b", "Connection"]
    case .matchText: ["\"2\"", "\"*\"", "\"\"", "a b"]
    case .template:
      ["\"{client_ip}\"", "\"a{request_id}b\"", "\"{\"", "\"{{}\"", "a", "\"{none}\""]
    case .location: ["https://h/p", "/p", "\"https://{host}{path}\"", "//h", "javascript:a"]
    case .mediaType: ["text/plain", "\"text/html; charset=utf-8\"", "text"]
    case .httpURL: ["http://127.0.0.1:4318/v1", "https://h/", "http://h:0"]
    case .body: ["hello", "\"a\\nb\"", "\"\""]
    case .requestTarget: ["/healthz", "/a?b", "a", "/a b"]
    case .requestKey:
      ["client_ip", "header:X-Key", "cookie:sid", "query:q", "path", "header:", "global"]
    case .status(let range): bounds(range) + ["200", "200-399", "399-200", "\"204\""]
    case .upgradeToken: ["websocket", "h2c", "HTTP/2", "a b"]
    case .name: names
    case .text: ["abc", "\"a b\"", "\"\\u0007\"", "\"\""]
    }
  }

  private static func bounds(_ range: ClosedRange<some FixedWidthInteger>) -> [String] {
    let (low, high) = (range.lowerBound, range.upperBound)
    return [
      "\(low)", "\(high)", "\(low.subtractingReportingOverflow(1).partialValue)",
      "\(high.addingReportingOverflow(1).partialValue)",
    ]
  }
}
