// Why this file exists: every request of a connection is forwarded with the same address; it is
// written as text once.
import Primitives

/// Room for the text of any address, 39 bytes.
struct AddressText {
  var words: (UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0)
  var count: UInt8 = 0
}

extension ClientRef {
  /// Writes the peer's address down. Once, at the start.
  func noteAddress() {
    if !pointee.hasAddress { return }
    let count = pointee.peer.address.write(to: addressRoom)
    pointee.addressText.count = UInt8(count)
  }

  /// The peer's address as text; empty for a unix socket.
  var addressText: ByteSlice {
    ByteSlice(UnsafePointer(addressRoom), Int(pointee.addressText.count))
  }

  private var addressRoom: UnsafeMutablePointer<UInt8> {
    UnsafeMutableRawPointer(pointer(to: \.addressText.words).unsafelyUnwrapped)
      .assumingMemoryBound(to: UInt8.self)
  }
}
