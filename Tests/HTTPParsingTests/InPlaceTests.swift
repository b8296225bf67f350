// Why this file exists: the parsers live in place inside a connection's node, which belongs to
// another module.
import HTTPParsing
import HTTPSemantics
import Primitives
import Testing

private struct Node {
  var mark: UInt64
  var parser: RequestParser
  var other: ResponseParser
}

@Suite struct InPlace {
  @Test func `a node of another module holds both parsers, and they stay small`() {
    #expect(MemoryLayout<RequestParser>.size <= 256)
    let node = UnsafeMutablePointer<Node>.allocate(capacity: 1)
    defer { node.deallocate() }
    RequestParser.initialise(node.pointer(to: \.parser)!)
    ResponseParser.initialise(node.pointer(to: \.other)!, requestWasHead: false)
    RequestParser.destroy(node.pointer(to: \.parser)!)
    ResponseParser.destroy(node.pointer(to: \.other)!)
  }
}
