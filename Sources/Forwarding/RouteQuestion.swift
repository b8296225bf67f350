// Why this file exists: where routes ask for more than a path, admission puts the whole question to
// the table; the plain case does not come here.
package import HTTPSemantics
package import Primitives
package import Routing

extension Admission {
  /// The path of `OPTIONS *`.
  private static var root: ByteSlice {
    let slash: StaticString = "/"
    return ByteSlice(slash.utf8Start, 1)
  }

  /// What is routed: the path in its normal form, `/` for `OPTIONS *`.
  @inline(__always)
  package var routedPath: ByteSlice {
    facts.form == .asterisk ? Admission.root : ByteSlice(target.base, pathLength)
  }

  /// Routing by everything that routes ask for.
  @inline(never)
  func routeByAll(
    _ head: RequestHead, _ path: ByteSlice, _ snapshot: UnsafePointer<Snapshot>
  ) -> Int32 {
    snapshot.pointee.routing.match(routeRequest(head, path)).map { Int32($0) } ?? -1
  }

  /// When no route takes the request: the methods with which some route would.
  @inline(never)
  func allowedMethods(_ head: RequestHead, _ snapshot: UnsafePointer<Snapshot>) -> MethodSet {
    snapshot.pointee.routing.allowedMethods(routeRequest(head, routedPath))
  }

  /// What stands behind the `?`.
  var query: ByteSlice {
    let behind = target.count - pathLength
    return behind > 0
      ? ByteSlice(target.base + pathLength + 1, behind - 1) : ByteSlice(target.base, 0)
  }

  /// What routing looks at.
  package func routeRequest(_ head: RequestHead, _ path: ByteSlice) -> RouteRequest {
    RouteRequest(
      head, host: facts.host.slice(in: head.base), path: path, query: query)
  }
}
