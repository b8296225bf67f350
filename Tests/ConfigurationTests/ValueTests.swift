// Why this file exists: values are where most mistakes are made; these tables hold each of them
// with what is said about it.
import Primitives
import Testing

@testable import Configuration

@Suite struct ValueTests {
  /// What is said of a value that stands in a key of that kind: the detail and the suggestion, or
  /// nil when it is right.
  private func complaint(
    _ text: String, _ kind: SchemaKind, _ words: [SchemaWord] = []
  ) -> String? {
    do throws(ScalarProblem) {
      _ = try ScalarReader.read(text, as: SchemaRow("x", kind, .required, words: words, ""))
      return nil
    } catch {
      return error.detail + (error.suggestion.map { "; \($0)" } ?? "")
    }
  }

  private func value(_ text: String, _ kind: SchemaKind) throws -> ScalarValue {
    try ScalarReader.read(text, as: SchemaRow("x", kind, .required, ""))
  }

  // MARK: Numbers

  @Test(arguments: [
    ("1", nil), ("256", nil),
    ("0", "is out of bounds; write a number from 1 to 256"),
    ("257", "is out of bounds; write a number from 1 to 256"),
    ("-1", "is out of bounds; write a number from 1 to 256"),
    ("99999999999999999999", "is out of bounds; write a number from 1 to 256"),
    ("012", "has a leading zero, which makes it octal in YAML 1.1; write 12"),
    ("00", "has a leading zero, which makes it octal in YAML 1.1; write 0"),
    (
      "22:22",
      "has a colon, which makes it a number in base 60 in YAML 1.1; write plain decimal digits"
    ),
    ("1_000", "has an underscore between its digits; write 1000"),
    ("0x1F", "is not a whole number; write plain decimal digits"),
    ("0o17", "is not a whole number; write plain decimal digits"),
    ("1e3", "is not a whole number; write plain decimal digits"),
    ("2.0", "is not a whole number; write plain decimal digits"),
    ("+5", "is not a whole number; write plain decimal digits"),
    ("five", "is not a whole number; write plain decimal digits"),
    ("", "is not a whole number; write plain decimal digits"),
    ("٣", "is not a whole number; write plain decimal digits"),
  ] as [(String, String?)])
  func `numbers are plain decimal digits within their bounds`(text: String, expected: String?) {
    #expect(complaint(text, .integer(1...256)) == expected)
  }

  @Test(arguments: [
    ("true", nil), ("false", nil),
    ("yes", "is a boolean in YAML 1.1 only; write true"),
    ("On", "is a boolean in YAML 1.1 only; write true"),
    ("y", "is a boolean in YAML 1.1 only; write true"),
    ("no", "is a boolean in YAML 1.1 only; write false"),
    ("off", "is a boolean in YAML 1.1 only; write false"),
    ("N", "is a boolean in YAML 1.1 only; write false"),
    ("True", "is not a boolean; write true"), ("FALSE", "is not a boolean; write false"),
    ("1", "is not a boolean; write true"), ("0", "is not a boolean; write false"),
    ("maybe", "is not a boolean; write true or false"),
  ] as [(String, String?)])
  func `booleans are true and false`(text: String, expected: String?) {
    #expect(complaint(text, .boolean) == expected)
  }

  // MARK: Durations

  @Test(arguments: [
    ("1ms", 1), ("250ms", 250), ("5s", 5_000), ("2m", 120_000), ("1h", 3_600_000),
    ("24h", 86_400_000), ("90s", 90_000),
  ] as [(String, Int64)])
  func `durations have one unit`(text: String, milliseconds: Int64) throws {
    let kind = SchemaKind.duration(.milliseconds(1)...(.seconds(86_400)))
    #expect(try value(text, kind) == .duration(.milliseconds(milliseconds)))
  }

