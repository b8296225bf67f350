// Why this file exists: a diagnostic line is read by machines; its bytes are fixed here.

import Logging
import Testing

@testable import gateway

@Suite struct `The diagnostic log` {
  private func line(_ level: Logger.Level, _ message: String, _ fields: Logger.Metadata = [:])
    -> String
  {
    String(
      decoding: DiagnosticLog.line(
        nanoseconds: 1_763_867_931_209_829_999, level: level, message: message, fields: fields),
      as: UTF8.self)
  }

  @Test func `a line is time, level and message, then the fields by name`() {
    #expect(
      line(.info, "go", ["b": "2", "a": "1"])
        == #"{"time":"2025-11-23T03:18:51.209829Z","level":"info","msg":"go","a":"1","b":"2"}"#
        + "\n")
  }

  @Test func `what would break the line or the text is escaped`() {
    #expect(
      line(.error, "a\"b\\c\nd\r\u{1}\u{7f}é\u{2028}\u{202e}").contains(
        #""msg":"a\"b\\c\u000ad\u000d\u0001\u007fé\u2028\u202e""#))
  }

  @Test(
    arguments: [
      (Logger.Level.trace, "debug"), (.debug, "debug"), (.info, "info"), (.notice, "info"),
      (.warning, "warning"), (.error, "error"), (.critical, "error"),
    ])
  func `the seven levels are the contract's four`(level: Logger.Level, word: String) {
    #expect(line(level, "").contains(#""level":"\#(word)""#))
  }
}
