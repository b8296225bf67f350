// Why this file exists: where libFuzzer asks for the next input, half of the times out of one that
// it has and half out of two. Most are made by somebody who knows what the bytes mean, so that they
// get past the first lines of a reader; a quarter by libFuzzer, for what nobody has thought of.
import CFuzzer
import Primitives

/// Whose inputs are being made.
nonisolated(unsafe) var mutated = Target.request

/// Equal seeds make equal inputs of equal ones.
@_cdecl("LLVMFuzzerCustomMutator")
func mutate(
  _ data: UnsafeMutablePointer<UInt8>, _ size: Int, _ most: Int, _ seed: UInt32
) -> Int {
  var random = Dice(seed: seed)
  if random.oneOf(2) { return LLVMFuzzerMutate(data, size, most) }
  var bytes = Array(UnsafeBufferPointer(start: data, count: size))
  let before = bytes
  for _ in 0...random.below(4) { bytes = mutated.changed(bytes, &random) }
  if bytes == before || bytes.isEmpty { return LLVMFuzzerMutate(data, size, most) }
  return copy(bytes, to: data, most)
}

/// Equal seeds make equal inputs of equal pairs.
@_cdecl("LLVMFuzzerCustomCrossOver")
func crossOver(
  _ first: UnsafePointer<UInt8>, _ firstSize: Int, _ second: UnsafePointer<UInt8>,
  _ secondSize: Int, _ data: UnsafeMutablePointer<UInt8>, _ most: Int, _ seed: UInt32
) -> Int {
  var random = Dice(seed: seed)
  let one = Array(UnsafeBufferPointer(start: first, count: firstSize))
  let other = Array(UnsafeBufferPointer(start: second, count: secondSize))
  var bytes = mutated.crossed(one, other, &random)
  if random.oneOf(2) { bytes = mutated.changed(bytes, &random) }
  return copy(bytes, to: data, most)
}

private func copy(_ bytes: [UInt8], to data: UnsafeMutablePointer<UInt8>, _ most: Int) -> Int {
  let count = min(bytes.count, most)
  bytes.withUnsafeBufferPointer { source in
    if let base = source.baseAddress { data.update(from: base, count: count) }
  }
  return count
}

extension Target {
  fileprivate func changed(_ bytes: [UInt8], _ random: inout Dice) -> [UInt8] {
    switch self {
    case .request, .response: HTTPDraft.changed(bytes, &random)
    case .exchange: ExchangeDraft.changed(bytes, &random)
    case .chunked: ChunkDraft.changed(bytes, &random)
    case .fields: FieldLines.changed(bytes, &random)
    case .path: PathDraft.changed(bytes, &random)
    case .configuration: YAMLDraft.changed(bytes, &random)
    }
  }

  fileprivate func crossed(_ one: [UInt8], _ other: [UInt8], _ random: inout Dice) -> [UInt8] {
    switch self {
    case .request, .response: return HTTPDraft.crossed(one, other, &random)
    case .exchange: return ExchangeDraft.crossed(one, other, &random)
    case .fields: return FieldLines.crossed(one, other, &random)
    case .configuration: return YAMLDraft.crossed(one, other, &random)
    case .chunked, .path:
      // Any part of one in any place of the other.
      let start = random.below(other.count + 1)
      let end = start + random.below(other.count - start + 1)
      let at = random.below(one.count + 1)
      return Array(one[..<at] + other[start..<end] + one[at...])
    }
  }
}

/// Choices from one seed.
struct Dice {
  private var source: SplitMix64

  init(seed: UInt32) { source = SplitMix64(seed: UInt64(seed)) }

  /// 0 to `bound` - 1; 0 where there is nothing to choose.
  mutating func below(_ bound: Int) -> Int {
    bound <= 1 ? 0 : Int(source.next() % UInt64(bound))
  }
  mutating func oneOf(_ cases: Int) -> Bool { below(cases) == 0 }
  mutating func pick<Element>(_ all: [Element]) -> Element { all[below(all.count)] }
  mutating func byte() -> UInt8 { UInt8(truncatingIfNeeded: source.next()) }
}

extension Array {
  /// One of them twice, gone, moved or in another's place.
  mutating func shuffleOne(_ random: inout Dice) {
    if isEmpty { return }
    let index = random.below(count)
    switch random.below(5) {
    case 0: insert(self[index], at: index)
    case 1: insert(self[index], at: random.below(count + 1))
    case 2: if count > 1 { remove(at: index) }
    case 3: swapAt(index, random.below(count))
    default:
      let element = remove(at: index)
      insert(element, at: random.below(count + 1))
    }
  }
}
