// Why this file exists: whoever asks something by HTTP on the control loop (a health check, an
// export) reads the answer the same way: heads kept whole and judged as strictly as in traffic,
// bodies thrown away.
package import HTTPSemantics
import Primitives

/// Reads the answers of one connection, one after another, in memory of its own. For a thread that
/// may allocate.
package final class AnswerReader {
  package enum Step {
    /// Everything was looked at; more is to be read.
    case needMore
    /// The final head of an answer. Valid until the next call.
    case head(ResponseHead)
    /// The answer is complete; another one may follow.
    case end
    /// It is no answer that would be passed on in traffic.
    case broken
  }

  /// Of a response's head, the interim ones before it included: as much as traffic may have.
  static let headSize = 64 * 1024
  static let headFields = 256
  /// Room for the heads that are usually sent.
  static let usualSize = 4 * 1024

  private let parser = UnsafeMutablePointer<ResponseParser>.allocate(capacity: 1)
  private let table = UnsafeMutablePointer<HeadTable>.allocate(capacity: 1)
  private let spans = UnsafeMutablePointer<BodySpans>.allocate(capacity: 1)
  private var input = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: usualSize)
  /// Bytes of `input` that were read, and those of them that were parsed.
  private var filled = 0
  private var parsed = 0
  private let method: Method
  private var isOpen = false
  private var isInterim = false
  /// The head has been given; what follows is its body.
  private var isInBody = false

  /// - Parameter method: of the requests that are answered; not HEAD.
  package init(to method: Method) {
    self.method = method
    table.initialize(to: HeadTable.create(maxFields: AnswerReader.headFields))
    spans.initialize(to: BodySpans.create(capacity: 1))
  }

  deinit {
    close()
    table.pointee.destroy()
    spans.pointee.destroy()
    parser.deallocate()
    table.deallocate()
    spans.deallocate()
    input.deallocate()
  }

  /// Begins with a new connection.
  package func open() {
    close()
    ResponseParser.initialise(parser, requestWasHead: false)
    isOpen = true
    isInterim = false
    isInBody = false
    discard()
  }

  /// The connection has gone.
  package func close() {
    if !isOpen { return }
    isOpen = false
    ResponseParser.destroy(parser)
    if input.count > AnswerReader.usualSize { resize(to: AnswerReader.usualSize) }
  }

  // MARK: Bytes

  /// Where the next bytes are to be read to; never empty.
  package var room: UnsafeMutableBufferPointer<UInt8> {
    UnsafeMutableBufferPointer(rebasing: input[filled...])
  }

  /// So many have come.
  package func received(_ count: Int) { filled += count }

  /// All that has come was looked at: nothing stands behind an answer that has ended.
  package var isReadOut: Bool { parsed == filled }

  /// Forgets what has come: nobody wants to know more of it.
  package func discard() {
    filled = 0
    parsed = 0
  }

  private func resize(to capacity: Int) {
    let larger = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: capacity)
    _ = larger.initialize(from: input.prefix(min(filled, capacity)))
    input.deallocate()
    input = larger
  }

  /// False when a head would be larger than one may be.
  private func makeRoom() -> Bool {
    if isInBody {
      discard()
    } else if filled == input.count {
      if filled >= AnswerReader.headSize { return false }
      resize(to: min(2 * input.count, AnswerReader.headSize))
    }
    return true
  }

  // MARK: Answers

  /// What the bytes say that were not looked at yet. To be asked until it needs more.
  package func next() -> Step {
    while true {
      guard let base = input.baseAddress else { return .broken }
      spans.pointee.clear()
      let step = ResponseParser.feed(
        parser, table: table, spans: spans, base: base, from: parsed, to: filled,
        limits: ParseLimits(
          headSize: AnswerReader.headSize, headFields: AnswerReader.headFields))
      parsed += step.consumed
      switch step.event {
      case .needMore: return makeRoom() ? .needMore : .broken
      case .spansFull: continue
      case .failed: return .broken
      case .head:
        var head = ResponseParser.head(parser, table: table, base: UnsafePointer(base))
        var facts = ResponseFacts()
        let context = ResponseContext(requestMethod: method, clientVersion: .http11)
        guard ResponseRules.judge(&head, context, into: &facts) == .accept else { return .broken }
        isInterim = facts.isInterim
        isInBody = !isInterim
        if isInBody { return .head(head) }
      case .end:
        ResponseParser.beginMessage(parser, requestWasHead: false)
        if !isInterim {
          isInBody = false
          if isReadOut { discard() }
          return .end
        }
      }
    }
  }

  /// The peer has ended its side: whether that is the end of the answer.
  package func finish() -> Bool {
    isInBody && ResponseParser.finish(parser).event == .end
  }
}
