// Why this file exists: one difference, two readers: a person, who gets a short list with marks,
// and a program, which gets JSON.

extension ConfigurationDiff {
  /// What `gateway diff` prints; ends in a line end.
  package func text(isColoured: Bool) -> String {
    if isEmpty { return "no difference: a reload would change nothing\n" }
    let lines = changes.map { change in
      let line = "\(change.kind.mark) \(change.text)"
      return isColoured ? "\u{1B}[\(ConfigurationDiff.colour(change.kind))m\(line)\u{1B}[0m" : line
    }
    return (lines + [kept.text, summary].compactMap { $0 }).joined(separator: "\n") + "\n"
  }

  /// Green, red and yellow, as every diff has them.
  private static func colour(_ kind: ConfigurationChange.Kind) -> Int {
    switch kind {
    case .added: 32
    case .removed: 31
    case .changed, .moved: 33
    }
  }

  /// The same for programs; ends in a line end.
  package var json: String {
    let changes = changes.map { change -> JSONValue in
      .object([
        ("kind", .string(change.kind.rawValue)), ("part", .string(change.part.rawValue)),
        ("name", .string(change.name)),
        ("service", change.service.map { .string($0) } ?? .null),
        ("path", .string(change.path)),
        ("old", change.old.map { .string($0) } ?? .null),
        ("new", change.new.map { .string($0) } ?? .null),
        ("effect", change.effect.map { .string($0) } ?? .null),
        ("needs_restart", .boolean(change.needsRestart)),
        ("old_line", change.oldLine.map { .integer(Int64($0)) } ?? .null),
        ("new_line", change.newLine.map { .integer(Int64($0)) } ?? .null),
        ("text", .string(change.text)),
      ])
    }
    let kept: [(String, JSONValue)] = [
      ("listeners", kept.listeners), ("backends", kept.backends), ("limits", kept.limits),
      ("unchanged_services", kept.unchangedServices), ("unchanged_routes", kept.unchangedRoutes),
    ].map { ($0.0, .integer(Int64($0.1))) }
    return JSONValue.object([
      ("changes", .array(changes)), ("kept", .object(kept)), ("summary", .string(summary)),
    ]).text + "\n"
  }
}
