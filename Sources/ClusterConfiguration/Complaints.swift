// Where the stages of reading a file put what they find, so that one run tells everything that is wrong with it.

struct Complaints {
  let file: String
  let source: SourceText
  private(set) var diagnostics: [Diagnostic] = []

  init(file: String, source: SourceText) {
    self.file = file
    self.source = source
  }

  var hasErrors: Bool { diagnostics.contains { $0.severity == .error } }

  mutating func error(_ message: String, at position: SourcePosition, hint: String? = nil) {
    add(.error, message, at: position, details: [], hint: hint)
  }

  mutating func warn(_ message: String, at position: SourcePosition, details: [String] = [], hint: String? = nil) {
    add(.warning, message, at: position, details: details, hint: hint)
  }

  private mutating func add(
    _ severity: Diagnostic.Severity, _ message: String, at position: SourcePosition, details: [String], hint: String?
  ) {
    // libyaml counts on when a text ends within a line: to a line that is not there.
    let position = min(position, source.end)
    diagnostics.append(
      Diagnostic(
        severity: severity, file: file, position: position, message: message, details: details, hint: hint,
        sourceLine: source.line(position.line)))
  }

  /// In the file's order; what was found first at one place comes first.
  var inFileOrder: [Diagnostic] {
    diagnostics.enumerated()
      .sorted { ($0.element.position, $0.offset) < ($1.element.position, $1.offset) }
      .map(\.element)
  }
}