  @Test(arguments: [
    ("5", "has no unit; write 5s or 5ms"),
    ("0", "has no unit; write 0s or 0ms"),
    ("1.5", "has no unit; write 1.5s or 1.5ms"),
    ("1.5s", "is not a whole number; write 1500ms"),
    ("0.25h", "is not a whole number; write 15m"),
    ("1.5ms", "is not a whole number; the smallest unit is ms"),
    ("0.0000000001s", "is not a whole number; use a smaller unit"),
    ("1m30s", "has more than one unit; write 90s"),
    ("1h1m1s1ms", "has more than one unit; write 3661001ms"),
    ("5 s", "has a space before its unit; write 5s"),
    ("5S", "has an unknown unit; write 5s"),
    ("5sec", "has an unknown unit; write 5s"),
    ("5 seconds", "has an unknown unit; write 5s"),
    ("5min", "has an unknown unit; write 5m"),
    ("7d", "has an unknown unit; write 168h"),
    ("5us", "has an unknown unit; the units are ms, s, m and h"),
    ("5x", "has an unknown unit; the units are ms, s, m and h"),
    ("-5s", "is not a duration; write one like 250ms, 5s, 2m or 1h"),
    ("s", "is not a duration; write one like 250ms, 5s, 2m or 1h"),
    ("", "is not a duration; write one like 250ms, 5s, 2m or 1h"),
    ("05s", "has a leading zero; write one like 250ms, 5s, 2m or 1h"),
    (
      "22:22",
      "has a colon, which makes it a number in base 60 in YAML 1.1; write one like 250ms, 5s, 2m "
        + "or 1h"
    ),
    ("0s", "is out of bounds; write a duration from 1ms to 24h"),
    ("25h", "is out of bounds; write a duration from 1ms to 24h"),
    ("99999999999999999999h", "is out of bounds; write a duration from 1ms to 24h"),
    ("9223372036854775807s", "is out of bounds; write a duration from 1ms to 24h"),
    ("none", "is not a duration; write one like 250ms, 5s, 2m or 1h"),
  ])
  func `durations that are not right are explained`(text: String, expected: String) {
    let kind = SchemaKind.duration(.milliseconds(1)...(.seconds(86_400)))
    #expect(complaint(text, kind) == expected)
  }

  // MARK: Sizes

  @Test(arguments: [
    ("0B", 0), ("512B", 512), ("4KiB", 4_096), ("10MiB", 10 << 20), ("1GiB", 1 << 30),
    ("4KB", 4_000), ("4MB", 4_000_000), ("1GB", 1_000_000_000),
  ] as [(String, UInt64)])
  func `sizes are binary or decimal`(text: String, bytes: UInt64) throws {
    #expect(try value(text, .size(0...1 << 40)) == .bytes(bytes))
    #expect(try value(text + "/s", .byteRate(0...1 << 40)) == .byteRate(bytes))
  }

  @Test(arguments: [
    ("4096", "has no unit; write 4096KiB or 4096B"),
    ("1.5MiB", "is not a whole number; write 1536KiB"),
    ("0.1KiB", "is not a whole number; use a smaller unit"),
    ("4k", "has an unknown unit; write 4KiB or 4KB"),
    ("4M", "has an unknown unit; write 4MiB or 4MB"),
    ("4kb", "has an unknown unit; write 4KB"),
    ("4kib", "has an unknown unit; write 4KiB"),
    ("4 KiB", "has a space before its unit; write 4KiB"),
    ("4TiB", "has an unknown unit; the units are KiB, MiB, GiB, KB, MB and GB"),
    ("KiB", "is not a size; write one like 4KiB"),
    ("-1B", "is not a size; write one like 4KiB"),
    ("1B", "is out of bounds; write a size from 1KiB to 1GiB"),
    ("2GiB", "is out of bounds; write a size from 1KiB to 1GiB"),
    ("18446744073709551615GiB", "is out of bounds; write a size from 1KiB to 1GiB"),
    ("99999999999999999999B", "is out of bounds; write a size from 1KiB to 1GiB"),
  ])
  func `sizes that are not right are explained`(text: String, expected: String) {
    #expect(complaint(text, .size(1_024...1 << 30)) == expected)
  }

  @Test(arguments: [
    ("256", "has no unit; write 256KiB/s or 256B/s"),
    ("256B", "is not per second; write 256B/s"),
    ("256b/s", "has an unknown unit; write 256B/s"),
    ("1KiB/m", "has an unknown unit; write 1KiB/s"),
    ("1k/s", "has an unknown unit; write 1KiB/s or 1KB/s"),
    ("1Mbit/s", "has an unknown unit; the units are B/s, KiB/s, MiB/s and GiB/s"),
    ("0B/s", "is out of bounds; write a rate from 1B/s to 1GiB/s"),
  ])
  func `byte rates that are not right are explained`(text: String, expected: String) {
    #expect(complaint(text, .byteRate(1...1 << 30)) == expected)
  }

  // MARK: Shares and rates

  @Test(arguments: [
    ("0%", 0), ("1%", 10_000), ("0.5%", 5_000), ("12.3456%", 123_456), ("100%", 1_000_000),
  ] as [(String, UInt32)])
  func `shares have at most four decimals`(text: String, parts: UInt32) throws {
    let kind = SchemaKind.share(.percent(0)...(.percent(100)))
    #expect(try value(text, kind) == .share(Share(partsPerMillion: parts)))
  }

