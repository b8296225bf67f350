// Why this file exists: bytes that wait are the same bytes in the same order, whatever is appended
// and used up in between.
import Glibc
import Primitives
import Testing

@testable import Proxy

@Suite struct InboxTests {
  @Test func `what is appended, read into and consumed agrees with a plain array`() {
    let pool = UnsafeMutablePointer<BufferPool>.allocate(capacity: 1)
    pool.initialize(to: .create())
    var random = Xoroshiro(seed: 7)
    var inbox = Inbox()
    var model: [UInt8] = []
    var next: UInt8 = 0
    for _ in 0..<500 {
      switch random.below(3) {
      case 0 where !inbox.isFull:
        let piece = (0..<Int(random.below(9_000))).map { UInt8(truncatingIfNeeded: $0) ^ next }
        next &+= 1
        piece.withUnsafeBufferPointer { bytes in
          guard let base = bytes.baseAddress else { return }
          inbox.append(base, bytes.count, pool)
        }
        model += piece
      case 1 where !inbox.isEmpty && !inbox.isFull:
        let room = inbox.room(pool)
        #expect(room.count >= Inbox.leastRoom)
        let count = Int(random.below(UInt64(room.count))) + 1
        for index in 0..<count { room[index] = next &+ UInt8(truncatingIfNeeded: index) }
        model += (0..<count).map { next &+ UInt8(truncatingIfNeeded: $0) }
        inbox.filled(count)
      default:
        let count = min(model.count, Int(random.below(20_000)))
        inbox.consume(count, pool)
        model.removeFirst(count)
      }
      #expect(inbox.count == model.count)
      if !inbox.isEmpty {
        let isSame = model.withUnsafeBytes { memcmp($0.baseAddress!, inbox.base, model.count) == 0 }
        #expect(isSame)
      }
    }
    inbox.destroy(pool)
    #expect(pool.pointee.buffersOut == 0)
    pool.pointee.destroy()
    pool.deallocate()
  }

  @Test func `an empty inbox holds no memory`() {
    let pool = UnsafeMutablePointer<BufferPool>.allocate(capacity: 1)
    pool.initialize(to: .create())
    var inbox = Inbox()
    let bytes: [UInt8] = [1, 2, 3]
    bytes.withUnsafeBufferPointer { inbox.append($0.baseAddress!, 3, pool) }
    #expect(pool.pointee.buffersOut == 1)
    inbox.consume(3, pool)
    #expect(pool.pointee.buffersOut == 0)
    pool.pointee.destroy()
    pool.deallocate()
  }
}
