// The names in a cluster file, each as a type of its own, so that a tracker's name can not stand where a node's
// belongs.

/// The name of a node, a tracker or a virtual router: 1–64 ASCII letters, digits, `.`, `_` and `-`, a letter or digit
/// first, so that it needs no quoting in a shell, a URL, a metric's label or a log line.
public struct Name<Named>: RawRepresentable, Sendable, Hashable, Comparable, CustomStringConvertible {
  public let rawValue: String

  /// Nil unless `rawValue` is such a name.
  public init?(rawValue: String) {
    guard NameRule.problem(with: rawValue) == nil else { return nil }
    self.rawValue = rawValue
  }

  public init?(_ text: String) { self.init(rawValue: text) }

  public var description: String { rawValue }
  public static func < (lhs: Self, rhs: Self) -> Bool { lhs.rawValue < rhs.rawValue }
}

public typealias NodeName = Name<ClusterConfiguration.Node>
public typealias TrackerName = Name<ClusterConfiguration.Tracker>
public typealias VirtualRouterName = Name<ClusterConfiguration.VirtualRouter>

/// What makes a name, and what is wrong with one that is none.
enum NameRule {
  static let maximumLength = 64

  /// What is wrong with `text` as a name, in words that follow "the name …"; nil where nothing is.
  static func problem(with text: String) -> String? {
    guard let first = text.unicodeScalars.first else { return "is empty" }
    if text.utf8.count > maximumLength { return "has \(text.utf8.count) bytes; \(maximumLength) is the most" }
    if !isAlphanumeric(first) { return "begins with '\(first.displayed)'; begin with a letter or a digit" }
    for scalar in text.unicodeScalars where !isAlphanumeric(scalar) && !".-_".unicodeScalars.contains(scalar) {
      return "holds '\(scalar.displayed)'; use letters, digits, '.', '_' and '-'"
    }
    return nil
  }

  private static func isAlphanumeric(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar {
    case "a"..."z", "A"..."Z", "0"..."9": true
    default: false
    }
  }
}

extension Unicode.Scalar {
  /// Itself, or an escape where it would disturb a terminal.
  var displayed: String { properties.isPrintable ? String(self) : "\\u{\(String(value, radix: 16))}" }
}

extension Unicode.Scalar.Properties {
  /// Not a control, format, surrogate, private or unassigned character, and no line or paragraph separator.
  var isPrintable: Bool {
    switch generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
    default: true
    }
  }
}
