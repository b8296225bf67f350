// Why this file exists: a demo backend shows what the gateway sent it; this is that, as ordinary
// strings. It is a demo: none of the rules of the request path hold here.

import HTTPParsing
import HTTPSemantics
import Primitives

/// A request as a demo backend saw it.
struct DemoRequest: Equatable {
  struct Header: Equatable {
    var name: String
    var value: String
  }

  var method: String
  /// As it was sent, the query included.
  var target: String
  var version: HTTPVersion
  /// In the order received.
  var headers: [Header]
  var keepAlive: Bool

  /// Copies out of a parsed head. `method` are the bytes of the request line.
  init(_ head: RequestHead, method: ByteSlice) {
    self.method = method.text
    target = head.target.slice(in: head.base).text
    version = head.version
    keepAlive = head.keepAlive
    headers = (0..<head.fieldCount).map { index in
      let field = head.fields[index]
      return Header(
        name: field.name.slice(in: head.base).text,
        value: field.value.slice(in: head.base).text)
    }
  }

  init(
    method: String, target: String, version: HTTPVersion = .http11, headers: [Header] = [],
    keepAlive: Bool = true
  ) {
    self.method = method
    self.target = target
    self.version = version
    self.headers = headers
    self.keepAlive = keepAlive
  }

  /// The first value of that name, given in lower case.
  func header(_ name: String) -> String? {
    headers.first { $0.name.lowercased() == name }?.value
  }

  /// Without the query.
  var path: Substring { target.prefix { $0 != "?" } }

  /// It is for the backend itself: `/chaos`, and nothing in front of it.
  var isOrder: Bool { path == DemoChaos.path }

  /// The parts of the path between slashes, without the query.
  var segments: [Substring] {
    path.split(separator: "/")
  }

  /// The number that a query parameter gives, if it is one and within the bounds.
  func number(_ name: String, in bounds: ClosedRange<Int>) -> Int? {
    guard let query = target.firstIndex(of: "?") else { return nil }
    for pair in target[query...].dropFirst().split(separator: "&") where pair.hasPrefix(name + "=")
    {
      return Int(pair.dropFirst(name.count + 1)).map {
        min(max($0, bounds.lowerBound), bounds.upperBound)
      }
    }
    return nil
  }
}
