// How times and missing values are written: seconds as numbers to the millisecond, and null where a promised key has
// nothing to say.

/// A time in seconds, as a JSON number rounded to milliseconds.
@propertyWrapper
public struct Seconds: Codable, Sendable, Hashable {
  public var wrappedValue: Duration

  public init(wrappedValue: Duration) { self.wrappedValue = wrappedValue }

  public init(from decoder: any Decoder) throws {
    wrappedValue = try duration(ofSeconds: Double(from: decoder), decoder)
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(secondsToTheMillisecond(wrappedValue))
  }
}

/// A time in seconds, or null.
@propertyWrapper
public struct OptionalSeconds: Codable, Sendable, Hashable {
  public var wrappedValue: Duration?

  public init(wrappedValue: Duration?) { self.wrappedValue = wrappedValue }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    wrappedValue = container.decodeNil() ? nil : try duration(ofSeconds: container.decode(Double.self), decoder)
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    if let wrappedValue {
      try container.encode(secondsToTheMillisecond(wrappedValue))
    } else {
      try container.encodeNil()
    }
  }
}

/// A value whose absence is written as null instead of leaving its key out.
@propertyWrapper
public struct ExplicitNull<Value: Codable & Sendable & Hashable>: Codable, Sendable, Hashable {
  public var wrappedValue: Value?

  public init(wrappedValue: Value?) { self.wrappedValue = wrappedValue }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    wrappedValue = container.decodeNil() ? nil : try container.decode(Value.self)
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    if let wrappedValue {
      try container.encode(wrappedValue)
    } else {
      try container.encodeNil()
    }
  }
}

// Where an older daemon leaves a key out, the wrappers read nil: the synthesized decoders pick these up.
extension KeyedDecodingContainer {
  func decode(_ type: OptionalSeconds.Type, forKey key: Key) throws -> OptionalSeconds {
    try decodeIfPresent(type, forKey: key) ?? OptionalSeconds(wrappedValue: nil)
  }

  func decode<Value>(_ type: ExplicitNull<Value>.Type, forKey key: Key) throws -> ExplicitNull<Value> {
    try decodeIfPresent(type, forKey: key) ?? ExplicitNull(wrappedValue: nil)
  }
}

private func secondsToTheMillisecond(_ duration: Duration) -> Double {
  let (seconds, attoseconds) = duration.components
  let milliseconds = (Double(attoseconds) / 1e15).rounded()
  return (Double(seconds) * 1000 + milliseconds) / 1000
}

/// A number of seconds that a Duration can hold; a peer's JSON may say anything.
private func duration(ofSeconds seconds: Double, _ decoder: any Decoder) throws -> Duration {
  guard seconds.magnitude < 1e12 else {
    throw DecodingError.dataCorrupted(
      .init(codingPath: decoder.codingPath, debugDescription: "\(seconds) s is beyond what a time may be"))
  }
  return .milliseconds(Int64((seconds * 1000).rounded()))
}
