// An examination's findings as a page: the worst first, each with what was seen, why it matters and what mends it. Pure.

import Diagnosis

struct DoctorPage {
  private let findings: [Finding]
  private let file: String
  private let hasDaemon: Bool
  private let width: Int
  private let style: TextStyle

  init(_ findings: [Finding], file: String, hasDaemon: Bool, width: Int, style: TextStyle) {
    self.findings = findings
    self.file = file
    self.hasDaemon = hasDaemon
    self.width = width
    self.style = style
  }

  /// Ends with a newline.
  var text: String {
    let pages = findings.map(page)
    return (pages + [summary]).joined(separator: "\n")
  }

  private var summary: String {
    let beside = hasDaemon ? "" : "; vipd was not asked, as none answers here"
    let counts = Finding.Severity.allCases.reversed().compactMap { severity -> String? in
      let count = findings.count { $0.severity == severity }
      guard count > 0 else { return nil }
      return "\(count) \(severity.rawValue)\(count == 1 ? "" : "s")"
    }
    let verdict = counts.isEmpty ? "nothing to mend" : counts.joined(separator: ", ")
    return style(tone(findings.map(\.severity).max()), printable("\(file): \(verdict)\(beside)")) + "\n"
  }

  private func page(_ finding: Finding) -> String {
    let mark =
      switch finding.severity {
      case .error: "✗"
      case .warning: "!"
      case .note: "·"
      }
    var text =
      style(tone(finding.severity), "\(mark) \(finding.severity.rawValue): \(printable(finding.subject))") + "\n"
    text += paragraph("seen", finding.seen) + paragraph("why", finding.why)
    let place = finding.on.map { "on \($0)" } ?? "mend"
    // Not wrapped: to be copied.
    for (index, command) in finding.mend.enumerated() {
      text +=
        "  " + style.dim((index == 0 ? place : "").padded(to: max(5, place.count))) + " "
        + style.bold(printable(command)) + "\n"
    }
    return text
  }

  private func paragraph(_ title: String, _ words: String) -> String {
    printable(words).wrapped(to: width - 8).enumerated().map { index, line in
      "  " + style.dim((index == 0 ? title : "").padded(to: 5)) + " " + line + "\n"
    }.joined()
  }

  private func tone(_ severity: Finding.Severity?) -> Tone {
    switch severity {
    case nil: .good
    case .note?: .plain
    case .warning?: .warning
    case .error?: .bad
    }
  }
}
