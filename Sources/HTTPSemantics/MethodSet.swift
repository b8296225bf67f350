// Why this file exists: a route may name the methods it takes, also ones that no rule of the
// gateway speaks of; whether a request's method is among them must cost one test of a bit.
public import Primitives

/// A set of request methods.
@frozen @usableFromInline
package struct MethodSet: Equatable, Hashable, Sendable {
  /// Bit n: the method with the raw value n; from `firstExtension` on the methods that are `other`.
  @usableFromInline package var bits: UInt64

  @inlinable package init(bits: UInt64) { self.bits = bits }

  /// Every method there is or will be.
  @inlinable package static var every: MethodSet { MethodSet(bits: .max) }
  @inlinable package static var none: MethodSet { MethodSet(bits: 0) }

  /// - Parameter text: the method as it was sent; looked at only when it is `other`.
  @inlinable
  package func contains(_ method: Method, _ text: ByteSlice) -> Bool {
    if bits == .max { return true }
    switch method {
    case .other: return bits & MethodSet.extensionBit(text) != 0
    case .get, .head, .post, .put, .delete, .connect, .options, .trace, .patch:
      return bits >> UInt64(method.rawValue) & 1 != 0
    }
  }

  package func isSuperset(of other: MethodSet) -> Bool { other.bits & ~bits == 0 }
  package func isDisjoint(with other: MethodSet) -> Bool { other.bits & bits == 0 }
  package mutating func formUnion(_ other: MethodSet) { bits |= other.bits }

  // MARK: Names

  /// The set of one method by its name, which is case-sensitive (RFC 9110 section 9.1); nil for
  /// CONNECT, which is never forwarded, and for what the parser does not know.
  package static func named(_ name: String) -> MethodSet? {
    for method in Method.allCases where "\(method.word)" == name {
      switch method {
      case .connect, .other: return nil
      case .get, .head, .post, .put, .delete, .options, .trace, .patch:
        return MethodSet(bits: 1 << UInt64(method.rawValue))
      }
    }
    for index in 0..<extensionCount where "\(extensionName(index))" == name {
      return MethodSet(bits: 1 << UInt64(firstExtension + index))
    }
    return nil
  }

  /// Every name that `named` knows.
  package static var names: [String] {
    let known = Method.allCases.map { "\($0.word)" }
    return (known + (0..<extensionCount).map { "\(extensionName($0))" }).filter {
      named($0) != nil
    }
  }

  /// The names as a list for Allow (RFC 9110 section 10.2.1).
  package func write(to writer: inout ByteWriter) {
    let start = writer.count
    for method in Method.allCases where bits >> UInt64(method.rawValue) & 1 != 0 {
      switch method {
      case .connect, .other: continue
      case .get, .head, .post, .put, .delete, .options, .trace, .patch: break
      }
      if writer.count > start { writer.append(", ") }
      writer.append(method.word)
    }
    for index in 0..<MethodSet.extensionCount
    where bits >> UInt64(MethodSet.firstExtension + index) & 1 != 0 {
      if writer.count > start { writer.append(", ") }
      writer.append(MethodSet.extensionName(index))
    }
  }

  // MARK: Methods without a rule

  static var firstExtension: Int { 16 }
  static var extensionCount: Int { 25 }

  /// The bit of a method that is `other`; 0 when the list does not have it.
  @usableFromInline package static func extensionBit(_ text: ByteSlice) -> UInt64 {
    for index in 0..<extensionCount where ASCII.equal(text, extensionName(index)) {
      return 1 << UInt64(firstExtension + index)
    }
    return 0
  }

  /// WebDAV and its relatives, as far as the parser knows them.
  static func extensionName(_ index: Int) -> StaticString {
    switch index {
    case 0: "PROPFIND"
    case 1: "PROPPATCH"
    case 2: "MKCOL"
    case 3: "COPY"
    case 4: "MOVE"
    case 5: "LOCK"
    case 6: "UNLOCK"
    case 7: "SEARCH"
    case 8: "BIND"
    case 9: "REBIND"
    case 10: "UNBIND"
    case 11: "ACL"
    case 12: "REPORT"
    case 13: "MKACTIVITY"
    case 14: "CHECKOUT"
    case 15: "MERGE"
    case 16: "M-SEARCH"
    case 17: "NOTIFY"
    case 18: "SUBSCRIBE"
    case 19: "UNSUBSCRIBE"
    case 20: "PURGE"
    case 21: "MKCALENDAR"
    case 22: "LINK"
    case 23: "UNLINK"
    default: "QUERY"
    }
  }
}
