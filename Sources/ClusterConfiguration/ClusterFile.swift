// The way in: text to a `ClusterConfiguration`, or to the reasons why there is none.

/// Reads cluster files.
public enum ClusterFile {
  /// The file that vipd reads unless it is told another.
  public static let standardPath = "/etc/vipd/vipd.yaml"

  /// What reading a file came to.
  public struct Outcome: Sendable {
    /// Nil exactly where `diagnostics` holds an error.
    public let configuration: ClusterConfiguration?
    /// All complaints, in the file's order.
    public let diagnostics: [Diagnostic]

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
    fatalError("not written yet")
  }

  /// Reads a file from disk.
  /// - Throws: `UnreadableFile` where there is nothing to read; what is wrong with the contents is in the outcome.
  public static func load(path: String) throws(UnreadableFile) -> Outcome {
    fatalError("not written yet")
  }
}

/// A cluster file whose contents were refused.
public struct InvalidClusterFile: Error, Sendable {
  /// At least one error among them.
  public let diagnostics: [Diagnostic]
}

/// A file that could not be read at all.
public struct UnreadableFile: Error, Sendable, Hashable, CustomStringConvertible {
  public let path: String
  /// In words, with the remedy where there is one.
  public let reason: String

  public var description: String { "\(path): \(reason)" }
}
