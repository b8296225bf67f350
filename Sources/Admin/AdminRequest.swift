// Why this file exists: a request to the admin listener as a value, so that its rules and its
// endpoints are functions of values.

import HTTPParsing
import HTTPSemantics
import Primitives

/// Who is at the other end of a connection.
enum AdminPeer: Equatable {
  case unix
  case address(IPAddress)

  /// On this machine for certain.
  var isLocal: Bool {
    switch self {
    case .unix: true
    case .address(let address): address.isLoopback
    }
  }
}

/// What the rules and the endpoints look at.
struct AdminRequest: Equatable {
  var method: Method
  /// Without the query.
  var path: String
  /// As it was sent, without the question mark.
  var query = ""
  /// The host the client meant, without port, in lower case; nil when an HTTP/1.0 client named
  /// none.
  var host: String?
  var peer: AdminPeer
  var hasOrigin = false
  /// The values of all Sec-Fetch-Site lines.
  var fetchSites: [String] = []
  /// The values of all Authorization lines.
  var authorizations: [String] = []
  /// The values of all Accept lines.
  var accepts: [String] = []
  /// The values of all If-None-Match lines.
  var knownTags: [String] = []

  /// How the errors of a configuration, and what a reload has changed, are to be written: as JSON,
  /// unless text is all that is asked for.
  var format: AdminFormat {
    let ranges = accepts.flatMap { $0.split(separator: ",") }.map { range in
      range.prefix { $0 != ";" }.filter { $0 != " " && $0 != "\t" }.lowercased()
    }
    return ranges.contains("text/plain") && !ranges.contains("application/json") ? .text : .json
  }
}

extension AdminRequest {
  /// Reads an accepted head. Field lines that a Connection field nominates are read too: what a
  /// client writes there must not take a rule away.
  init(_ head: RequestHead, _ facts: RequestFacts, peer: AdminPeer) {
    method = head.method
    self.peer = peer
    let target = Self.text(facts.pathAndQuery, head)
    path = String(target.prefix { $0 != "?" })
    query = String(target.dropFirst(path.count + 1))
    if path.isEmpty { path = "/" }
    host = facts.host.isEmpty ? nil : Self.text(facts.host, head).lowercased()
    for index in 0..<head.fieldCount {
      let field = head.fields[index]
      let name = field.name.slice(in: head.base)
      if ASCII.equalIgnoringCase(name, "origin") { hasOrigin = true }
      if ASCII.equalIgnoringCase(name, "sec-fetch-site") {
        fetchSites.append(Self.text(field.value, head))
      }
      if ASCII.equalIgnoringCase(name, "authorization") {
        authorizations.append(Self.text(field.value, head))
      }
      if ASCII.equalIgnoringCase(name, "accept") { accepts.append(Self.text(field.value, head)) }
      if ASCII.equalIgnoringCase(name, "if-none-match") {
        knownTags.append(Self.text(field.value, head))
      }
    }
  }

  private static func text(_ range: ByteRange, _ head: RequestHead) -> String {
    range.slice(in: head.base).text
  }
}
