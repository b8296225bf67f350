// Why this file exists: what a backend sends is judged as hard as what a client sends. A response
// with two readings would let the next answer on the connection go to the wrong client.
import Primitives

/// The rules of RFC 9110 and 9112 for responses that a gateway passes on.
package enum ResponseRules {
  /// Judges `head`, marks the field lines that end at this hop, sets `framing` and `keepAlive`, and
  /// fills `facts`. The head's bytes and table are as `ResponseHead` describes them.
  package static func judge(
    _ head: inout ResponseHead, _ context: ResponseContext, into facts: inout ResponseFacts
  ) -> ResponseVerdict {
    facts = ResponseFacts()
    guard head.status >= 100, head.status <= 999 else { return .refuse }
    guard FieldBytes.isValue(head.phrase.slice(in: head.base)) else { return .refuse }
    var pass = ResponseFieldPass()
    guard pass.run(head, &facts) else { return .refuse }

    let kinds = pass.kinds
    var options = ConnectionOptions()
    if kinds.has(.connection) {
      let isGood = options.read(
        head.base, head.fields, head.fieldCount, isOneLine: !kinds.isRepeated(.connection))
      if !isGood { return .refuse }
    }
    head.keepAlive = head.keepAlive && options.persists(head.version)
    guard frame(&head, pass, context) else { return .refuse }

    facts.isInterim = head.status < 200 && head.status != 101
    if head.status == 101 {
      guard isExpected(head, kinds, options, context) else { return .refuse }
      facts.isUpgrade = true
    }
    if facts.dateField >= 0, head.fields[Int(facts.dateField)].isDropped { facts.dateField = -1 }
    facts.dropsTrailers = options.mayNameTrailers
    let keepsTrailers =
      head.framing == .chunked && context.clientVersion.hasChunked && !facts.dropsTrailers
    if kinds.has(.trailer), !keepsTrailers {
      TrailerRules.dropAnnouncement(head.fields, head.fieldCount)
    }
    return .accept
  }

  /// How long the body is (RFC 9112 section 6.3), read from the fields and compared with what the
  /// parser goes by.
  @inline(__always)
  private static func frame(
    _ head: inout ResponseHead, _ pass: ResponseFieldPass, _ context: ResponseContext
  ) -> Bool {
    let kinds = pass.kinds
    var framing = Framing.untilClose
    if kinds.has(.transferEncoding) {
      guard !kinds.isRepeated(.transferEncoding), !kinds.has(.contentLength),
        head.version.hasChunked, MessageFraming.isChunked(head.first(.transferEncoding))
      else { return false }
      framing = .chunked
    } else if kinds.has(.contentLength) {
      guard let length = mergeContentLengths(head, pass) else { return false }
      MessageFraming.dropLeadingZeros(head.fields + pass.contentLength, head.base)
      framing = .length(length)
    }

    let hasNoContent = head.status < 200 || head.status == 204
    if hasNoContent {
      // Transfer-Encoding is forbidden there (RFC 9112 section 6.1), and readers disagree on
      // whether a body follows. A length is forbidden too; it is left out, and if it promised bytes
      // they may still come, so the connection is not used again.
      if kinds.has(.transferEncoding) { return false }
      if kinds.has(.contentLength) {
        for index in 0..<head.fieldCount {
          if case .contentLength = head.fields[index].kind { head.fields[index].drop() }
        }
        if !framing.isEmpty { head.keepAlive = false }
      }
    }
    if hasNoContent || head.status == 304 || context.requestMethod.isHead { framing = .none }

    guard framing == head.framing || (framing.isEmpty && head.framing.isEmpty) else { return false }
    if framing == .untilClose { head.keepAlive = false }
    head.framing = framing
    return true
  }

  /// The one length that all Content-Length lines give, as one line of one number: RFC 9110 section
  /// 8.6 allows merging equal ones. Nil when any differs or is no number.
  @inline(__always)
  private static func mergeContentLengths(
    _ head: ResponseHead, _ pass: ResponseFieldPass
  ) -> UInt64? {
    let line = pass.contentLength
    if !pass.kinds.isRepeated(.contentLength) {
      if let length = MessageFraming.length(head.value(line)) { return length }
    }
    var agreed: UInt64?
    for index in line..<head.fieldCount {
      guard case .contentLength = head.fields[index].kind else { continue }
      var list = FieldList(head.value(index))
      guard let first = list.next(), let length = MessageFraming.length(first) else { return nil }
      if let agreed, agreed != length { return nil }
      while let member = list.next() {
        guard MessageFraming.length(member) == length else { return nil }
      }
      if agreed == nil {
        MessageFraming.narrow(head.fields + index, to: first, head.base)
      } else {
        head.fields[index].drop()
      }
      agreed = length
    }
    return agreed
  }

  /// A 101 that answers an Upgrade of ours, names the protocol offered, and says so in Connection
  /// (RFC 9110 section 7.8).
  private static func isExpected(
    _ head: ResponseHead, _ kinds: FieldKinds, _ options: ConnectionOptions,
    _ context: ResponseContext
  ) -> Bool {
    guard let offered = context.offeredUpgrade, head.version.hasChunked else { return false }
    return kinds.has(.upgrade) && !kinds.isRepeated(.upgrade) && options.upgrade
      && ASCII.equalIgnoringCase(head.first(.upgrade), offered)
  }
}

extension ResponseHead {
  /// The value of the field at `index`.
  @inline(__always)
  func value(_ index: Int) -> ByteSlice { fields[index].value.slice(in: base) }

  /// The value of the first line of a kind that came.
  @inline(__always)
  func first(_ kind: FieldKind) -> ByteSlice { value(FieldKinds.first(kind, fields, fieldCount)) }
}

extension HTTPVersion {
  /// Knows the chunked coding, interim responses and Upgrade.
  @inlinable package var hasChunked: Bool {
    switch self {
    case .http10: false
    case .http11: true
    }
  }
}

extension Method {
  @inlinable package var isHead: Bool {
    switch self {
    case .head: true
    case .get, .post, .put, .delete, .connect, .options, .trace, .patch, .other: false
    }
  }
}
