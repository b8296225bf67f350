// Why this file exists: an address that two readers understand differently is a hole in every rule
// that names addresses.
import Primitives
import Testing

private func v6(_ high: UInt64, _ low: UInt64) -> IPAddress { IPAddress(high: high, low: low) }

@Suite struct IPAddressTests {
  @Test(arguments: [
    ("0.0.0.0", 0 as UInt32), ("127.0.0.1", 0x7f00_0001), ("255.255.255.255", 0xffff_ffff),
    ("10.0.255.1", 0x0a00_ff01), ("1.2.3.4", 0x0102_0304),
  ])
  func `an IPv4 address is read and written the same`(text: String, value: UInt32) throws {
    let address = try #require(IPAddress.parse(text))
    #expect(address == IPAddress(v4: value))
    #expect(address.isV4)
    #expect(address.description == text)
  }

  @Test(arguments: [
    "", ".", "1", "1.2.3", "1.2.3.", ".1.2.3", "1..2.3", "1.2.3.4.", "1.2.3.4.5", "1.2.3.04",
    "01.2.3.4", "00.0.0.0", "1.2.3.00", "256.1.1.1", "1.256.1.1", "1.1.1.256", "256.", "1.2.3.4a",
    "1.2.3.a", "a.b.c.d", "1.2.3.-4", "+1.2.3.4", " 1.2.3.4", "1.2.3.4 ", "0x1.2.3.4", "1.2.3.1000",
    "999999999999", "1.2.3.4\0", "１.2.3.4", "1.2.3.4/8", "1.2.3.4:80", "1,2,3,4",
  ])
  func `what is no IPv4 address is refused`(text: String) {
    #expect(IPAddress.parse(text) == nil)
  }

  @Test(arguments: [
    ("::", 0, 0), ("::1", 0, 1), ("1::", 0x0001_0000_0000_0000, 0),
    ("2001:db8::1", 0x2001_0db8_0000_0000, 1),
    ("1:2:3:4:5:6:7:8", 0x0001_0002_0003_0004, 0x0005_0006_0007_0008),
    ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", .max, .max),
    ("::2:3:4:5:6:7:8", 0x0000_0002_0003_0004, 0x0005_0006_0007_0008),
    ("1:2:3:4:5:6:7::", 0x0001_0002_0003_0004, 0x0005_0006_0007_0000),
    ("1::8", 0x0001_0000_0000_0000, 8),
    ("FE80::ABCD", 0xfe80_0000_0000_0000, 0xabcd),
    ("0001:0002::0003", 0x0001_0002_0000_0000, 3),
    ("64:ff9b::192.0.2.1", 0x0064_ff9b_0000_0000, 0xc000_0201),
    ("1:2:3:4:5:6:1.2.3.4", 0x0001_0002_0003_0004, 0x0005_0006_0102_0304),
    ("::1.2.3.4", 0, 0x0102_0304),
    ("1::6:1.2.3.4", 0x0001_0000_0000_0000, 0x0000_0006_0102_0304),
  ] as [(String, UInt64, UInt64)])
  func `an IPv6 address is read`(text: String, high: UInt64, low: UInt64) throws {
    let address = try #require(IPAddress.parse(text))
    #expect(address.high == high && address.low == low && !address.isV4)
  }

  @Test(arguments: [
    ":", ":::", "1", "1:", ":1", "::1:", ":::1", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "1::2::3", "12345::", "g::", "::g", "1:2:3:4:5:6:7:",
    "::1.2.3", "::1.2.3.04", "::256.1.1.1", "1.2.3.4::", "::1.2.3.4:5", "1:2:3:4:5:6:7:1.2.3.4",
    "::1%eth0", "[::1]", "::1/64", " ::1", "::1 ", "::0x1", "1:2:3:4:5:6::1.2.3.4.5",
    "0000:0000:0000:0000:0000:0000:0000:00000",
  ])
  func `what is no IPv6 address is refused`(text: String) {
    #expect(IPAddress.parse(text) == nil)
  }

