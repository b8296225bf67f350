// Why this file exists: fuzzes the one form of a path against the table of routes: whatever a
// client writes, the route that takes a request is the one that a backend would have chosen by the
// path that it is sent, also if that backend decodes it once more.
import HTTPSemantics
import Primitives
import Routing

/// Exact paths and prefixes that lie in each other and beside each other.
private let patterns: [(path: String, isPrefix: Bool)] = [
  ("", true), ("/a", true), ("/a/b", false), ("/a/b", true), ("/a/b/c", false), ("/ab", true),
  ("/admin", true), ("/a/~x", true), ("/a/b/..c", false),
]

private let table = RouteTable.build(
  patterns.enumerated().map { index, pattern in
    RouteRule(
      path: Array(pattern.path.utf8), isPrefix: pattern.isPrefix, route: UInt32(index))
  }, key: 7)

func fuzzPath(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  var input = Array(UnsafeBufferPointer(start: bytes, count: min(count, 2_048)))
  // What RequestFacts.pathAndQuery gives begins so.
  if let first = input.first, first != UInt8(ascii: "/"), first != UInt8(ascii: "?") {
    input.insert(UInt8(ascii: "/"), at: 0)
  }
  for slashes in EncodedSlash.allCases {
    guard let (sent, length) = normalised(input, slashes) else { continue }
    let path = Array(sent[..<length])
    demand(path.first == UInt8(ascii: "/"), "a path begins with a slash")
    demand(Array(sent[length...]) == query(of: input), "the query is not touched")
    if let again = normalised(sent, slashes) {
      demand(again.0 == sent && again.1 == length, "the one form is its own form")
    } else {
      demand(false, "what is sent would be accepted")
    }
    let taker = match(path)
    demand(taker == naive(path), "the table finds what a reader finds")
    let decoded = decoded(path)
    demand(!hasDotSegment(decoded), "nothing is left to climb by")
    demand(taker == naive(decoded), "a backend that decodes finds the same")
  }
  return 0
}

// MARK: - What is fuzzed

private func normalised(_ target: [UInt8], _ slashes: EncodedSlash) -> ([UInt8], Int)? {
  // Exactly as large as it may become, so that a write behind it is seen.
  let room = UnsafeMutablePointer<UInt8>.allocate(capacity: target.count + PathPolicy.growth)
  defer { room.deallocate() }
  var writer = ByteWriter(room, capacity: target.count + PathPolicy.growth)
  let verdict = target.withUnsafeBufferPointer { buffer in
    // An empty array has no address.
    let base = buffer.baseAddress ?? UnsafePointer(room)
    return PathPolicy.normalise(
      ByteSlice(base, buffer.count), encodedSlash: slashes, into: &writer)
  }
  switch verdict {
  case .unchanged(let length): return (target, length)
  case .rewritten(let length): return (Array(writer.written.buffer), length)
  case .refused: return nil
  }
}

private func match(_ path: [UInt8]) -> Int32 {
  path.withUnsafeBufferPointer { buffer in
    table.match(path: ByteSlice(buffer.baseAddress.unsafelyUnwrapped, buffer.count))
  }
}

// MARK: - The naive reading

private func query(of target: [UInt8]) -> [UInt8] {
  Array(target[(target.firstIndex(of: UInt8(ascii: "?")) ?? target.endIndex)...])
}

/// The exact pattern, else the longest prefix.
private func naive(_ path: [UInt8]) -> Int32 {
  var best: (length: Int, index: Int32) = (-1, -1)
  for (index, pattern) in patterns.enumerated() {
    let text = Array(pattern.path.utf8)
    if !pattern.isPrefix {
      if path == text { return Int32(index) }
      continue
    }
    let isUnder = path == text || path.starts(with: text + [UInt8(ascii: "/")])
    if isUnder && text.count > best.length { best = (text.count, Int32(index)) }
  }
  return best.index
}

/// Every triplet once, but for those of a slash and a backslash, which are kept on purpose where
/// they are kept.
private func decoded(_ path: [UInt8]) -> [UInt8] {
  var out: [UInt8] = []
  var index = 0
  while index < path.count {
    let digits = path[index...].prefix(3)
    let value = String(decoding: digits.dropFirst(), as: UTF8.self)
    if path[index] == UInt8(ascii: "%"), digits.count == 3, let byte = UInt8(value, radix: 16),
      byte != UInt8(ascii: "/"), byte != UInt8(ascii: "\\")
    {
      out.append(byte)
      index += 3
    } else {
      out.append(path[index])
      index += 1
    }
  }
  return out
}

private func hasDotSegment(_ path: [UInt8]) -> Bool {
  path.split(separator: UInt8(ascii: "/")).contains {
    $0.elementsEqual(".".utf8) || $0.elementsEqual("..".utf8)
  }
}
