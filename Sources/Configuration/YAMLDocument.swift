// Why this file exists: a document as a tree in which every value knows its place in the file.
// Nothing is typed here: what a value means is the schema's business. Everything that input could
// make grow is bounded here.

/// A value of a document.
struct YAMLNode {
  struct Entry {
    var key: String
    var keyRange: SourceRange
    var value: YAMLNode
  }

  enum Content {
    case scalar(String, isPlain: Bool)
    case mapping([Entry])
    case sequence([YAMLNode])
  }

  var content: Content
  var range: SourceRange
  /// Values in it, itself included, aliases expanded.
  var count: Int
  /// Levels below it.
  var height: Int
  /// A mapping of which an entry was left out, which has been complained about.
  var lacksEntries = false

  /// Nothing was written: `key:`
  var isEmpty: Bool {
    if case .scalar("", isPlain: true) = content { true } else { false }
  }

  static func scalar(_ text: String, isPlain: Bool, range: SourceRange) -> YAMLNode {
    YAMLNode(content: .scalar(text, isPlain: isPlain), range: range, count: 1, height: 0)
  }
}

enum YAMLDocument {
  /// Levels of nesting; the schema needs seven.
  static let maximumDepth = 64
  /// Values written in the file.
  static let maximumCount = 1_000_000
  /// Values that all aliases together stand for: what keeps a few lines from meaning millions of
  /// values.
  static let maximumAliased = 100_000

  /// Reads the one document of a file. What does not keep the rest from being read goes to
  /// `diagnostics`.
  /// - Returns: nil when the file holds no value at all.
  static func read(
    _ source: SourceText, _ diagnostics: inout DiagnosticCollector
  ) throws(SourceText.Problem) -> YAMLNode? {
    if let problem = source.firstProblem() { throw problem }
    var collector = diagnostics
    let result = source.bytes.withUnsafeBufferPointer { bytes in
      var assembler = YAMLAssembler(
        events: YAMLEvents(bytes, of: source), diagnostics: collector)
      let result = Result { () throws(SourceText.Problem) in try assembler.document() }
      collector = assembler.diagnostics
      return result
    }
    diagnostics = collector
    return try result.get()
  }
}

/// Builds the tree out of events.
private struct YAMLAssembler: ~Copyable {
  var events: YAMLEvents
  var diagnostics: DiagnosticCollector
  /// Anchors met so far; nil while their value is still being read.
  private var anchors: [String: YAMLNode?] = [:]
  private var count = 0
  private var aliased = 0

  init(events: consuming YAMLEvents, diagnostics: DiagnosticCollector) {
    self.events = events
    self.diagnostics = diagnostics
  }

  mutating func document() throws(SourceText.Problem) -> YAMLNode? {
    var root: YAMLNode?
    while true {
      let event = try events.next()
      switch event.kind {
      case .documentStart:
        if root != nil {
          throw SourceText.Problem(
            position: event.range.start, code: .severalDocuments,
            message: "a second document begins here; a configuration file holds one")
        }
      case .documentEnd: break
      case .streamEnd: return root
      default: root = try node(event, at: .root, depth: 0)
      }
    }
  }

  private mutating func node(
    _ event: YAMLEvent, at path: ConfigurationPath, depth: Int
  ) throws(SourceText.Problem) -> YAMLNode {
    try admit(event, depth: depth)
    if event.tag != nil {
      diagnostics.error(
        .tag, event.range, path, "tags are not used: the schema says what a value is",
        suggestion: "remove the '!…', or put the value in quotes")
    }
    if let anchor = event.anchor { anchors[anchor] = .some(nil) }
    let node: YAMLNode
    switch event.kind {
    case .scalar(let text, let isPlain):
      node = .scalar(text, isPlain: isPlain, range: event.range)
    case .sequenceStart: node = try sequence(event, at: path, depth: depth)
    case .mappingStart: node = try mapping(event, at: path, depth: depth)
    case .alias(let name): return try target(of: name, event.range, depth: depth)
    case .documentStart, .documentEnd, .streamEnd, .mappingEnd, .sequenceEnd:
      preconditionFailure("libyaml gives these only where they are expected")
    }
    if let anchor = event.anchor { anchors[anchor] = node }
    return node
  }

  private mutating func admit(_ event: YAMLEvent, depth: Int) throws(SourceText.Problem) {
    count += 1
    if count > YAMLDocument.maximumCount {
      throw SourceText.Problem(
        position: event.range.start, code: .tooManyValues,
        message: "the file holds more than \(YAMLDocument.maximumCount) values")
    }
    if depth > YAMLDocument.maximumDepth { throw tooDeep(event.range) }
  }

