// Why this file exists: who may ask the admin listener what. A browser on an operator's machine can
// reach it too, and must not be made a tool by a page from elsewhere.

import HTTPSemantics
import Primitives

/// The access rules of the admin listener.
struct AdminAccess: Equatable {
  /// What a POST must bring as Bearer token.
  var token: String?
  /// The host of the admin address when that is a name, in lower case.
  var configuredHost: String?

  /// Nil when the request may be answered; else the answer.
  func refusal(of request: AdminRequest) -> AdminAnswer? {
    // A page from elsewhere reaches us under its own name when its name server points here (DNS
    // rebinding); an address or localhost cannot be pointed anywhere.
    if let host = request.host, !isOurs(host) {
      return .problem(403, "the Host is neither an IP address, localhost nor the configured name")
    }
    switch request.method {
    case .post: return refusalOfPost(request)
    case .get, .head, .put, .delete, .connect, .options, .trace, .patch, .other: return nil
    }
  }

  private func isOurs(_ host: String) -> Bool {
    if host == "localhost" || host == configuredHost { return true }
    let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
    return IPAddress.parse(isBracketed ? String(host.dropFirst().dropLast()) : host) != nil
  }

  private func refusalOfPost(_ request: AdminRequest) -> AdminAnswer? {
    if request.hasOrigin {
      return .problem(403, "a POST with an Origin comes from a page in a browser")
    }
    for site in request.fetchSites where site != "same-origin" && site != "none" {
      return .problem(403, "a POST with this Sec-Fetch-Site comes from another site")
    }
    guard let token else {
      if request.peer.isLocal { return nil }
      return .problem(403, "without admin.token a POST is taken from this machine only")
    }
    if request.authorizations.count == 1, isBearer(request.authorizations[0], token) { return nil }
    var answer = AdminAnswer.problem(401, "a POST needs admin.token as Bearer token")
    answer.fields.append(("WWW-Authenticate", "Bearer"))
    return answer
  }

  /// RFC 6750 section 2.1; the scheme in any case, one space or more.
  private func isBearer(_ value: String, _ token: String) -> Bool {
    let given = Array(value.utf8)
    guard given.count > 7, String(decoding: given[..<7], as: UTF8.self).lowercased() == "bearer "
    else { return false }
    return isEqual(Array(given[7...].drop { $0 == 0x20 }), Array(token.utf8))
  }

  /// Takes as long for a wrong token as for the right one, whatever part of it is right. It looks
  /// at every byte that was given, so its time tells only what the asker knows already.
  private func isEqual(_ given: [UInt8], _ token: [UInt8]) -> Bool {
    var difference: UInt8 = given.count == token.count ? 0 : 1
    for (index, byte) in given.enumerated() {
      difference |= byte ^ (token.isEmpty ? ~byte : token[index % token.count])
    }
    return difference == 0
  }
}
