// Why this file exists: an operator takes one backend out of the traffic and puts it back. Which
// one stands in the path, and an address may hold what a path may not: it is taken apart here.

import HTTPSemantics

/// `POST /backends/{service}/{address}/drain` or `/ready`.
struct BackendOrder: Equatable {
  var service: String
  /// As /status has it: `host:port`, `[v6]:port` or `unix:/path`.
  var address: String
  /// False: it is to take requests again.
  var isDraining: Bool

  static let prefix = "/backends/"
  static let form = "/backends/{service}/{address}/drain or /ready"

  /// Nil when the path has another form. The slashes of a unix socket's path may be written as they
  /// are or percent-encoded.
  init?(path: String) {
    guard path.hasPrefix(BackendOrder.prefix) else { return nil }
    let parts = path.dropFirst(BackendOrder.prefix.count)
      .split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count >= 3, let service = BackendOrder.decoded(parts[0]),
      let address = BackendOrder.decoded(parts[1..<(parts.count - 1)].joined(separator: "/")[...]),
      !service.isEmpty, !address.isEmpty
    else { return nil }
    switch parts[parts.count - 1] {
    case "drain": isDraining = true
    case "ready": isDraining = false
    default: return nil
    }
    self.service = service
    self.address = address
  }

  /// Percent triplets as the bytes they stand for; nil when one is broken or the text is no UTF-8.
  private static func decoded(_ text: Substring) -> String? {
    var bytes: [UInt8] = []
    var rest = Substring(text).utf8
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard let high = rest.popFirst().flatMap(digit), let low = rest.popFirst().flatMap(digit)
      else { return nil }
      bytes.append(high << 4 | low)
    }
    return String(validating: bytes, as: UTF8.self)
  }

  private static func digit(_ byte: UInt8) -> UInt8? {
    Character(UnicodeScalar(byte)).hexDigitValue.map { UInt8($0) }
  }
}

extension BackendOrder {
  /// The answer to an order that the source has followed, or could not.
  func answer(_ verdict: AdminDrainVerdict) -> AdminAnswer {
    switch verdict {
    case .noService(let names):
      return .problem(404, "there is no service '\(service)'" + BackendOrder.instead(names))
    case .noBackend(let addresses):
      return .problem(
        404,
        "the service '\(service)' has no backend '\(address)'" + BackendOrder.instead(addresses))
    case .done(let addresses, let usable):
      var json = JSONWriter()
      json.beginObject()
      json.member("service", service)
      json.key("backends")
      json.beginArray()
      for address in addresses { json.string(address) }
      json.endArray()
      json.member("draining", isDraining)
      json.member("usable_backends", usable)
      json.endObject()
      return AdminAnswer(status: 200, contentType: "application/json", body: json.finished)
    }
  }

  private static func instead(_ names: [String]) -> String {
    names.isEmpty
      ? "; there is none"
      : "; there \(names.count == 1 ? "is" : "are") "
        + names.prefix(8).joined(separator: ", ") + (names.count > 8 ? ", …" : "")
  }
}
