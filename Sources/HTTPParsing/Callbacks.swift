// Why this file exists: the functions that llhttp calls, and the two tables that name them. They
// only note positions; what they mean is decided when llhttp has returned.
import CLLHTTP
import HTTPSemantics
import Primitives

/// What llhttp calls for a request. Written once, never changed: safe to share between workers. No
/// lenient flag is set anywhere in the gateway.
nonisolated(unsafe) let requestSettings = makeSettings(isRequest: true)
/// What llhttp calls for a response. Written once, never changed: safe to share between workers.
nonisolated(unsafe) let responseSettings = makeSettings(isRequest: false)

/// Those that are not set here are left out in CLLHTTP/llhttp.c as well.
private func makeSettings(isRequest: Bool) -> UnsafePointer<llhttp_settings_t> {
  assertFieldLayout()
  let settings = UnsafeMutablePointer<llhttp_settings_t>.allocate(capacity: 1)
  llhttp_settings_init(settings)
  if isRequest { settings.pointee.on_url = onTarget }
  settings.pointee.on_header_field = onName
  settings.pointee.on_header_value = onValue
  settings.pointee.on_headers_complete = onHeadComplete
  settings.pointee.on_body = onBody
  settings.pointee.on_chunk_complete = onChunkComplete
  settings.pointee.on_chunk_extension_name = onChunkExtensionName
  settings.pointee.on_chunk_extension_value = onChunkExtensionValue
  settings.pointee.on_message_complete = onMessageComplete
  return UnsafePointer(settings)
}

/// C notes fields where Swift reads them.
private func assertFieldLayout() {
  precondition(MemoryLayout<Field>.stride == MemoryLayout<gateway_field>.stride)
  let swift: [Int?] = [
    MemoryLayout<Field>.offset(of: \.nameOffset), MemoryLayout<Field>.offset(of: \.valueOffset),
    MemoryLayout<Field>.offset(of: \.valueLength), MemoryLayout<Field>.offset(of: \.nameLength),
    MemoryLayout<Field>.offset(of: \.kind), MemoryLayout<Field>.offset(of: \.flags),
  ]
  let c: [Int?] = [
    MemoryLayout<gateway_field>.offset(of: \.name_offset),
    MemoryLayout<gateway_field>.offset(of: \.value_offset),
    MemoryLayout<gateway_field>.offset(of: \.value_length),
    MemoryLayout<gateway_field>.offset(of: \.name_length),
    MemoryLayout<gateway_field>.offset(of: \.kind),
    MemoryLayout<gateway_field>.offset(of: \.flags),
  ]
  precondition(swift == c && FieldKind.other.rawValue == 0)
}

private typealias Machine = UnsafeMutablePointer<llhttp_t>

@inline(__always)
private func owner(_ machine: Machine?) -> UnsafeMutablePointer<MessageParser> {
  machine.unsafelyUnwrapped.pointee.data.unsafelyUnwrapped
    .assumingMemoryBound(to: MessageParser.self)
}

@inline(__always)
private func bytes(_ at: UnsafePointer<CChar>?) -> UnsafePointer<UInt8> {
  UnsafeRawPointer(at.unsafelyUnwrapped).assumingMemoryBound(to: UInt8.self)
}

extension MessageParser {
  /// Ends the run of llhttp with a reason of our own.
  static func refuse(_ p: UnsafeMutablePointer<MessageParser>, _ failure: ParseFailure) -> Int32 {
    p.pointee.failure = failure
    return Int32(HPE_USER.rawValue)
  }
}

/// Where a piece begins, from `base`. `feed` has proved that offsets fit.
@inline(__always)
private func offset(_ p: UnsafeMutablePointer<MessageParser>, _ at: UnsafePointer<CChar>?) -> Int {
  bytes(at) - p.pointee.reader.base.unsafelyUnwrapped
}

private func onTarget(_ machine: Machine?, _ at: UnsafePointer<CChar>?, _ length: Int) -> Int32 {
  let p = owner(machine)
  let table = p.pointee.table.unsafelyUnwrapped
  if table.pointee.target.isEmpty {
    table.pointee.target.offset = UInt32(truncatingIfNeeded: offset(p, at))
  }
  table.pointee.target.length += UInt32(truncatingIfNeeded: length)
  return 0
}

/// A piece of a name that does not begin a line of the head, or that has no room. The head is not
/// refused before it is complete: a fault in its grammar comes first, wherever the reads were cut.
/// (A whole name is noted in CLLHTTP/llhttp.c.)
private func onName(_ machine: Machine?, _ at: UnsafePointer<CChar>?, _ length: Int) -> Int32 {
  let p = owner(machine)
  guard let next = p.pointee.reader.next_field else {
    return MessageParser.appendTrailer(p, bytes(at), length, isName: true)
  }
  guard p.pointee.reader.name_is_open, !p.pointee.reader.is_too_large,
    Int((next - 1).pointee.name_length) + length <= Int(UInt16.max)
  else {
    p.pointee.reader.is_too_large = true
    return 0
  }
  (next - 1).pointee.name_length += UInt16(length)
  return 0
}

/// A piece of a value behind its first one; an empty value comes too. (The first piece is noted in
/// CLLHTTP/llhttp.c.)
private func onValue(_ machine: Machine?, _ at: UnsafePointer<CChar>?, _ length: Int) -> Int32 {
  let p = owner(machine)
  guard let next = p.pointee.reader.next_field else {
    return MessageParser.appendTrailer(p, bytes(at), length, isName: false)
  }
  if p.pointee.reader.is_too_large { return 0 }  // perhaps there is no field
  (next - 1).pointee.value_length += UInt32(truncatingIfNeeded: length)
  return 0
}

private func onHeadComplete(_ machine: Machine?) -> Int32 { Int32(HPE_PAUSED.rawValue) }

private func onBody(_ machine: Machine?, _ at: UnsafePointer<CChar>?, _ length: Int) -> Int32 {
  let p = owner(machine)
  if length == 0 { return 0 }
  let position = p.pointee.chunks.position + UInt64(offset(p, at))
  if !p.pointee.chunks.inData {
    p.pointee.chunks.inData = true
    if !p.pointee.chunks.endLine(at: position) { return MessageParser.refuse(p, .framing) }
  }
  p.pointee.chunks.dataEnd = position + UInt64(length)
  p.pointee.spans.unsafelyUnwrapped.pointee.append(bytes(at), length)
  return 0
}

private func onChunkComplete(_ machine: Machine?) -> Int32 {
  let p = owner(machine)
  guard p.pointee.chunks.inData else { return 0 }  // the last chunk
  p.pointee.chunks.inData = false
  p.pointee.chunks.lineStart = p.pointee.chunks.dataEnd + 2
  return p.pointee.spans.unsafelyUnwrapped.pointee.isFull ? Int32(HPE_PAUSED.rawValue) : 0
}

private func onChunkExtensionName(
  _ machine: Machine?, _ at: UnsafePointer<CChar>?, _ length: Int
) -> Int32 {
  let p = owner(machine)
  return MessageParser.countExtension(p, offset(p, at), bytes(at), length, isValue: false)
}

private func onChunkExtensionValue(
  _ machine: Machine?, _ at: UnsafePointer<CChar>?, _ length: Int
) -> Int32 {
  let p = owner(machine)
  return MessageParser.countExtension(p, offset(p, at), bytes(at), length, isValue: true)
}

private func onMessageComplete(_ machine: Machine?) -> Int32 {
  owner(machine).pointee.stage = .ended
  return Int32(HPE_PAUSED.rawValue)
}
