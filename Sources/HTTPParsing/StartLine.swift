// Why this file exists: the request line is where llhttp's strict mode lets most through that is
// not in the grammar, and where a refusal must say which of three answers the client gets.
import CLLHTTP
import HTTPSemantics
import Primitives

enum StartLine {
  /// Exactly one space on either side of the target, and the protocol is HTTP (llhttp takes any
  /// number of spaces, and also RTSP and ICE).
  @inline(__always)
  static func requestLine(_ base: UnsafePointer<UInt8>, _ table: UnsafeMutablePointer<HeadTable>)
    -> Bool
  {
    let target = table.pointee.target
    let length = Int(target.offset) - Int(table.pointee.start) - 1
    guard length > 0, !target.isEmpty else { return false }
    if base[Int(target.offset) - 2] == 0x20 { return false }
    table.pointee.method = ByteRange(offset: table.pointee.start, length: UInt32(length))
    return isHTTP(base + Int(target.end))
  }

  /// llhttp knew no method beginning as this one up to `stop`. True when what stands there could
  /// still be a method.
  static func isUnknownMethod(_ base: UnsafePointer<UInt8>, _ start: Int, _ stop: Int) -> Bool {
    let byte = base[stop]
    return ASCII.isToken(byte) || (byte == 0x20 && stop > start)
  }

  /// llhttp stopped behind the target: at a method of another protocol, at a version that is not
  /// ours, or at anything else that does not belong there.
  static func versionFailure(
    _ number: UInt8, _ base: UnsafePointer<UInt8>, _ table: UnsafeMutablePointer<HeadTable>,
    _ stop: Int
  ) -> ParseFailure {
    let version = base + Int(table.pointee.target.end) + 1
    let isWhole = base + stop >= version + 7 && isHTTP(version - 1) && ASCII.isDigit(version[5])
    let isVersion = isWhole && version[6] == 0x2E && ASCII.isDigit(version[7])
    let isOurs = isVersion && version[5] == 0x31 && version[7] <= 0x31
    if isVersion && !isOurs { return .version }
    return method(number) == nil ? .method : .framing
  }

  /// " HTTP/" stands here.
  @inline(__always)
  private static func isHTTP(_ at: UnsafePointer<UInt8>) -> Bool {
    at[0] == 0x20 && at[1] == 0x48 && at[2] == 0x54 && at[3] == 0x54 && at[4] == 0x50
      && at[5] == 0x2F
  }

  /// The methods that we forward; `nil` for those that llhttp knows from other protocols.
  @inline(__always)
  static func method(_ number: UInt8) -> Method? {
    switch llhttp_method_t(rawValue: UInt32(number)) {
    case HTTP_GET: .get
    case HTTP_HEAD: .head
    case HTTP_POST: .post
    case HTTP_PUT: .put
    case HTTP_DELETE: .delete
    case HTTP_CONNECT: .connect
    case HTTP_OPTIONS: .options
    case HTTP_TRACE: .trace
    case HTTP_PATCH: .patch
    default: number == 46 || number <= 32 ? .other : nil
    }
  }
}