  @Test(arguments: [
    ("50", "has no unit; write 50%"), ("0.5", "has no unit; write 0.5%"),
    ("50 %", "has a space before its unit; write 50%"),
    ("50percent", "has an unknown unit; write 50%"),
    ("101%", "is out of bounds; write a share from 0% to 100%"),
    (
      "99999999999999999999%",
      "is out of bounds or has more than four decimals; write a share from 0% to 100%"
    ),
    ("0.00001%", "is out of bounds or has more than four decimals; write a share from 0% to 100%"),
    ("half", "is not a share; write one like 50%"),
  ])
  func `shares that are not right are explained`(text: String, expected: String) {
    #expect(complaint(text, .share(.percent(0)...(.percent(100)))) == expected)
  }

  @Test(arguments: [
    ("0/s", 0, 1_000), ("100/s", 100, 1_000), ("600/m", 600, 60_000), ("1000/h", 1_000, 3_600_000),
    ("50/10s", 50, 10_000),
  ] as [(String, UInt32, Int64)])
  func `rates have a count and a period`(text: String, count: UInt32, period: Int64) throws {
    let rate = Rate(count: count, period: .milliseconds(period))
    #expect(try value(text, .rate(0...1_000)) == .rate(rate))
  }

  @Test(arguments: [
    ("10", "has no unit; write 10/s or 10/m"),
    ("10/sec", "has an unknown period; write 10/s"),
    ("10/0s", "has a period that is out of bounds; write one from 1ms to 24h"),
    ("10/25h", "has a period that is out of bounds; write one from 1ms to 24h"),
    ("010/s", "has a leading zero; write one like 10/s, 600/m or 50/10s"),
    ("00/s", "has a leading zero; write one like 10/s, 600/m or 50/10s"),
    ("10/", "has an unknown period; write one like 10/s, 600/m or 50/10s"),
    ("/s", "is not a rate; write one like 10/s, 600/m or 50/10s"),
    ("1.5/s", "is not a rate; write one like 10/s, 600/m or 50/10s"),
    ("10/s/s", "is not a rate; write one like 10/s, 600/m or 50/10s"),
    ("10rps", "is not a rate; write one like 10/s, 600/m or 50/10s"),
    ("1001/s", "is out of bounds; write a count from 0 to 1000"),
    ("99999999999/s", "is out of bounds; write a count from 0 to 1000"),
  ])
  func `rates that are not right are explained`(text: String, expected: String) {
    #expect(complaint(text, .rate(0...1_000)) == expected)
  }

  // MARK: Words

  @Test(arguments: [
    ("drop", nil), ("dorp", "is not known here; did you mean 'drop'?"),
    ("Drop", "is not known here; did you mean 'drop'?"),
    ("off", "is not known here; write one of drop, reject or keep"),
    ("x", "is not known here; write one of drop, reject or keep"),
  ] as [(String, String?)])
  func `a word is one of its row's`(text: String, expected: String?) {
    #expect(complaint(text, .word, ["drop", "reject", "keep"]) == expected)
  }

