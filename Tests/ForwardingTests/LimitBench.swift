// Why this file exists: a route with limits, compiled as it is for workers, and requests for it
// that are written down in one line.
import Configuration
import HTTPSemantics
import Limiting
import Primitives
import Testing

@testable import Forwarding

/// One request.
struct LimitedRequest {
  var target = "/x"
  var fields: [(name: String, value: String)] = []
  var client: IPAddress? = IPAddress(v4: 0x7f00_0001)
  var seconds = 0.0
  /// Positions of fields that end at the gateway.
  var dropped: Set<Int> = []
}

/// Snapshots of one process. One thread, but for `ask`.
final class LimitBench: @unchecked Sendable {
  let registry = SharedRegistry(workers: 2)
  private(set) var snapshot: OwnedSnapshot

  /// - Parameter limits: lines of `rate_limits`.
  /// - Parameter names: of the limits of the only route.
  init(_ limits: String, _ names: String) throws {
    snapshot = try LimitBench.build(registry, limits, names)
  }

  /// Goes over to another configuration; the old snapshot is gone with its last reference.
  func change(_ limits: String, _ names: String) throws {
    snapshot = try LimitBench.build(registry, limits, names)
  }

  private static func build(
    _ registry: SharedRegistry, _ limits: String, _ names: String
  ) throws -> OwnedSnapshot {
    let text =
      "rate_limits:\n" + limits.split(separator: "\n").map { "  \($0)\n" }.joined() + """
        listeners: [{address: 127.0.0.1:0}]
        services: {a: {backends: []}}
        routes: [{name: r, match: {path: /*}, service: a, rate_limits: \(names)}]

        """
    let configuration = try configuration(of: text)
    var builder = SnapshotBuilder(
      registry: registry, names: [:], hashKey: 7, now: Instant(nanoseconds: 1))
    return builder.build(configuration)
  }

  var extras: UnsafePointer<RouteExtras> { snapshot.pointer.pointee.routes[0].extras! }
  func entry(_ position: Int) -> LimitEntry { extras.pointee.limits[position].entry.pointee }

  /// Charges a request, as a worker does.
  @discardableResult
  func ask(_ request: LimitedRequest = LimitedRequest()) -> (outcome: LimitOutcome, told: String) {
    withStep(request) { step, room in
      let outcome = step.charge(room: &room)
      #expect(room.count == 0, "something stays in the room")
      step.writeFields(into: &room)
      return (outcome, String(decoding: room.written.buffer, as: UTF8.self))
    }
  }

  /// How many of so many requests pass.
  func passes(_ count: Int, _ request: LimitedRequest = LimitedRequest()) -> Int {
    (0..<count).count { _ in ask(request).outcome.refused < 0 }
  }

  func look(_ request: LimitedRequest = LimitedRequest()) -> [LimitVerdict?] {
    withStep(request) { step, room in step.look(room: &room) }
  }

  private func withStep<Result>(
    _ request: LimitedRequest, _ body: (LimitStep, inout ByteWriter) -> Result
  ) -> Result {
    let text = request.fields.map { "\($0.name): \($0.value)\r\n" }.joined()
    let memory = UnsafeMutablePointer<UInt8>.allocate(
      capacity: text.utf8.count + request.target.utf8.count + 1)
    defer { memory.deallocate() }
    for (index, byte) in (text + request.target).utf8.enumerated() { memory[index] = byte }
    let fields = UnsafeMutablePointer<Field>.allocate(capacity: request.fields.count + 1)
    defer { fields.deallocate() }
    var at = 0
    for (index, field) in request.fields.enumerated() {
      let kind: FieldKind =
        field.name == "Cookie" ? .cookie : field.name == "X-Forwarded-For" ? .xForwardedFor : .other
      var line = Field(
        nameOffset: UInt32(at), nameLength: UInt16(field.name.utf8.count),
        valueOffset: UInt32(at + field.name.utf8.count + 2),
        valueLength: UInt32(field.value.utf8.count), kind: kind)
      if request.dropped.contains(index) { line.drop() }
      (fields + index).initialize(to: line)
      at += field.name.utf8.count + field.value.utf8.count + 4
    }
    let head = RequestHead(
      base: memory, fields: fields, fieldCount: request.fields.count, method: .get,
      version: .http11,
      target: ByteRange(offset: UInt32(at), length: UInt32(request.target.utf8.count)),
      framing: .none, keepAlive: true)
    var admission = Admission(head)
    admission.pathLength = request.target.prefix { $0 != "?" }.utf8.count
    admission.route = 0
    admission.client = ClientIdentity(
      address: request.client ?? IPAddress(v4: 0), peerIsTrusted: false)
    let ledger = LimitLedger.create()
    defer { ledger.destroy() }
    let room = UnsafeMutablePointer<UInt8>.allocate(capacity: 4_096)
    defer { room.deallocate() }
    var writer = ByteWriter(room, capacity: 4_096)
    return withUnsafePointer(to: admission) { admission in
      withUnsafePointer(to: head) { head in
        let step = LimitStep(
          extras.pointee.limits, ledger, admission, head, snapshot.pointer,
          hasAddress: request.client != nil,
          now: Instant(nanoseconds: 1_000_000_000_000 + UInt64(request.seconds * 1e9)))
        return body(step, &writer)
      }
    }
  }
}
