// Why this file exists: a chunked body is framed anew on each side: the slices of one read become
// one chunk.
import HTTPSemantics
public import Primitives

@frozen @usableFromInline
package enum ChunkWriter {
  /// Room for the longest size line.
  @inlinable package static var sizeLineCapacity: Int { 18 }

  /// The line before `count` bytes of data. Never for no bytes: that would end the body.
  @inlinable
  package static func writeSizeLine(_ count: Int, into writer: inout ByteWriter) {
    precondition(count > 0)
    writer.appendHex(UInt64(count))
    writer.append("\r\n")
  }

  /// The line end behind the data of every chunk.
  @inlinable package static var lineEnd: StaticString { "\r\n" }
  /// The whole end of a body without trailers.
  @inlinable package static var lastChunk: StaticString { "0\r\n\r\n" }

  /// The end of a body: last chunk, the trailers that no rule dropped, empty line.
  package static func writeEnd(
    _ trailers: UnsafeMutablePointer<TrailerStore>?, into writer: inout ByteWriter
  ) {
    writer.append("0\r\n")
    if let store = trailers {
      for index in 0..<store.pointee.count where !store.pointee.fields[index].isDropped {
        FieldRuns.writeLine(
          UnsafePointer(store.pointee.bytes), store.pointee.fields[index], into: &writer)
      }
    }
    writer.append("\r\n")
  }
}