  private func tooDeep(_ range: SourceRange) -> SourceText.Problem {
    SourceText.Problem(
      position: range.start, code: .tooDeep,
      message: "values are nested deeper than \(YAMLDocument.maximumDepth) levels")
  }

  private mutating func target(
    of name: String, _ range: SourceRange, depth: Int
  ) throws(SourceText.Problem) -> YAMLNode {
    let shown = PrintableText.of(name, limit: 64)
    guard let anchor = anchors[name] else {
      throw SourceText.Problem(
        position: range.start, code: .alias, message: "there is no anchor '&\(shown)' above this",
        suggestion: "put a value that begins with '*' in quotes")
    }
    guard let node = anchor else {
      throw SourceText.Problem(
        position: range.start, code: .alias,
        message: "the alias '*\(shown)' stands inside its own anchor")
    }
    aliased += node.count
    if aliased > YAMLDocument.maximumAliased {
      throw SourceText.Problem(
        position: range.start, code: .alias,
        message: "aliases stand for more than \(YAMLDocument.maximumAliased) values",
        suggestion: "write them out")
    }
    if depth + node.height > YAMLDocument.maximumDepth { throw tooDeep(range) }
    return node
  }

  private mutating func sequence(
    _ start: YAMLEvent, at path: ConfigurationPath, depth: Int
  ) throws(SourceText.Problem) -> YAMLNode {
    var node = YAMLNode(content: .sequence([]), range: start.range, count: 1, height: 0)
    var elements: [YAMLNode] = []
    while true {
      let event = try events.next()
      if case .sequenceEnd = event.kind {
        node.range.end = max(start.range.end, event.range.end)
        node.content = .sequence(elements)
        return node
      }
      let element = try self.node(event, at: path.index(elements.count), depth: depth + 1)
      node.count += element.count
      node.height = max(node.height, element.height + 1)
      elements.append(element)
    }
  }

  private mutating func mapping(
    _ start: YAMLEvent, at path: ConfigurationPath, depth: Int
  ) throws(SourceText.Problem) -> YAMLNode {
    var node = YAMLNode(content: .mapping([]), range: start.range, count: 1, height: 0)
    var entries: [YAMLNode.Entry] = []
    var firstLines: [String: Int] = [:]
    while true {
      let event = try events.next()
      if case .mappingEnd = event.kind {
        node.range.end = max(start.range.end, event.range.end)
        node.content = .mapping(entries)
        return node
      }
      let key = try key(event, at: path, depth: depth)
      let valuePath = key.map { path.name($0) } ?? path
      let value = try self.node(try events.next(), at: valuePath, depth: depth + 1)
      node.count += value.count + 1
      node.height = max(node.height, value.height + 1)
      guard let key else {
        node.lacksEntries = true
        continue
      }
      if let line = firstLines[key] {
        let shown = PrintableText.of(key, limit: 64)
        diagnostics.error(
          .duplicateKey, event.range, valuePath,
          "duplicate key '\(shown)'; it is first given in line \(line)")
        node.lacksEntries = true
      } else {
        firstLines[key] = event.range.start.line
        entries.append(YAMLNode.Entry(key: key, keyRange: event.range, value: value))
      }
    }
  }

  /// - Returns: nil for a key that cannot be one, which has been complained about.
  private mutating func key(
    _ event: YAMLEvent, at path: ConfigurationPath, depth: Int
  ) throws(SourceText.Problem) -> String? {
    guard case .scalar(let text, let isPlain) = event.kind else {
      let node = try node(event, at: path, depth: depth + 1)
      diagnostics.error(
        .badKey, node.range, path, "a key must be a plain word",
        suggestion: "put a value that begins with '{', '[' or '*' in quotes")
      return nil
    }
    try admit(event, depth: depth)
    if let anchor = event.anchor {
      anchors[anchor] = .scalar(text, isPlain: isPlain, range: event.range)
    }
    if text == "<<" && isPlain {
      diagnostics.error(
        .mergeKey, event.range, path, "merge keys ('<<') are not supported",
        suggestion: "write the keys out, or give the whole mapping an alias")
      return nil
    }
    if text.isEmpty {
      diagnostics.error(.badKey, event.range, path, "a key must not be empty")
      return nil
    }
    return text
  }
}
