// Why this file exists: a pattern that can never match, or matches more than its author saw, has to
// be an error where it is written.
import HTTPSemantics
import Testing

@Suite struct PathPatternTests {
  private func parse(_ text: String) -> PathPattern? { try? PathPattern.parse(text).get() }
  private func problem(_ text: String) -> PathPattern.Problem? {
    switch PathPattern.parse(text) {
    case .success: nil
    case .failure(let problem): problem
    }
  }

  @Test(arguments: [
    ("/", "/", false), ("/*", "", true), ("/x", "/x", false), ("/x/", "/x/", false),
    ("/x/*", "/x", true), ("/x//*", "/x/", true), ("/%7euser/*", "/~user", true),
    ("/a%2fb", "/a%2Fb", false), ("/a.b/..c", "/a.b/..c", false), ("/%c3%a9", "/%C3%A9", false),
  ])
  func `a pattern is read and normalised`(text: String, path: String, isPrefix: Bool) {
    #expect(parse(text) == PathPattern(path: Array(path.utf8), isPrefix: isPrefix))
    #expect(parse(text)?.description == path + (isPrefix ? "/*" : ""))
  }

  @Test func `a normalised pattern reads as itself`() throws {
    for text in ["/", "/*", "/a/%2F/*", "/~x"] {
      let once = try PathPattern.parse(text).get()
      #expect(try PathPattern.parse(once.description).get() == once)
    }
  }

  @Test(arguments: [
    ("", PathPattern.Problem.empty), ("x", .noLeadingSlash), ("*", .noLeadingSlash),
    ("/a*", .misplacedStar), ("/*/a", .misplacedStar), ("/a/*/b", .misplacedStar),
    ("/**", .misplacedStar), ("/*/*", .misplacedStar), ("/a/*x", .misplacedStar),
    ("/a?b", .query), ("/a#b", .fragment), ("/a/../b", .dotSegment), ("/.", .dotSegment),
    ("/..", .dotSegment), ("/a/%2e%2E/*", .dotSegment), ("/.%2e", .dotSegment),
    ("/./*", .dotSegment), ("/a b", .invalidCharacter), ("/é", .invalidCharacter),
    ("/a\\b", .invalidCharacter),
    ("/%", .invalidEncoding), ("/%zz", .invalidEncoding), ("/%00", .invalidEncoding),
  ])
  func `a text that is no pattern says why`(text: String, expected: PathPattern.Problem) {
    #expect(problem(text) == expected)
    #expect(!expected.explanation.isEmpty)
  }
}
