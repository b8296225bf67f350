// Why this file exists: an operator wants to see what is in use, with every default filled in; and
// nobody who may look at the admin listener may read a secret there.
import Primitives

/// A configuration as it is in effect, written out.
package enum EffectiveConfiguration {
  /// What stands for a value that may not be shown.
  static let redacted = "(redacted)"

  /// A JSON text, which is YAML too: every key that has a value, in the order of the schema.
  /// Whatever came from `${…}`, or is a secret by its key, is `(redacted)`.
  package static func json(_ values: ConfigurationValue) -> String { json(of: values).text + "\n" }

  private static func json(of value: ConfigurationValue) -> JSONValue {
    if value.isSecret { return value.scalar == .word("none") ? .string("none") : .string(redacted) }
    return switch value.content {
    case .scalar(let scalar): json(of: scalar)
    case .mapping(let fields): .object(fields.map { ($0.key, json(of: $0.value)) })
    case .named(let named): .object(named.map { ($0.name, json(of: $0.value)) })
    case .list(let elements): .array(elements.map(json(of:)))
    }
  }

  private static func json(of scalar: ScalarValue) -> JSONValue {
    switch scalar {
    case .boolean(let flag): .boolean(flag)
    case .integer(let number): .integer(number)
    case .word(let text): .string(text)
    // As it has to be written, not to begin an expansion.
    case .text(let text): .string(text.replacing("$", with: "$$"))
    case .duration(let duration): .string(QuantityText.duration(duration))
    case .bytes(let count): .string(QuantityText.size(count))
    case .byteRate(let count): .string(QuantityText.size(count) + "/s")
    case .share(let share): .string(QuantityText.share(share))
    case .rate(let rate): .string(QuantityText.rate(rate))
    case .address(let address): .string(address.text)
    case .cidr(let block): .string(block.description)
    case .url(let url): .string(url.text.replacing("$", with: "$$"))
    case .requestKey(let key): .string(text(of: key))
    case .statuses(let range):
      .string(
        range.count == 1 ? "\(range.lowerBound)" : "\(range.lowerBound)-\(range.upperBound)")
    }
  }

  private static func text(of key: RequestKey) -> String {
    switch key {
    case .clientIP: "client_ip"
    case .path: "path"
    case .header(let name): "header:\(name)"
    case .cookie(let name): "cookie:\(name)"
    case .query(let name): "query:\(name)"
    }
  }
}
