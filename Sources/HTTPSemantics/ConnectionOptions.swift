// Why this file exists: Connection says which other fields end at this hop. It is the one field
// with which a sender can take others out, so what it may take is decided here, for both
// directions.
import Primitives

/// What the `Connection` lines of one message say (RFC 9110 section 7.6.1).
struct ConnectionOptions: Equatable, Sendable {
  var close = false
  var keepAlive = false
  var upgrade = false
  /// Some option is a name that a trailer could have. It ends here as well (RFC 9110 section
  /// 7.6.1), but when it comes the options are gone: then no trailer is passed on.
  var mayNameTrailers = false
  /// Members seen so far, over all lines.
  var count: UInt8 = 0

  /// More options than this in one message are refused: each is looked up among all fields.
  static var limit: UInt8 { 32 }

  init() {}

  /// Reads the `Connection` lines of a message, one or more, and marks the fields they name as
  /// dropped. False when a member is not a token, or there are too many.
  mutating func read(
    _ base: UnsafePointer<UInt8>, _ fields: UnsafeMutablePointer<Field>, _ fieldCount: Int,
    isOneLine: Bool
  ) -> Bool {
    let first = FieldKinds.first(.connection, fields, fieldCount)
    if isOneLine, FieldWord.isSame(fields[first].value.slice(in: base), "keep-alive") {
      keepAlive = true
      return true
    }
    for index in first..<fieldCount {
      guard case .connection = fields[index].kind else { continue }
      if !readLine(fields[index].value.slice(in: base), base, fields, fieldCount) { return false }
    }
    return true
  }

  private mutating func readLine(
    _ value: ByteSlice, _ base: UnsafePointer<UInt8>, _ fields: UnsafeMutablePointer<Field>,
    _ fieldCount: Int
  ) -> Bool {
    var list = FieldList(value)
    while let option = list.next() {
      if count == ConnectionOptions.limit { return false }
      count += 1
      if FieldWord.isSame(option, "keep-alive") {
        keepAlive = true
      } else if FieldWord.isSame(option, "close") {
        close = true
      } else if FieldWord.isSame(option, "upgrade") {
        upgrade = true
      } else {
        if FieldBytes.nameShape(option) == .invalid { return false }
        if TrailerRules.isAllowed(FieldClassifier.kind(of: option)) { mayNameTrailers = true }
        drop(named: option, base, fields, fieldCount)
      }
    }
    return true
  }

  private func drop(
    named option: ByteSlice, _ base: UnsafePointer<UInt8>, _ fields: UnsafeMutablePointer<Field>,
    _ fieldCount: Int
  ) {
    for index in 0..<fieldCount
    where Int(fields[index].nameLength) == option.count && fields[index].kind.mayBeNominated {
      if ASCII.equalIgnoringCase(fields[index].name.slice(in: base), option) {
        fields[index].drop()
      }
    }
  }

  /// Whether the sender will take, or send, another message on the connection (RFC 9112 9.3).
  func persists(_ version: HTTPVersion) -> Bool {
    switch version {
    case .http11: !close
    case .http10: keepAlive && !close
    }
  }
}