  @Test(arguments: ["::ffff:1.2.3.4", "::FFFF:102:304", "0:0:0:0:0:ffff:1.2.3.4"])
  func `an IPv4-mapped address is the IPv4 address`(text: String) throws {
    let address = try #require(IPAddress.parse(text))
    #expect(address == IPAddress(v4: 0x0102_0304))
    #expect(address.isV4)
    #expect(address.description == "1.2.3.4")
  }

  @Test(arguments: [
    ("0:0:0:0:0:0:0:0", "::"), ("0:0:0:0:0:0:0:1", "::1"), ("1:0:0:0:0:0:0:0", "1::"),
    ("2001:0DB8:0:0:0:0:0:1", "2001:db8::1"),
    ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),  // one zero group is no gap
    ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"),  // the longest run
    ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),  // the first of equals
    ("1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"), ("0:0:3:4:5:6:7:8", "::3:4:5:6:7:8"),
    ("::1.2.3.4", "::102:304"), ("a0:0b0:00c:d:0:0:0:e", "a0:b0:c:d::e"),
  ])
  func `IPv6 text is canonical`(text: String, canonical: String) throws {
    #expect(try #require(IPAddress.parse(text)).description == canonical)
  }

  @Test func `every address survives being written and read`() throws {
    var random = SplitMix64(seed: 3)
    for _ in 0..<5_000 {
      // Masks make runs of zero groups likely.
      var words = [random.next(), random.next()]
      let mask = random.next()
      for group in 0..<8 where mask >> UInt64(group) & 1 == 0 {
        words[group >> 2] &= ~(0xffff << UInt64((group & 3) * 16))
      }
      let address = v6(words[0], words[1])
      #expect(IPAddress.parse(address.description) == address)
      let old = IPAddress(v4: UInt32(truncatingIfNeeded: words[0]))
      #expect(IPAddress.parse(old.description) == old)
    }
  }

  @Test func `random bytes never trap, and what is read is written back readable`() {
    var random = SplitMix64(seed: 4)
    let alphabet = Array("0123456789abcdef:::....%/[]".utf8)
    var accepted = 0
    for _ in 0..<100_000 {
      let count = Int(random.next() % 20)
      let bytes = (0..<count).map { _ in alphabet[Int(random.next() % UInt64(alphabet.count))] }
      guard let address = withSlice(bytes, IPAddress.parse) else { continue }
      accepted += 1
      #expect(IPAddress.parse(address.description) == address)
    }
    #expect(accepted > 0)
  }

  @Test func `loopback and unspecified are told`() {
    #expect(IPAddress.parse("127.8.9.1")?.isLoopback == true)
    #expect(IPAddress.parse("::1")?.isLoopback == true)
    #expect(IPAddress.parse("128.0.0.1")?.isLoopback == false)
    #expect(IPAddress.parse("::2")?.isLoopback == false)
    #expect(IPAddress.parse("0.0.0.0")?.isUnspecified == true)
    #expect(IPAddress.parse("::")?.isUnspecified == true)
    #expect(IPAddress.parse("0.0.0.0") != IPAddress.parse("::"))
  }
}

