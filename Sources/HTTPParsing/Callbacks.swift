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

private func makeSettings(isRequest: Bool) -> UnsafePointer<llhttp_settings_t> {
  let settings = UnsafeMutablePointer<llhttp_settings_t>.allocate(capacity: 1)
  llhttp_settings_init(settings)
  if isRequest { settings.pointee.on_url = onTarget }
  settings.pointee.on_header_field = onName
  settings.pointee.on_header_value = onValue
  settings.pointee.on_headers_complete = onHeadComplete
  settings.pointee.on_body = onBody
  settings.pointee.on_chunk_complete = onChunkComplete
  settings.pointee.on_chunk_extension_name = onChunkExtension
  settings.pointee.on_chunk_extension_value = onChunkExtension
  settings.pointee.on_message_complete = onMessageComplete
  return UnsafePointer(settings)
}

private typealias Machine = UnsafeMutablePointer<llhttp_t>

@inline(__always)
private func owner(_ machine: Machine?) -> UnsafeMutablePointer<MessageParser> {
  machine!.pointee.data!.assumingMemoryBound(to: MessageParser.self)
}

@inline(__always)
private func bytes(_ at: UnsafePointer<CChar>?) -> UnsafePointer<UInt8> {
  UnsafeRawPointer(at!).assumingMemoryBound(to: UInt8.self)
}

extension MessageParser {
  /// Ends the run of llhttp with a reason of our own.
  static func refuse(_ p: UnsafeMutablePointer<MessageParser>, _ failure: ParseFailure) -> Int32 {
    p.pointee.failure = failure
    return Int32(HPE_USER.rawValue)
  }
}

private func onTarget(_ machine: Machine?, _ at: UnsafePointer<CChar>?, _ length: Int) -> Int32 {
  let p = owner(machine)
  let table = p.pointee.table!
  if table.pointee.target.isEmpty {
    table.pointee.target.offset = UInt32(bytes(at) - p.pointee.base!)
  }
  table.pointee.target.length += UInt32(length)
  return 0
}

private func onName(_ machine: Machine?, _ at: UnsafePointer<CChar>?, _ length: Int) -> Int32 {
  let p = owner(machine)
  guard let table = p.pointee.table else {
    return MessageParser.appendTrailer(p, bytes(at), length, isName: true)
  }
  let offset = UInt32(bytes(at) - p.pointee.base!)
  let count = table.pointee.count
  if count > 0 && !table.pointee.afterValue {
    // A name that was split over two reads.
    let field = table.pointee.fields + (count - 1)
    let whole = Int(field.pointee.nameLength) + length
    if whole > Int(UInt16.max) { return MessageParser.refuse(p, .headTooLarge) }
    field.pointee.nameLength = UInt16(whole)
    return 0
  }
  if count == Int(p.pointee.headFields) || length > Int(UInt16.max) {
    return MessageParser.refuse(p, .headTooLarge)
  }
  (table.pointee.fields + count).initialize(
    to: Field(
      nameOffset: offset, nameLength: UInt16(length), valueOffset: offset, valueLength: 0,
      kind: .other))
  table.pointee.count = count + 1
  table.pointee.afterValue = false
  return 0
}

private func onValue(_ machine: Machine?, _ at: UnsafePointer<CChar>?, _ length: Int) -> Int32 {
  let p = owner(machine)
  guard let table = p.pointee.table else {
    return MessageParser.appendTrailer(p, bytes(at), length, isName: false)
  }
  let field = table.pointee.fields + (table.pointee.count - 1)
  if !table.pointee.afterValue {
    field.pointee.valueOffset = UInt32(bytes(at) - p.pointee.base!)
    table.pointee.afterValue = true
  }
  field.pointee.valueLength += UInt32(length)
  return 0
}

private func onHeadComplete(_ machine: Machine?) -> Int32 { Int32(HPE_PAUSED.rawValue) }

private func onBody(_ machine: Machine?, _ at: UnsafePointer<CChar>?, _ length: Int) -> Int32 {
  let p = owner(machine)
  if length == 0 { return 0 }
  let position = p.pointee.chunks.position + UInt64(bytes(at) - p.pointee.base!)
  if !p.pointee.chunks.inData {
    p.pointee.chunks.inData = true
    if !p.pointee.chunks.endLine(at: position) { return MessageParser.refuse(p, .framing) }
  }
  p.pointee.chunks.dataEnd = position + UInt64(length)
  p.pointee.spans!.pointee.append(bytes(at), length)
  return 0
}

private func onChunkComplete(_ machine: Machine?) -> Int32 {
  let p = owner(machine)
  guard p.pointee.chunks.inData else { return 0 }  // the last chunk
  p.pointee.chunks.inData = false
  p.pointee.chunks.lineStart = p.pointee.chunks.dataEnd + 2
  return p.pointee.spans!.pointee.isFull ? Int32(HPE_PAUSED.rawValue) : 0
}

/// A piece of an extension's name or value. Pieces of one word that was split over reads touch each
/// other; an empty word, which llhttp lets through, does not touch the one before.
private func onChunkExtension(_ machine: Machine?, _ at: UnsafePointer<CChar>?, _ length: Int)
  -> Int32
{
  let p = owner(machine)
  let position = p.pointee.chunks.position + UInt64(bytes(at) - p.pointee.base!)
  if length == 0 && position != p.pointee.chunks.extensionEnd {
    return MessageParser.refuse(p, .framing)
  }
  p.pointee.chunks.extensionEnd = position + UInt64(length)
  p.pointee.chunks.extensionBytes += UInt64(length) + 1
  if p.pointee.chunks.extensionBytes > ChunkLimits.extensionBytes {
    return MessageParser.refuse(p, .framing)
  }
  return 0
}

private func onMessageComplete(_ machine: Machine?) -> Int32 {
  owner(machine).pointee.stage = .ended
  return Int32(HPE_PAUSED.rawValue)
}
