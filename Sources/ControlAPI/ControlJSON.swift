// The JSON of the control interface, written and read in one way everywhere.

import FoundationEssentials

public enum ControlJSON {
  /// For people and files: indented, keys sorted.
  public static func pretty(_ value: some Encodable) throws -> [UInt8] {
    try encode(value, [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
  }

  /// On one line, keys sorted; what a server-sent event carries.
  public static func compact(_ value: some Encodable) throws -> [UInt8] {
    try encode(value, [.sortedKeys, .withoutEscapingSlashes])
  }

  public static func decode<Value: Decodable>(_ type: Value.Type, from bytes: some Sequence<UInt8>) throws -> Value {
    try JSONDecoder().decode(type, from: Data(bytes))
  }

  private static func encode(_ value: some Encodable, _ formatting: JSONEncoder.OutputFormatting) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = formatting
    return try Array(encoder.encode(value))
  }
}

/// The body of every answer that refuses: `{"error": "…"}`.
public struct ControlFailure: Codable, Sendable, Hashable, Error, CustomStringConvertible {
  /// One sentence: what failed, why, and what to do about it.
  public var error: String

  public init(_ error: String) { self.error = error }

  public var description: String { error }
}

/// The body of an answer to a command that was carried out: `{"message": "…"}`.
public struct ControlConfirmation: Codable, Sendable, Hashable {
  public var message: String

  public init(_ message: String) { self.message = message }
}
