// What is wrong with a cluster file, where, and what would mend it: in the form that compilers made familiar.

/// One complaint about one place in a file.
public struct Diagnostic: Sendable, Hashable, Error {
  public enum Severity: String, Sendable, Hashable {
    /// The file is refused.
    case error
    /// The file is accepted, but probably does not do what was meant.
    case warning
  }

  public var severity: Severity
  /// As the file was named to us.
  public var file: String
  public var position: SourcePosition
  public var message: String
  /// What would mend it.
  public var hint: String?
  /// The line that `position` lies in, without its end; cut where it is very long.
  public var sourceLine: String

  public init(
    severity: Severity, file: String, position: SourcePosition, message: String, hint: String? = nil,
    sourceLine: String = ""
  ) {
    self.severity = severity
    self.file = file
    self.position = position
    self.message = message
    self.hint = hint
    self.sourceLine = sourceLine
  }

  public var line: Int { position.line }
  public var column: Int { position.column }
}

/// A place in a text. Lines and columns count from 1; a column is one Unicode scalar wide.
public struct SourcePosition: Sendable, Hashable, Comparable {
  public var line: Int
  public var column: Int

  public init(line: Int, column: Int) {
    self.line = line
    self.column = column
  }

  public static let start = SourcePosition(line: 1, column: 1)

  public static func < (lhs: Self, rhs: Self) -> Bool { (lhs.line, lhs.column) < (rhs.line, rhs.column) }
}
