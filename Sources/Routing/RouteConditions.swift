// Why this file exists: beyond host and path a route may ask for methods, header fields and query
// parameters; here one candidate is asked whether a request meets them. Explanations ask the same
// function as the request path does.
import HTTPSemantics
import Primitives

/// A condition in the table's memory.
struct Condition {
  var nameOffset: UInt32
  var nameLength: UInt32
  var valueOffset: UInt32
  var valueLength: UInt32
  /// It is enough that the name is there.
  var isPresence: Bool
}

extension RouteTable {
  /// The first condition that the request does not meet.
  func obstacle(_ candidate: UnsafePointer<Candidate>, _ request: RouteRequest) -> RouteObstacle {
    if !candidate.pointee.methods.contains(request.method, request.methodText) { return .method }
    if candidate.pointee.fieldConditions | candidate.pointee.parameterConditions == 0 {
      return .none
    }
    return unmet(candidate, request)
  }

  /// The same without regard to the method.
  func unmet(_ candidate: UnsafePointer<Candidate>, _ request: RouteRequest) -> RouteObstacle {
    var condition = conditions + Int(candidate.pointee.firstCondition)
    for position in 0..<Int(candidate.pointee.fieldConditions) {
      if !isMetByField(condition, request) { return .field(position) }
      condition += 1
    }
    for position in 0..<Int(candidate.pointee.parameterConditions) {
      if !isMetByParameter(condition, request) { return .parameter(position) }
      condition += 1
    }
    return .none
  }

  /// Any of several field lines of the name will do.
  private func isMetByField(
    _ condition: UnsafePointer<Condition>, _ request: RouteRequest
  ) -> Bool {
    let name = name(of: condition)
    for index in 0..<request.fieldCount {
      let field = request.fields + index
      guard Int(field.pointee.nameLength) == name.count,
        ASCII.equalIgnoringCase(field.pointee.name.slice(in: request.base), name),
        RouteTable.counts(field, request)
      else { continue }
      if condition.pointee.isPresence { return true }
      if ASCII.equal(field.pointee.value.slice(in: request.base), value(of: condition)) {
        return true
      }
    }
    return false
  }

  /// A line that ends at this hop was sent to this hop, so it counts: a name in Connection must not
  /// be able to take a rule away. One that was taken out for its underscore is not there.
  static func counts(_ field: UnsafePointer<Field>, _ request: RouteRequest) -> Bool {
    if !field.pointee.isDropped { return true }
    let name = field.pointee.name.slice(in: request.base)
    for index in 0..<name.count where name.base[index] == 0x5f { return false }
    return true
  }

  private func isMetByParameter(
    _ condition: UnsafePointer<Condition>, _ request: RouteRequest
  ) -> Bool {
    let name = name(of: condition)
    var parameters = QueryParameters(request.query)
    while parameters.next() {
      guard DecodedBytes.equal(parameters.name, name) else { continue }
      if condition.pointee.isPresence { return true }
      if DecodedBytes.equal(parameters.value, value(of: condition)) { return true }
    }
    return false
  }

  private func name(of condition: UnsafePointer<Condition>) -> ByteSlice {
    ByteSlice(bytes + Int(condition.pointee.nameOffset), Int(condition.pointee.nameLength))
  }

  private func value(of condition: UnsafePointer<Condition>) -> ByteSlice {
    ByteSlice(bytes + Int(condition.pointee.valueOffset), Int(condition.pointee.valueLength))
  }
}
