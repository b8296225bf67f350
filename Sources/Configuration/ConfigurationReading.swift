// Why this file exists: the builder reads the typed document key by key; a key that is not there,
// or not of its type, is found out here, so that the builder itself is one line a key.
import Primitives

extension ConfigurationValue {
  typealias Incomplete = ConfigurationBuilder.Incomplete

  func value(_ key: String) throws(Incomplete) -> ConfigurationValue {
    guard let value = field(key) else { throw Incomplete() }
    return value
  }

  func mapping(_ key: String) throws(Incomplete) -> ConfigurationValue {
    let value = try value(key)
    guard case .mapping = value.content else { throw Incomplete() }
    return value
  }

  /// The text of a scalar that is no word.
  var writtenText: String? {
    if case .text(let text)? = scalar { text } else { nil }
  }

  func text(_ key: String) throws(Incomplete) -> String {
    guard let text = try value(key).writtenText else { throw Incomplete() }
    return text
  }

  /// nil for a word, which can only be `none`.
  func optionalText(_ key: String) throws(Incomplete) -> String? {
    try isNone(key) ? nil : try text(key)
  }

  func word<Word: RawRepresentable<String>>(
    _ key: String
  ) throws(Incomplete) -> Word {
    guard case .word(let text)? = try value(key).scalar, let word = Word(rawValue: text) else {
      throw Incomplete()
    }
    return word
  }

  private func isNone(_ key: String) throws(Incomplete) -> Bool {
    try value(key).scalar == .word("none")
  }

  func integer(_ key: String) throws(Incomplete) -> Int {
    guard case .integer(let number)? = try value(key).scalar else { throw Incomplete() }
    return Int(number)
  }

  func optionalInteger(_ key: String) throws(Incomplete) -> Int? {
    try isNone(key) ? nil : try integer(key)
  }

  func bytes(_ key: String) throws(Incomplete) -> UInt64 {
    switch try value(key).scalar {
    case .bytes(let number), .byteRate(let number): return number
    default: throw Incomplete()
    }
  }

  func optionalBytes(_ key: String) throws(Incomplete) -> UInt64? {
    try isNone(key) ? nil : try bytes(key)
  }

  func duration(_ key: String) throws(Incomplete) -> Duration {
    guard case .duration(let duration)? = try value(key).scalar else { throw Incomplete() }
    return duration
  }

  func optionalDuration(_ key: String) throws(Incomplete) -> Duration? {
    try isNone(key) ? nil : try duration(key)
  }

  func share(_ key: String) throws(Incomplete) -> Share {
    guard case .share(let share)? = try value(key).scalar else { throw Incomplete() }
    return share
  }

  func rate(_ key: String) throws(Incomplete) -> Rate {
    guard case .rate(let rate)? = try value(key).scalar else { throw Incomplete() }
    return rate
  }

  func address(_ key: String) throws(Incomplete) -> NetworkAddress {
    guard case .address(let address)? = try value(key).scalar else { throw Incomplete() }
    return address
  }

  /// nil for `none`.
  func optionalURL(_ key: String) throws(Incomplete) -> HTTPURL? {
    if try isNone(key) { return nil }
    guard case .url(let url)? = try value(key).scalar else { throw Incomplete() }
    return url
  }

  func boolean(_ key: String) throws(Incomplete) -> Bool {
    guard case .boolean(let flag)? = try value(key).scalar else { throw Incomplete() }
    return flag
  }

  func optionalShare(_ key: String) throws(Incomplete) -> Share? {
    try isNone(key) ? nil : try share(key)
  }

  func statuses(_ key: String) throws(Incomplete) -> [ClosedRange<UInt16>] {
    try value(key).elements.compactMap { element in
      if case .statuses(let range)? = element.scalar { range } else { nil }
    }
  }

  /// nil for `none`.
  func optionalMapping(_ key: String) throws(Incomplete) -> ConfigurationValue? {
    try isNone(key) ? nil : try mapping(key)
  }
}
