// Why this file exists: a key that is read differently by two requests of one client, or that is
// the same for all clients, makes a keyed balancer useless.
import Balancing
import HTTPSemantics
import Primitives
import Testing

@testable import Forwarding

@Suite struct HashKeyTests {
  /// Bytes that stay.
  private func bytes(_ text: String) -> ByteSlice {
    let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: text.utf8.count + 1)
    for (index, byte) in text.utf8.enumerated() { memory[index] = byte }
    return ByteSlice(memory, text.utf8.count)
  }

  /// A request with one field of this name on each of the lines.
  private func hash(
    _ key: HashKey, target: String = "/a?b=1", field: String = "X-User", values: [String] = [],
    client: IPAddress = IPAddress(v4: 0x7f00_0001), hasAddress: Bool = true
  ) -> UInt64? {
    let text = values.map { "\(field): \($0)\r\n" }.joined()
    let base = bytes(text)
    let fields = UnsafeMutablePointer<Field>.allocate(capacity: values.count + 1)
    var at = 0
    for (index, value) in values.enumerated() {
      let kind: FieldKind = field == "Cookie" ? .cookie : .other
      (fields + index).initialize(
        to: Field(
          nameOffset: UInt32(at), nameLength: UInt16(field.utf8.count),
          valueOffset: UInt32(at + field.utf8.count + 2), valueLength: UInt32(value.utf8.count),
          kind: kind))
      at += field.utf8.count + value.utf8.count + 4
    }
    let head = RequestHead(
      base: base.base, fields: fields, fieldCount: values.count, method: .get, version: .http11,
      target: ByteRange.empty, framing: .none, keepAlive: true)
    var admission = Admission(head)
    admission.target = bytes(target)
    admission.pathLength = target.prefix { $0 != "?" }.utf8.count
    admission.client = ClientIdentity(address: client, peerIsTrusted: false)
    let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: 256)
    defer { memory.deallocate() }
    var room = ByteWriter(memory, capacity: 256)
    let hash = admission.hash(key, head, hasAddress: hasAddress, room: &room)
    #expect(room.count == 0, "something stays in the room")
    return hash
  }

  private func xxh64(_ text: String, seed: UInt64 = 0) -> UInt64 {
    StableHash.of(bytes(text), seed: seed)
  }

  @Test func `a key is the hash of its bytes, so that anyone can compute it`() {
    let name = bytes("x-user")
    #expect(hash(.field(name), values: ["anna"]) == xxh64("anna"))
    #expect(hash(.cookie(bytes("sid")), field: "Cookie", values: ["sid=7"]) == xxh64("7"))
    #expect(hash(.query(bytes("b"))) == xxh64("1"))
    #expect(hash(.path) == xxh64("/a"))
    #expect(hash(.clientIP) == xxh64("127.0.0.1"))
    let six = IPAddress(high: 0x2001_0db8_0000_0000, low: 1)
    #expect(hash(.clientIP, client: six) == xxh64("2001:db8::1"))
  }

  @Test func `all lines of a field make the key, in their order`() {
    let name = bytes("x-user")
    let both = hash(.field(name), values: ["a", "b"])
    #expect(both == xxh64("b", seed: xxh64("a")))
    #expect(both != hash(.field(name), values: ["b", "a"]))
    #expect(both != hash(.field(name), values: ["a"]))
  }

  @Test func `a parameter is hashed as it is meant, all of them in their order`() {
    let key = HashKey.query(bytes("u_k"))
    for target in ["/?u_k=a+b", "/?x=1&u_k=a%20b", "/?%75%5Fk=%61%20%62", "/?u_k=&u_k=a+b&U_K=2"] {
      #expect(hash(key, target: target) == xxh64("a b"), "\(target)")
    }
    #expect(hash(key, target: "/?u_k=1&%75_k=%32") == xxh64("2", seed: xxh64("1")))
    for target in ["/", "/?", "/?u_k", "/?u_k=", "/u_k=1", "/?uu_k=1", "/?u_kk=1"] {
      #expect(hash(key, target: target) == nil, "\(target)")
    }
  }

  @Test func `who has no key is not given a common one (regression 13)`() {
    #expect(hash(.field(bytes("x-user"))) == nil)
    #expect(hash(.field(bytes("x-user")), values: [""]) == nil)
    #expect(hash(.cookie(bytes("sid")), field: "Cookie", values: ["a=1"]) == nil)
    #expect(hash(.query(bytes("c"))) == nil)
    #expect(hash(.host) == nil)
    #expect(hash(.clientIP, hasAddress: false) == nil)
    #expect(hash(.none) == nil)
  }
}
