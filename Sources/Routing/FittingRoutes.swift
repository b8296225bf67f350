// Why this file exists: who knows only a part of a request (a line of a log has no header fields)
// must see every route that might take it, in the order in which they are asked, and not only the
// one that would take it as it stands.
import HTTPSemantics
import Primitives

extension RouteTable {
  /// Calls `visit` with the routes whose host, path and method fit, in the order in which they are
  /// asked, whatever their other conditions are; ends when it gives false. For tools.
  package func visitFitting(_ request: RouteRequest, _ visit: (UInt32) -> Bool) {
    var search = RouteSearch(self, request)
    while let bucket = search.next() {
      let first = Int(bucket.pointee.first)
      for candidate in candidates + first..<candidates + first + Int(bucket.pointee.count)
      where candidate.pointee.methods.contains(request.method, request.methodText) {
        if !visit(candidate.pointee.route) { return }
      }
    }
  }
}
