// A YAML document as a tree that still knows where everything stood. Scalars stay text: it is for the reader of a key
// to say whether `12` is a number, so that no guess of YAML's (`off`, `012`, `1:30`) comes between the admin and us.

struct YAMLNode: Sendable {
  let position: SourcePosition
  let content: Content

  enum Content: Sendable {
    /// `isPlain` is false for quoted and block scalars.
    case scalar(String, isPlain: Bool)
    case sequence([YAMLNode])
    case mapping([YAMLEntry])
    /// Something that was complained about already, and is to be passed over in silence.
    case unusable
  }

  /// Whether nothing was written where a value could stand.
  var isEmpty: Bool {
    switch content {
    case .scalar(let text, let isPlain): isPlain && (text.isEmpty || text == "~" || text == "null")
    case .sequence, .mapping, .unusable: false
    }
  }

  /// What was written, for "expected …, found …".
  var description: String {
    switch content {
    case .scalar(let text, _): isEmpty ? "nothing" : text.quoted
    case .sequence: "a list"
    case .mapping: "a mapping (key: value)"
    case .unusable: "something unusable"
    }
  }
}

/// One `key: value` of a mapping.
struct YAMLEntry: Sendable {
  let key: String
  let keyPosition: SourcePosition
  let value: YAMLNode
}

/// A value and where it was written.
struct Located<Value> {
  let value: Value
  let position: SourcePosition

  init(_ value: Value, at position: SourcePosition) {
    self.value = value
    self.position = position
  }
}

extension Located: Sendable where Value: Sendable {}

extension String {
  /// In single quotes, cut to a readable length, with nothing in it that would disturb a terminal.
  var quoted: String {
    let most = 60
    let shown = unicodeScalars.prefix(most).map(\.displayed).joined()
    return "'\(shown)\(unicodeScalars.count > most ? "…" : "")'"
  }
}
