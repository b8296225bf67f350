// Why this file exists: where a key goes must not change with a release, a compiler or a machine.
import Balancing
import Primitives
import Testing

@Suite struct StableHashTests {
  private func hash(_ text: String, seed: UInt64 = 0) -> UInt64 {
    Array(text.utf8).withUnsafeBufferPointer { bytes in
      var none: UInt8 = 0
      return withUnsafePointer(to: &none) {
        StableHash.of(ByteSlice(bytes.baseAddress ?? $0, bytes.count), seed: seed)
      }
    }
  }

  /// Values of the reference implementation: none, one, a few, 32 bytes and more.
  @Test(arguments: [
    ("", 0xef46_db37_51d8_e999, 0xd5af_ba13_36a3_be4b),
    ("a", 0xd24e_c4f1_a98c_6e5b, 0xdec2_bc81_c3cd_46c6),
    ("abc", 0x44bc_2cf5_ad77_0999, 0xbea9_ca81_9932_8908),
    ("127.0.0.1:9001", 0x5aae_f6ef_82f8_5212, 0x0069_c810_ae8e_406d),
    ("0123456789abcdef0123456789abcdef", 0x642a_9495_8e71_e6c5, 0x048b_8b58_0878_a4a4),
    (
      "The quick brown fox jumps over the lazy dog, twice: 0123456789!?",
      0xac8d_48e2_5a4b_76cb, 0xb9ed_5f9f_0371_2e5d
    ),
  ] as [(String, UInt64, UInt64)])
  func `it is XXH64`(text: String, seedless: UInt64, seeded: UInt64) {
    #expect(hash(text) == seedless)
    #expect(hash(text, seed: 1) == seeded)
  }

  @Test func `it reads from any address`() {
    let bytes = Array("....the same bytes at another offset, forty and more".utf8)
    bytes.withUnsafeBufferPointer { all in
      guard let base = all.baseAddress else { return }
      let copy = UnsafeMutablePointer<UInt8>.allocate(capacity: 64)
      for offset in 0..<9 {
        (copy + offset).update(from: base + 4, count: 48)
        let moved = ByteSlice(UnsafePointer(copy + offset), 48)
        #expect(StableHash.of(moved) == StableHash.of(ByteSlice(base + 4, 48)))
      }
      copy.deallocate()
    }
  }
}
