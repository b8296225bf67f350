// Why this file exists: what an operator wrote about one route, before it becomes part of a table:
// all conditions are filters, and their kinds are few.
package import HTTPSemantics
package import Primitives

/// Which requests a route takes.
package struct RouteRule: Equatable, Sendable {
  package enum Host: Hashable, Sendable {
    /// Also a request without a host.
    case any
    /// In lower case, without port and final dot.
    case exact([UInt8])
    /// `*.example.com`, of which this is what stands behind the star and its dot: one or more
    /// labels in front of it, not the bare domain. In lower case.
    case below([UInt8])
  }

  package var host: Host
  /// In normal form; for a prefix what stands before `/*`, so empty for `/*` itself.
  package var path: [UInt8]
  package var isPrefix: Bool
  package var methods: MethodSet
  /// Of header fields; names in any case.
  package var fields: [RouteCondition]
  /// Of query parameters.
  package var parameters: [RouteCondition]
  /// The route's place in the file.
  package var route: UInt32

  package init(
    host: Host = .any, path: [UInt8], isPrefix: Bool, methods: MethodSet = .every,
    fields: [RouteCondition] = [], parameters: [RouteCondition] = [], route: UInt32
  ) {
    self.host = host
    self.path = path
    self.isPrefix = isPrefix
    self.methods = methods
    self.fields = fields
    self.parameters = parameters
    self.route = route
  }

  /// What orders routes of the same host and path: the higher one is asked first.
  package var weight: Int {
    fields.count + parameters.count + (methods == .every ? 0 : 1)
  }
}

/// A name, and the value that any of its occurrences must have.
package struct RouteCondition: Hashable, Sendable {
  package var name: [UInt8]
  /// nil: it is enough that the name is there.
  package var value: [UInt8]?

  package init(name: [UInt8], value: [UInt8]?) {
    self.name = name
    self.value = value
  }
}

/// What of a request routing looks at. Slices are valid during the call.
package struct RouteRequest {
  package var method: Method
  /// The method as it was sent.
  package var methodText: ByteSlice
  /// Without port; empty when an HTTP/1.0 client named none.
  package var host: ByteSlice
  /// In normal form.
  package var path: ByteSlice
  /// As it was sent, without the question mark.
  package var query: ByteSlice
  package var base: UnsafePointer<UInt8>
  package var fields: UnsafePointer<Field>
  package var fieldCount: Int

  package init(_ head: RequestHead, host: ByteSlice, path: ByteSlice, query: ByteSlice) {
    method = head.method
    methodText =
      head.methodLength > 0
      ? head.methodText.slice(in: head.base) : ByteSlice(head.base, 0)
    self.host = host
    self.path = path
    self.query = query
    base = head.base
    fields = UnsafePointer(head.fields)
    fieldCount = head.fieldCount
  }
}

/// The first condition of a route, beside host and path, that a request does not meet.
package enum RouteObstacle: Equatable, Sendable {
  case none
  case method
  /// The position among the conditions on header fields.
  case field(Int)
  /// The position among the conditions on query parameters.
  case parameter(Int)
}
