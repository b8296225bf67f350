// Why this file exists: most routes name a service and nothing else; what the others do besides is
// kept apart, so that the plain case asks one pointer for nil.
package import HTTPSemantics
package import Primitives

/// What a route has beyond a name, one service and a plan. In the snapshot's memory.
@usableFromInline
package struct RouteExtras {
  /// In the order in which they are asked.
  package var limits: UnsafeBufferPointer<RouteLimit>
  /// Bytes that `LimitStep.writeFields` may write.
  package var limitRoom: Int
  /// The services of a split, by rising thresholds of the draw; empty for one service.
  package var choices: UnsafeBufferPointer<ServiceChoice>
  package var answer: RouteAnswer
  /// Bytes of `strip_prefix`; 0 = none.
  package var stripLength: Int
  package var request: HeadEdits
  package var response: HeadEdits

  /// Heads pass as those of a route without extras.
  package var changesHeads: Bool { stripLength > 0 || !request.isEmpty || !response.isEmpty }

  /// The service of a request when there is a choice, by a number drawn for it.
  package func draw(_ random: inout Xoroshiro) -> UnsafePointer<ServiceChoice>? {
    guard let first = choices.baseAddress else { return nil }
    let part = random.below(1_000_000)
    for index in 0..<choices.count where part < first[index].threshold { return first + index }
    return nil
  }

  /// The number of the route for requests that went to this service; nil when there is no choice.
  package func number(of service: Int32) -> Int32? {
    choices.first { $0.service == service }?.number
  }

  /// Room for what the edits may write, given the size of the request's head.
  package func room(headSize: Int) -> Int {
    request.room(headSize: headSize) + response.room(headSize: headSize) + limitRoom
  }

  static func room(for limits: UnsafeBufferPointer<RouteLimit>) -> Int {
    if limits.isEmpty { return 0 }
    return limits.reduce(LimitEntry.fieldsLength) { $0 + $1.entry.pointee.longestText }
  }

  /// The target as the backend gets it: without the prefix, beginning with exactly one slash.
  /// - Parameter writer: for the one case in which a byte has to be added.
  package func stripped(
    _ target: ByteSlice, pathLength: Int, into writer: inout ByteWriter
  ) -> ByteSlice {
    // `*` and a path that is not under the prefix stay as they are; routes see to the latter.
    if stripLength == 0 || pathLength < stripLength { return target }
    var start = stripLength
    while start &+ 1 < pathLength, target.base[start] == 0x2f, target.base[start &+ 1] == 0x2f {
      start &+= 1  // bounded by the path
    }
    if start < pathLength {
      return ByteSlice(target.base + start, target.count &- start)
    }
    let begun = writer.cursor
    writer.append(0x2f)
    writer.append(target.base + pathLength, target.count &- pathLength)
    return ByteSlice(UnsafePointer(begun), writer.cursor - begun)
  }
}

/// One service of a split.
@frozen
package struct ServiceChoice {
  /// Taken when the draw, in millionths, is below this and no threshold before it.
  package var threshold: UInt64
  /// Position in `Snapshot.services`.
  package var service: Int32
  /// The number of the route with this service.
  package var number: Int32
  package var plan: ExchangePlan
}

/// What a route answers by itself.
@frozen
package struct RouteAnswer {
  /// 0 = it forwards.
  package var status: UInt16
  package var isRedirect: Bool
  /// Of a redirect: Location up to what comes from the request.
  package var location: ByteSlice
  package var takesRest: Bool
  package var locationHasQuery: Bool
  /// Bytes of the route's path pattern, without star and the slash before it.
  package var patternLength: Int
  package var body: ByteSlice
  package var contentType: ByteSlice

  /// Writes the value of Location for a request: what followed the pattern loses its leading
  /// slashes, so that it can only be a path below the location, never another host.
  package func writeLocation(
    _ target: ByteSlice, pathLength: Int, into writer: inout ByteWriter
  ) {
    writer.append(location)
    if takesRest {
      var start = min(patternLength, pathLength)
      while start < pathLength, target.base[start] == 0x2f { start &+= 1 }  // bounded by the path
      writer.append(target.base + start, pathLength &- start)
    }
    let query = target.count &- pathLength
    if query > 1 {
      writer.append(locationHasQuery ? 0x26 : 0x3f)
      writer.append(target.base + pathLength + 1, query &- 1)
    }
  }
}

/// What is changed in the fields of a head.
@frozen
package struct HeadEdits {
  /// Names whose lines are all dropped: those to be removed, and those to be set.
  package var dropped: UnsafeBufferPointer<ByteSlice>
  /// The lines to be set, in the order of `EditableFields.LocalUse`.
  package var lines: UnsafeBufferPointer<FieldLine>
  /// How many of them, from the first on, go into refusals.
  package var faultLines: Int
  /// How many of them go into redirects and fixed answers.
  package var answerLines: Int
  /// Bytes of all names and literals, with their line ends.
  package var literalSize: Int
  /// How often a value speaks of something as long as the request's head.
  package var longUses: Int

  package var isEmpty: Bool { dropped.isEmpty }

  /// Upper bound of what `write` writes; the other variables have at most 255 bytes.
  package func room(headSize: Int) -> Int {
    if lines.isEmpty { return 0 }
    return min(literalSize + longUses * max(headSize, 512), Bounds.editedLines)
  }

  /// Marks every line of the names as dropped.
  package func drop(
    _ base: UnsafePointer<UInt8>, _ fields: UnsafeMutablePointer<Field>, _ fieldCount: Int
  ) {
    for index in 0..<fieldCount {
      let name = fields[index].name.slice(in: base)
      for other in dropped
      where other.count == name.count && ASCII.equalIgnoringCase(other, name) {
        fields[index].drop()
      }
    }
  }

  /// Writes lines `range`, each with its CR LF.
  package func write(
    _ range: Range<Int>, _ values: TemplateValues, into writer: inout ByteWriter
  ) {
    for index in range {
      let line = lines[index]
      writer.append(line.name)
      writer.append(": ")
      for piece in line.pieces {
        if piece.isLiteral {
          writer.append(piece.literal)
        } else {
          writer.append(values.value(of: piece.variable))
        }
      }
      writer.append("\r\n")
    }
  }
}

/// One field that is set.
@frozen
package struct FieldLine {
  package var name: ByteSlice
  package var pieces: UnsafeBufferPointer<TemplatePiece>
}

@frozen
package struct TemplatePiece {
  package var isLiteral: Bool
  package var variable: TemplateVariable
  package var literal: ByteSlice
}

/// What the variables stand for in one request; empty for what is not known. Slices are valid
/// during the call.
package struct TemplateValues {
  package var clientIP: ByteSlice
  package var host: ByteSlice
  package var method: ByteSlice
  package var path: ByteSlice
  package var route: ByteSlice
  package var service: ByteSlice
  package var requestID: ByteSlice
  package var traceID: ByteSlice

  package init(nothing: ByteSlice) {
    clientIP = nothing
    host = nothing
    method = nothing
    path = nothing
    route = nothing
    service = nothing
    requestID = nothing
    traceID = nothing
  }

  func value(of variable: TemplateVariable) -> ByteSlice {
    switch variable {
    case .clientIP: clientIP
    case .host: host
    case .method: method
    case .path: path
    case .route: route
    case .service: service
    case .requestID: requestID
    case .traceID: traceID
    }
  }
}
