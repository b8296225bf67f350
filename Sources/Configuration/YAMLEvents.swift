// Why this file exists: the one file that knows libyaml. It turns the C library's events into Swift
// values and its complaints into sentences an operator can act on.
import CLibYAML

/// One step through a document, with its place in the file.
struct YAMLEvent {
  enum Kind {
    case documentStart
    case documentEnd
    case streamEnd
    case mappingStart
    case mappingEnd
    case sequenceStart
    case sequenceEnd
    case scalar(String, isPlain: Bool)
    case alias(String)
  }

  var kind: Kind
  var range: SourceRange
  /// `&name`
  var anchor: String?
  /// `!name`
  var tag: String?
}

/// Steps through the bytes of a file. They must be valid UTF-8 and stay until this is destroyed.
struct YAMLEvents: ~Copyable {
  private let parser: UnsafeMutablePointer<yaml_parser_t>
  private let source: SourceText

  /// - Parameter bytes: those of `source`.
  init(_ bytes: UnsafeBufferPointer<UInt8>, of source: SourceText) {
    self.source = source
    parser = .allocate(capacity: 1)
    // Fails only when there is no memory for its first few kilobytes, as every allocation of
    // Swift's would.
    precondition(yaml_parser_initialize(parser) == 1, "no memory for a YAML parser")
    yaml_parser_set_input_string(parser, bytes.baseAddress, bytes.count)
  }

  deinit {
    yaml_parser_delete(parser)
    parser.deallocate()
  }

  /// The next event.
  mutating func next() throws(SourceText.Problem) -> YAMLEvent {
    while true {
      var event = yaml_event_t()
      guard yaml_parser_parse(parser, &event) == 1 else { throw problem() }
      defer { yaml_event_delete(&event) }
      if let event = YAMLEvents.translated(event) { return event }
    }
  }

  private static func translated(_ event: yaml_event_t) -> YAMLEvent? {
    var anchor: UnsafeMutablePointer<yaml_char_t>?
    var tag: UnsafeMutablePointer<yaml_char_t>?
    let kind: YAMLEvent.Kind
    switch event.type {
    case YAML_DOCUMENT_START_EVENT: kind = .documentStart
    case YAML_DOCUMENT_END_EVENT: kind = .documentEnd
    case YAML_STREAM_END_EVENT: kind = .streamEnd
    case YAML_MAPPING_START_EVENT:
      kind = .mappingStart
      (anchor, tag) = (event.data.mapping_start.anchor, event.data.mapping_start.tag)
    case YAML_MAPPING_END_EVENT: kind = .mappingEnd
    case YAML_SEQUENCE_START_EVENT:
      kind = .sequenceStart
      (anchor, tag) = (event.data.sequence_start.anchor, event.data.sequence_start.tag)
    case YAML_SEQUENCE_END_EVENT: kind = .sequenceEnd
    case YAML_SCALAR_EVENT:
      let scalar = event.data.scalar
      (anchor, tag) = (scalar.anchor, scalar.tag)
      let text = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
      let isPlain = scalar.style == YAML_PLAIN_SCALAR_STYLE
      kind = .scalar(String(decoding: text, as: UTF8.self), isPlain: isPlain)
    case YAML_ALIAS_EVENT: kind = .alias(string(event.data.alias.anchor) ?? "")
    default: return nil  // the start of the stream
    }
    return YAMLEvent(
      kind: kind,
      range: SourceRange(position(event.start_mark), position(event.end_mark)),
      anchor: string(anchor), tag: string(tag))
  }

  private static func string(_ text: UnsafePointer<yaml_char_t>?) -> String? {
    text.map { String(cString: $0) }
  }

  private static func position(_ mark: yaml_mark_t) -> SourcePosition {
    SourcePosition(line: Int(mark.line) + 1, column: Int(mark.column) + 1)
  }

  // MARK: Explaining

  private func problem() -> SourceText.Problem {
    if parser.pointee.error == YAML_MEMORY_ERROR {
      return SourceText.Problem(
        position: SourcePosition(line: 1, column: 1), code: .syntax,
        message: "out of memory while reading the file")
    }
    let words = parser.pointee.problem.map { String(cString: $0) } ?? "cannot be read as YAML"
    let position = YAMLEvents.position(parser.pointee.problem_mark)
    let began =
      parser.pointee.context == nil ? nil : YAMLEvents.position(parser.pointee.context_mark)
    return YAMLExplanation.problem(words, at: position, began: began, in: source)
  }
}
