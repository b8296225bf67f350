// Why this file exists: two spellings of one path that are treated differently are a way around a
// rule.
import HTTPSemantics
import Primitives
import Testing

/// Normalises as the gateway would, into a room of exactly the size that is asked for. Gives the
/// path and the rest, and whether the target was left as it is; nil when it is refused.
func normalise(
  _ target: [UInt8], _ encodedSlash: EncodedSlash = .reject
) -> (path: [UInt8], rest: [UInt8], unchanged: Bool)? {
  let capacity = target.count + PathPolicy.growth
  let room = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
  defer { room.deallocate() }
  var writer = ByteWriter(room, capacity: capacity)
  let verdict = withBytes(target) {
    PathPolicy.normalise($0, encodedSlash: encodedSlash, into: &writer)
  }
  switch verdict {
  case .refused: return nil
  case .unchanged(let length):
    precondition(writer.count == 0)
    return (Array(target.prefix(length)), Array(target.dropFirst(length)), true)
  case .rewritten(let length):
    precondition(!writer.overflowed)
    let all = Array(writer.written.buffer)
    return (Array(all.prefix(length)), Array(all.dropFirst(length)), false)
  }
}

@Suite struct PathPolicyTests {
  private func form(_ target: String, _ encodedSlash: EncodedSlash = .reject) -> String? {
    normalise(Array(target.utf8), encodedSlash).map {
      String(decoding: $0.path + $0.rest, as: UTF8.self)
    }
  }

  @Test(arguments: [
    "/", "/a", "/a/b/", "//", "/a//b", "/a?", "/a?b=c&d=%2f%zz%00", "/?", "/%20", "/%C3%A9", "/...",
    "/..a", "/a..", "/.a/b.", "/a;b=c", "/a.b", "/%25", "/%252e%252e/", "/*", "/a:b@c!$&'()+,=~_-",
    "/{x}|^`\"<>", "/a?/../b", "/?a?b", "/%7B",
  ])
  func `a path in its one form is left alone`(target: String) {
    let result = normalise(Array(target.utf8))
    #expect(result?.unchanged == true)
    #expect(form(target) == target)
  }

  @Test(arguments: [
    ("/%41", "/A"), ("/%7e%2D%5f", "/~-_"), ("/%c3%a9", "/%C3%A9"), ("/a%2fb", nil),
    ("/%2e%2e/a", "/a"), ("/a/%2E/b", "/a/b"), ("/a/.", "/a/"), ("/a/..", "/"), ("/.", "/"),
    ("/..", "/"), ("/../../a", "/a"), ("/a/b/../../c", "/c"), ("/a/./b/", "/a/b/"),
    ("/a//../b", "/a/b"), ("/a/../../../b/..", "/"), ("/a/b/..?x=/..", "/a/?x=/.."),
    ("/..%2e", "/..."), ("/.%2e/x", "/x"), ("/%2e", "/"), ("/a/%2e%2E", "/"), ("/.//x", "//x"),
    ("/a/...//../b", "/a/.../b"), ("", "/"), ("?", "/?"), ("?a=%zz", "/?a=%zz"), ("/%6", nil),
    ("/%3a", "/%3A"), ("/%61/../b", "/b"),
  ])
  func `another spelling is brought into the one form`(target: String, expected: String?) {
    #expect(form(target) == expected)
    if expected != nil { #expect(normalise(Array(target.utf8))?.unchanged == false) }
  }

  @Test(arguments: [
    "/%00", "/a%00b", "/%", "/%4", "/%zz", "/%4g", "/a%2", "/\\", "/a\\..\\b", "/a b", "/é", "/a#b",
    "/?#", "/?é", "/?a b", "/\u{7f}", "/?\u{1}", "a", "*", "http://a/", "/%2%65", "/%00?", "/%+1",
  ])
  func `what is no path, or hides a NUL, is refused`(target: String) {
    #expect(form(target) == nil)
    #expect(form(target, .keep) == nil)
  }

  @Test func `encoded slashes are rejected, or kept undecoded and never a separator`() {
    for encoded in ["%2f", "%2F", "%5c", "%5C"] {
      #expect(form("/a\(encoded)b") == nil)
      #expect(form("/a\(encoded)b", .keep) == "/a\(encoded.uppercased())b")
      #expect(form("/a\(encoded)..\(encoded)..", .keep) == "/a\(encoded)..\(encoded)..".uppercased()
        .replacing("/A", with: "/a"))
      #expect(form("/a/..\(encoded)b", .keep) == "/a/..\(encoded.uppercased())b")
      #expect(form("/?\(encoded)") == "/?\(encoded)")
    }
  }

  /// Small-scope exhaustive: every target of up to seven pieces that matter.
  @Test func `every form is normal: a second pass changes nothing`() {
    let pieces: [[UInt8]] = ["/", ".", "a", "%2e", "%2F", "?"].map { Array($0.utf8) }
    var targets: [[UInt8]] = [Array("/".utf8)]
    for _ in 0..<6 {
      targets = targets + targets.filter { $0.count >= 1 }.flatMap { target in
        pieces.map { target + $0 }
      }
      targets = Array(Set(targets))
    }
    var checked = 0
    for target in targets {
      guard let once = normalise(target, .keep) else { continue }
      let again = normalise(once.path + once.rest, .keep)
      #expect(again?.unchanged == true)
      #expect(again.map { $0.path } == once.path)
      let segments = once.path.split(separator: 0x2f, omittingEmptySubsequences: false)
      #expect(!segments.contains { $0.elementsEqual([0x2e]) || $0.elementsEqual([0x2e, 0x2e]) })
      checked += 1
    }
    #expect(checked > 10_000)
  }

  @Test func `random targets agree with the plain reading of RFC 3986`() {
    var random = SplitMix64(seed: 20)
    let pieces = [
      "/", "/", "/", "..", ".", "a", "%2E", "%2e", "%41", "%e9", "b%20", "..a", "?",
      "long-segment_0", "abcdefghijklmnop",
    ]
    for _ in 0..<20_000 {
      var text = "/"
      for _ in 0..<Int.random(in: 0...12, using: &random) {
        text += pieces[Int.random(in: 0..<pieces.count, using: &random)]
      }
      #expect(form(text, .keep) == Self.model(text), "\(text)")
    }
  }

  /// RFC 3986 section 5.2.4 as a list of segments, for targets of the pieces above.
  private static func model(_ target: String) -> String {
    let cut = target.firstIndex(of: "?") ?? target.endIndex
    let decoded = target[..<cut].replacing("%2E", with: ".").replacing("%2e", with: ".")
      .replacing("%41", with: "A").replacing("%e9", with: "%E9")
    var output: [Substring] = []
    let segments = decoded.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
    for (index, segment) in segments.enumerated() {
      let isLast = index == segments.count - 1
      switch segment {
      case ".": if isLast { output.append("") }
      case "..":
        if !output.isEmpty { output.removeLast() }
        if isLast { output.append("") }
      default: output.append(segment)
      }
    }
    return "/" + output.joined(separator: "/") + target[cut...]
  }
}
