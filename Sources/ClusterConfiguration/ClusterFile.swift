// The way in: text to a `ClusterConfiguration`, or to the reasons why there is none.

/// Reads cluster files.
public enum ClusterFile {
  /// The file that vipd reads unless it is told another.
  public static let standardPath = "/etc/vipd/vipd.yaml"

  /// What reading a file came to.
  public struct Outcome: Sendable {
    /// As the file was named to us.
    public let fileName: String
    /// Nil exactly where `diagnostics` holds an error.
    public let configuration: ClusterConfiguration?
    /// All complaints, in the file's order.
    public let diagnostics: [Diagnostic]
    /// Sixteen hexadecimal digits that differ where two files' bytes do: for telling whether nodes run the same file,
    /// not against anybody who means harm.
    public let digest: String

    /// The configuration.
    /// - Throws: `InvalidClusterFile` with all diagnostics where there is none.
    public func get() throws(InvalidClusterFile) -> ClusterConfiguration {
      guard let configuration else { throw InvalidClusterFile(diagnostics: diagnostics) }
      return configuration
    }
  }

  /// Reads a text.
  /// - Parameter fileName: what diagnostics call it.
  public static func parse(text: String, fileName: String) -> Outcome {
    parse(bytes: Array(text.utf8), fileName: fileName)
  }

  /// Reads a file's bytes, which need not even be text.
  public static func parse(bytes: [UInt8], fileName: String) -> Outcome {
    let source = SourceText(bytes: bytes)
    var complaints = Complaints(file: fileName, source: source)
    let configuration = configuration(from: source, complaints: &complaints)
    return Outcome(
      fileName: fileName, configuration: configuration, diagnostics: complaints.inFileOrder,
      digest: digest(of: bytes))
  }

  /// FNV-1a, 64 bits.
  private static func digest(of bytes: [UInt8]) -> String {
    let hash = bytes.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    let digits = String(hash, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  /// Nil where `complaints` has an error in the end.
  private static func configuration(from source: SourceText, complaints: inout Complaints) -> ClusterConfiguration? {
    guard let root = YAMLParser.parse(source, complaints: &complaints) else { return nil }
    var reader = ClusterFileReader(complaints: complaints)
    let draft = reader.file(root)
    complaints = reader.complaints
    guard let draft else { return nil }
    var checks = ClusterChecks(draft: draft, complaints: complaints)
    checks.run()
    complaints = checks.complaints
    guard !complaints.hasErrors else { return nil }
    guard let configuration = ClusterBuilder.configuration(from: draft) else {
      // Each value that is missing was complained about, so this is a mistake of ours; the file is refused all the
      // same.
      complaints.error("vipd can not make sense of this file", at: .start, hint: "please report it: this is a bug")
      return nil
    }
    for finding in WeightReview(of: configuration).findings {
      complaints.warn(
        finding.message, at: draft.position(of: finding.subject), details: finding.details, hint: finding.hint)
    }
    return configuration
  }
}

extension ClusterDraft {
  /// Where the file says what a finding is about.
  fileprivate func position(of subject: WeightFinding.Subject) -> SourcePosition {
    func router(_ name: VirtualRouterName) -> VirtualRouterDraft? {
      virtualRouters.first { $0.name?.text == name.rawValue }
    }
    switch subject {
    case .track(let name):
      return router(name).map { $0.trackPosition ?? $0.namePosition } ?? .start
    case .weight(let tracker, let name):
      if let weight = trackers.first(where: { $0.name.text == tracker.rawValue })?.weight { return weight.position }
      return router(name)?.track.first { $0.value == tracker.rawValue }?.position ?? .start
    case .priorities(let name):
      return nodes.first?.priority?.position ?? router(name)?.namePosition ?? .start
    }
  }
}

/// A cluster file whose contents were refused.
public struct InvalidClusterFile: Error, Sendable, CustomStringConvertible {
  /// At least one error among them.
  public let diagnostics: [Diagnostic]

  /// The errors and warnings, a line each.
  public var description: String { diagnostics.map(\.description).joined(separator: "\n") }
}