@Suite struct CIDRTests {
  @Test(arguments: [
    ("10.0.0.0/8", "10.255.255.255", true), ("10.0.0.0/8", "11.0.0.0", false),
    ("10.1.2.3/8", "10.9.9.9", true), ("0.0.0.0/0", "255.1.2.3", true),
    ("0.0.0.0/0", "::1", false), ("::/0", "1.2.3.4", false), ("::/0", "ffff::", true),
    ("1.2.3.4", "1.2.3.4", true), ("1.2.3.4", "1.2.3.5", false), ("1.2.3.4/31", "1.2.3.5", true),
    ("2001:db8::/32", "2001:db8:ffff::1", true), ("2001:db8::/32", "2001:db9::", false),
    ("2001:db8::/64", "2001:db8::ffff:0:0:1", true),
    ("2001:db8::/65", "2001:db8::8000:0:0:1", false),
    ("2001:db8::/63", "2001:db8:0:1::", true), ("::1", "::1", true), ("::1", "::2", false),
    ("10.0.0.0/8", "::ffff:10.1.1.1", true), ("::ffff:10.0.0.0/104", "10.1.1.1", true),
    ("::ffff:10.0.0.0/104", "11.1.1.1", false), ("::ffff:1.2.3.4", "1.2.3.4", true),
    ("::ffff:0:0/96", "8.8.8.8", true),
  ])
  func `a range holds what it should`(range: String, address: String, inside: Bool) throws {
    let cidr = try #require(CIDR.parse(range))
    #expect(cidr.contains(try #require(IPAddress.parse(address))) == inside)
  }

  @Test(arguments: [
    "", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0.0/08", "10.0.0.0/-1",
    "10.0.0.0/+8",
    "10.0.0.0/8/8", "10.0.0/8", "10.0.0.0/ 8", "10.0.0.0/255.0.0.0", "::ffff:10.0.0.0/8",
    "::ffff:10.0.0.0/95", "10.0.0.0/0000008", "10.0.0.0/99999999999999999999",
  ])
  func `what is no range is refused`(text: String) {
    #expect(CIDR.parse(text) == nil)
  }

  @Test func `a range is written with its low bits cleared`() {
    #expect(CIDR.parse("10.1.2.3/8")?.description == "10.0.0.0/8")
    #expect(CIDR.parse("2001:db8:1::5/32")?.description == "2001:db8::/32")
    #expect(CIDR.parse("::ffff:10.1.2.3/104")?.description == "10.0.0.0/8")
    #expect(CIDR.parse("1.2.3.4")?.description == "1.2.3.4/32")
  }

  @Test func `each prefix length agrees with comparing bit by bit`() {
    var random = SplitMix64(seed: 12)
    for prefix in 0...128 {
      let base = v6(random.next() | 1 << 63, random.next())
      let cidr = CIDR(base, prefix: UInt8(prefix))
      for bit in 0..<128 {
        let flipped =
          bit < 64
          ? v6(base.high ^ (1 << UInt64(63 - bit)), base.low)
          : v6(base.high, base.low ^ (1 << UInt64(127 - bit)))
        #expect(cidr.contains(flipped) == (bit >= prefix))
      }
    }
  }
}

@Suite struct EndpointTests {
  @Test(arguments: ["1.2.3.4:80", "[::1]:8080", "0.0.0.0:0", "[2001:db8::1]:65535"])
  func `an endpoint is read and written the same`(text: String) throws {
    let endpoint = try #require(Endpoint.parse(text))
    #expect(endpoint.description == text)
    var room = [UInt8](repeating: 0, count: Endpoint.maximumTextLength)
    let count = room.withUnsafeMutableBufferPointer { buffer in
      buffer.baseAddress.map { endpoint.write(to: $0) } ?? 0
    }
    #expect(String(decoding: room[..<count], as: UTF8.self) == text)
  }

  @Test(arguments: [
    "", ":", ":80", "1.2.3.4", "1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:-1", "1.2.3.4:000080",
    "::1:80", "[::1]", "[::1]80", "[]:80", "[1.2.3.4]:80", "::1]:80", "[::1:80", "localhost:80",
  ])
  func `what is no endpoint is refused`(text: String) {
    #expect(Endpoint.parse(text) == nil)
  }

  @Test func `the longest text fits the room that is asked for`() throws {
    let text = "[1234:1234:1234:1234:1234:1234:1234:1234]:65535"
    #expect(try #require(Endpoint.parse(text)).description == text)
    #expect(text.utf8.count <= Endpoint.maximumTextLength)
  }
}
