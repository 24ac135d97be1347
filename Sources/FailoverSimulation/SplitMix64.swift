// The one source of chance in a simulation: the same seed gives the same numbers on every machine, toolchain and run.

/// Steele, Lea and Flood's SplitMix64, with the few ways to draw that a simulation needs.
///
/// The standard library's ways to draw from a generator may change with its version; these may not, since recorded
/// transcripts depend on them.
public struct SplitMix64: Sendable, Hashable {
  private var state: UInt64

  public init(seed: UInt64) { state = seed }

  public mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }

  /// A number of 0..<bound; 0 where the bound is 0 or less. The bias is below 2^-40 for any bound used here.
  public mutating func below(_ bound: Int) -> Int {
    guard bound > 0 else { return 0 }
    return Int(truncatingIfNeeded: next().multipliedFullWidth(by: UInt64(bound)).high)
  }

  /// True so many times in a thousand. Draws nothing where chance has no say, so that a clean network stays out of the
  /// sequence.
  public mutating func happens(perMille: Int) -> Bool {
    guard perMille > 0 else { return false }
    return perMille >= 1000 || below(1000) < perMille
  }

  /// A duration of whole microseconds, from zero up to and including `most`; draws nothing where `most` is zero.
  public mutating func duration(upTo most: Duration) -> Duration {
    guard most > .zero else { return .zero }
    return .microseconds(below(most.wholeMicroseconds + 1))
  }
}

extension Duration {
  /// Cut off, not rounded.
  var wholeMicroseconds: Int {
    Int(components.seconds) * 1_000_000 + Int(components.attoseconds / 1_000_000_000_000)
  }
}
