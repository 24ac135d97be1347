// Durations as people write them: `500ms`, `1s`, `1.5s`, `2m`, `1h`.

enum DurationText {
  /// What is wrong with a text that is no duration.
  enum Problem: Error, Equatable {
    /// A bare number: is it seconds?
    case unitMissing
    case unknownUnit(String)
    case notANumber
    case tooLarge
  }

  static func parse(_ text: String) -> Result<Duration, Problem> {
    let number = text.prefix { ("0"..."9").contains($0) || $0 == "." }
    let unit = text.dropFirst(number.count)
    guard let amount = Decimal(number) else { return .failure(.notANumber) }
    if unit.isEmpty { return amount.isZero ? .success(.zero) : .failure(.unitMissing) }
    guard let nanoseconds = nanoseconds(per: unit) else { return .failure(.unknownUnit(String(unit))) }
    guard let total = amount.times(nanoseconds) else { return .failure(.tooLarge) }
    return .success(.nanoseconds(total))
  }

  private static func nanoseconds(per unit: Substring) -> Int64? {
    switch unit {
    case "ms": 1_000_000
    case "s": 1_000_000_000
    case "m": 60_000_000_000
    case "h": 3_600_000_000_000
    default: nil
    }
  }

  /// Digits with at most six after a point: exact, where a `Double` would not be.
  private struct Decimal {
    private var digits: Int64 = 0
    private var divisor: Int64 = 1

    init?(_ text: Substring) {
      let parts = text.split(separator: ".", omittingEmptySubsequences: false)
      guard parts.count <= 2, (1...12).contains(parts[0].utf8.count), let whole = Int64(parts[0]) else { return nil }
      digits = whole
      guard parts.count == 2 else { return }
      guard (1...6).contains(parts[1].utf8.count), let fraction = Int64(parts[1]) else { return nil }
      for _ in parts[1] { divisor *= 10 }
      digits = digits * divisor + fraction
    }

    var isZero: Bool { digits == 0 }

    func times(_ factor: Int64) -> Int64? {
      let (product, overflow) = digits.multipliedReportingOverflow(by: factor)
      return overflow ? nil : product / divisor
    }
  }
}

extension Duration {
  /// As the cluster file reads it: `500ms`, `1.5s`, `90s`, `30m`, `2h`; exact down to the microsecond.
  var written: String {
    let (seconds, attoseconds) = components
    let microseconds = Int(attoseconds / 1_000_000_000_000)
    if microseconds == 0 {
      if seconds != 0, seconds % 3600 == 0 { return "\(seconds / 3600)h" }
      if seconds != 0, seconds % 60 == 0 { return "\(seconds / 60)m" }
      return "\(seconds)s"
    }
    if seconds == 0 { return Self.decimal(microseconds / 1000, microseconds % 1000, digits: 3) + "ms" }
    return Self.decimal(Int(seconds), microseconds, digits: 6) + "s"
  }

  /// `whole.fraction`, where `fraction` counts so many digits, without zeros at the end.
  private static func decimal(_ whole: Int, _ fraction: Int, digits: Int) -> String {
    guard fraction != 0 else { return "\(whole)" }
    var text = String(repeating: "0", count: max(0, digits - "\(fraction)".count)) + "\(fraction)"
    while text.last == "0" { text.removeLast() }
    return "\(whole).\(text)"
  }
}
