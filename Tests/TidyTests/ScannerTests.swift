// Why this file exists: rules that read source with a scanner of their own are only as good as the
// scanner.

import Testing

@Suite struct `Reading source` {
  @Test func `comments and strings are blanked, code in interpolations is not`() {
    let code = SwiftCode(
      #"""
      let a = "try! \(try! b("x")) {" // try!
      /* { /* nested */ { */ let c = #"\(no) " {"#
      let d = """
        { try! " \(e) {
        """
      """#)
    let text = String(decoding: code.bytes, as: UTF8.self)
    #expect(text.ranges(of: "try!").count == 1)
    #expect(text.contains("(try! b("))
    #expect(!text.contains("{"))
    #expect(text.contains("let c = "))
    #expect(text.contains("(e)"))
    #expect(!text.contains("no"))
    #expect(code.lines.count == 5)
  }

  @Test func `functions are found with their extent`() {
    let code = SwiftCode(
      """
      protocol P { func a(); init(x: Int) }
      struct S {
        init() { x = .init(1) }
        func b(c: () -> Void = { }) -> Int
        where T: P {
          func inner() {
          }
          return 1
        }
        subscript(i: Int) -> Int { 1 }
      }
      """)
    #expect(code.functions.map(\.lineCount) == [1, 6, 2, 1])
    #expect(code.functions.map(\.line) == [3, 4, 6, 10])
  }

  @Test func `the repository is found`() {
    #expect(Repository.file("Package.swift") != nil)
    #expect(Repository.swift.count > 50)
  }
}