  @Test(arguments: ["off", "no", "null", "~", "false", "None", "disabled", "unlimited"])
  func `what means nothing elsewhere is none here`(text: String) {
    let isNear = text == "None"
    #expect(
      complaint(text, .integer(1...9), ["none"])
        == "is not known here; " + (isNear ? "did you mean 'none'?" : "write none"))
  }

  @Test func `off and 502 are words where words are expected`() throws {
    #expect(complaint("off", .word, ["off", "shadow"]) == nil)
    #expect(complaint("502", .word, ["502"]) == nil)
  }

  // MARK: Text

  @Test func `the sign that metrics have for no name is no name`() {
    #expect(complaint("-", .name(64)) == "stands for no name at all; add a letter")
    let found = load(minimal().replacing("{a: {", with: "{'-': {}, a: {")).diagnostics
    #expect(found.map(\.message).contains("services: '-' stands for no name at all"))
    let other = minimal().replacing("{a: {", with: "{other: {")
      .replacing("service: a", with: "service: other")
    #expect(load(other).isValid)
  }

  @Test func `names, paths and protocols are checked`() {
    #expect(complaint("a.B-c_1", .name(64)) == nil)
    for text in ["a b", "é", "", "a/b"] {
      let expected = "is not a name; use letters, digits, '-', '_' and '.' only"
      #expect(complaint(text, .name(64)) == expected)
    }
    #expect(complaint("abcde", .name(4)) == "is too long; use at most 4 characters")
    #expect(complaint("x", .text(4)) == nil)
    #expect(complaint("no", .text(4)) == nil)
    #expect(complaint("\u{1B}", .text(4)) == "holds a control character or a line end")
    #expect(complaint("/var/log/a", .filePath) == nil)
    #expect(
      complaint("var/log", .filePath)
        == "is not the absolute path of a file; write one like /path/to/file")
    #expect(complaint("websocket", .upgradeToken) == nil)
    #expect(complaint("foo/1", .upgradeToken) == nil)
    for text in ["h2c", "H2C", "HTTP/2.0", "http"] {
      let expected = "cannot be upgraded to: requests inside it would pass the gateway unseen"
      #expect(complaint(text, .upgradeToken) == expected)
    }
    for text in ["a, b", "", "a/b/c", "/1"] {
      let expected = "is not the name of a protocol; write one like websocket"
      #expect(complaint(text, .upgradeToken) == expected)
    }
    #expect(complaint("example.com:8080", .authority) == nil)
    #expect(complaint("user@example.com", .authority) == "is not a host or host:port")
    #expect(complaint("", .authority) == "is not a host or host:port")
  }

  @Test(arguments: [
    ("/", nil), ("/*", nil), ("/api/*", nil), ("/a%2Fb", nil), ("/%E4%BD%A0", nil),
    ("api", "cannot match; a path begins with /"),
    ("/%7euser", "is not in normal form and cannot match; write /~user"),
    ("/%e4", "is not in normal form and cannot match; write /%E4"),
    ("/a*", "cannot match; * may only stand for everything below: as the whole last segment, /x/*"),
    ("/a?b=1", "cannot match; a path has no query; ? cannot match"),
  ] as [(String, String?)])
  func `paths are in the form in which they are compared`(text: String, expected: String?) {
    #expect(complaint(text, .pathPattern) == expected)
  }

  @Test(arguments: [
    ("http://127.0.0.1:4318/v1/traces", nil), ("HTTP://collector/x?a=b", nil),
    ("http://[::1]:4318/v1/traces", nil), ("http://[::1]/v1/traces", nil),
    (
      "127.0.0.1:4318",
      "is not an http:// URL; write one like http://127.0.0.1:4318/v1/traces"
    ),
    (
      "https://collector:4318/v1/traces",
      "asks for TLS, which is not spoken to collectors; "
        + "run a collector beside the gateway and give its http:// address"
    ),
    ("http://collector:4318", "has no path; write http://collector:4318/v1/traces"),
    ("http://collector?x=1", "has no path; write http://collector/v1/traces?x=1"),
    ("http://user:word@collector/x", "holds a user's name, which would be sent to nobody"),
    ("http://collector:0/x", "has no valid port; write a port from 1 to 65535"),
    ("http:///x", "has no host; write host:port"),
    ("http://1.2.3/x", "has no valid host; write host:port"),
    ("http://collector/x#y", "holds a fragment, which is never sent; leave '#' out"),
    (
      "http://collector/a b",
      "holds a space, a control or a non-ASCII character; write it percent-encoded, as %20"
    ),
  ] as [(String, String?)])
  func `a collector's URL is one that can be posted to`(text: String, expected: String?) {
    #expect(complaint(text, .httpURL) == expected)
  }

  @Test func `a URL is taken apart into address, Host and target`() throws {
    guard case .url(let url) = try value("http://Collector/x?a=1", .httpURL) else {
      Issue.record("no URL")
      return
    }
    #expect(url.address.form == .name("collector", port: 80))
    #expect(url.authority == "collector" && url.target == "/x?a=1")
    #expect(url.text == "http://collector/x?a=1")
  }

  @Test func `quantities are written back the way they are read`() {
    #expect(QuantityText.duration(.milliseconds(1_500)) == "1500ms")
    #expect(QuantityText.duration(.seconds(7_200)) == "2h")
    #expect(QuantityText.duration(.zero) == "0s")
    #expect(QuantityText.size(1_536) == "1536B")
    #expect(QuantityText.size(10 << 20) == "10MiB")
    #expect(QuantityText.share(Share(partsPerMillion: 5_000)) == "0.5%")
    #expect(QuantityText.share(.percent(20)) == "20%")
    #expect(QuantityText.rate(Rate(count: 10, period: .seconds(1))) == "10/s")
    #expect(QuantityText.rate(Rate(count: 50, period: .seconds(10))) == "50/10s")
  }
}
