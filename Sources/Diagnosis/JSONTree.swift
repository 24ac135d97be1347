// JSON whose shape is another program's: looked into, not decoded. What is not there is null.

enum JSONTree: Decodable, Sendable, Hashable {
  case null
  case bool(Bool)
  case number(Double)
  case string(String)
  case array([JSONTree])
  case object([String: JSONTree])

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? container.decode(Double.self) {
      self = .number(value)
    } else if let value = try? container.decode(String.self) {
      self = .string(value)
    } else if let value = try? container.decode([JSONTree].self) {
      self = .array(value)
    } else {
      self = .object(try container.decode([String: JSONTree].self))
    }
  }

  subscript(_ key: String) -> JSONTree {
    if case .object(let fields) = self { fields[key] ?? .null } else { .null }
  }

  var isNull: Bool { self == .null }

  var list: [JSONTree] {
    if case .array(let elements) = self { elements } else { [] }
  }

  /// The key and value of an object that has one; nil for all else.
  var only: (key: String, value: JSONTree)? {
    guard case .object(let fields) = self, fields.count == 1, let field = fields.first else { return nil }
    return (field.key, field.value)
  }

  /// A number or a string as text; empty for all else.
  var text: String {
    switch self {
    case .string(let text): text
    case .number(let number): Int(exactly: number).map(String.init) ?? "\(number)"
    case .null, .bool, .array, .object: ""
    }
  }

  var number: Int? {
    if case .number(let number) = self { Int(exactly: number) } else { nil }
  }
}
