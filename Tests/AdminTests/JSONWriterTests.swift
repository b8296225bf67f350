// Why this file exists: what the JSON writer writes, and that it does not let itself be misused.

import Testing

@testable import Admin

@Suite struct JSONWriterTests {
  private func text(_ build: (inout JSONWriter) -> Void) -> String {
    var json = JSONWriter()
    build(&json)
    return String(decoding: json.finished, as: UTF8.self)
  }

  @Test func `Members stand in the order in which they were written`() {
    let written = text { json in
      json.beginObject()
      json.member("b", "x")
      json.member("a", -1)
      json.key("list")
      json.beginArray()
      json.integer(UInt64.max)
      json.beginObject()
      json.endObject()
      json.null()
      json.boolean(true)
      json.endArray()
      json.member("share", 0.25)
      json.member("none", Double.infinity)
      json.member("no", false)
      json.endObject()
    }
    let expected =
      #"{"b":"x","a":-1,"list":[18446744073709551615,{},null,true],"#
      + #""share":0.25,"none":null,"no":false}"#
    #expect(written == expected + "\n")
  }

  @Test func `Everything that a string may not hold is escaped`() {
    let written = text { $0.string("\"\\/\n\r\t\u{0}\u{1f}\u{7f}ü\u{2028}😀") }
    let expected = #""\"\\/\u000a\u000d\u0009\u0000\u001f\u007fü\u2028😀""#
    #expect(written == expected + "\n")
  }

  @Test func `Brackets that do not fit, and values without key, trap`() async {
    await #expect(processExitsWith: .failure) {
      var json = JSONWriter()
      json.beginObject()
      json.endArray()
    }
    await #expect(processExitsWith: .failure) {
      var json = JSONWriter()
      json.beginObject()
      json.string("no key")
    }
    await #expect(processExitsWith: .failure) {
      var json = JSONWriter()
      json.beginArray()
      _ = json.finished
    }
  }
}
