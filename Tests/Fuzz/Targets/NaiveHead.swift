// Why this file exists: what a head that we forward must look like, said so plainly that it needs
// no trust: split at CRLF, look at every byte. Slow, and independent of the parser and of the
// rules.

enum NaiveHead {
  /// Every demand on a head that was accepted; `bytes` go from the start line to the empty line.
  static func check(_ bytes: [UInt8], isRequest: Bool) {
    let lines = split(bytes)
    demand(lines.count >= 3, "a start line and an empty line")
    demand(lines[lines.count - 1].isEmpty && lines[lines.count - 2].isEmpty, "ends in CRLF CRLF")
    let isOld = isRequest ? checkRequestLine(lines[0]) : checkStatusLine(lines[0])
    var lengths = 0
    var codings = 0
    var hosts = 0
    for line in lines[1..<(lines.count - 2)] {
      let (name, value) = checkField(line)
      if name == "content-length" {
        lengths += 1
        demand(!value.isEmpty && value.allSatisfy(isDigit), "a length is digits")
      }
      if name == "transfer-encoding" {
        codings += 1
        demand(lower(value) == "chunked", "the only coding is chunked")
      }
      if name == "host" { hosts += 1 }
    }
    demand(codings <= 1 && codings + min(lengths, 1) <= 1, "one way to find the end of the body")
    demand(codings == 0 || !isOld, "no coding on HTTP/1.0")
    if isRequest { demand(hosts == 1 || (isOld && hosts == 0), "one Host") }
    if isRequest { demand(lengths <= 1, "one length") }
  }

  /// True: HTTP/1.0.
  private static func checkRequestLine(_ line: [UInt8]) -> Bool {
    let parts = line.split(separator: 0x20, omittingEmptySubsequences: false)
    demand(parts.count == 3, "three parts, one space between them")
    demand(!parts[0].isEmpty && parts[0].allSatisfy(isToken), "a method is a token")
    demand(
      !parts[1].isEmpty && parts[1].allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x23 },
      "a target is visible ASCII without a fragment")
    let version = String(decoding: parts[2], as: UTF8.self)
    demand(version == "HTTP/1.0" || version == "HTTP/1.1", "a version that we speak")
    return version == "HTTP/1.0"
  }

  private static func checkStatusLine(_ line: [UInt8]) -> Bool {
    let version = String(decoding: line.prefix(9), as: UTF8.self)
    demand(version == "HTTP/1.0 " || version == "HTTP/1.1 ", "a version that we speak")
    demand(line.count >= 12 && line[9..<12].allSatisfy(isDigit), "three digits")
    demand(line.count == 12 || line[12] == 0x20, "a space before the phrase")
    demand(line.dropFirst(12).allSatisfy(isText), "a phrase is text")
    return version == "HTTP/1.0 "
  }

  /// The name in lower case, and the value without the blanks around it.
  private static func checkField(_ line: [UInt8]) -> (name: String, value: [UInt8]) {
    let colon = line.firstIndex(of: 0x3A) ?? 0
    demand(colon > 0 && line[..<colon].allSatisfy(isToken), "a name is a token, the colon follows")
    let value = line[(colon + 1)...]
    demand(value.allSatisfy(isText), "a value is text")
    let start = value.firstIndex { !isBlank($0) } ?? value.endIndex
    let end = value.lastIndex { !isBlank($0) }.map { $0 + 1 } ?? start
    return (lower(Array(line[..<colon])), Array(value[start..<end]))
  }

  /// The parts between CRLFs. A CR or LF by itself stays in its part, where no check lets it pass.
  static func split(_ bytes: [UInt8]) -> [[UInt8]] {
    var lines: [[UInt8]] = [[]]
    var index = 0
    while index < bytes.count {
      if bytes[index] == 0x0D && index + 1 < bytes.count && bytes[index + 1] == 0x0A {
        lines.append([])
        index += 2
      } else {
        lines[lines.count - 1].append(bytes[index])
        index += 1
      }
    }
    return lines
  }

  static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }
  static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
  static func isText(_ byte: UInt8) -> Bool { (byte >= 0x20 && byte != 0x7F) || byte == 0x09 }
  static func isToken(_ byte: UInt8) -> Bool {
    let others = "!#$%&'*+-.^_`|~".utf8
    let isLetter = (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7A
    return isDigit(byte) || isLetter || others.contains(byte)
  }
  static func lower(_ bytes: [UInt8]) -> String {
    String(decoding: bytes, as: UTF8.self).lowercased()
  }
}
