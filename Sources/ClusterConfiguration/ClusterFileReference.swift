// The reference of the cluster file, made of the keys that the parser goes by: on a terminal, as a page of the documentation,
// and as vipd.yaml(5).

/// Every key that a cluster file can have.
public struct ClusterFileReference: Sendable {
  /// The keys of one kind of mapping.
  public struct Section: Sendable {
    /// Where it stands, as a path of keys: `virtual_routers.preempt`; empty for the file itself.
    public var path: String
    /// In words that begin a heading.
    public var title: String
    public var keys: [Key]
  }

  public struct Key: Sendable {
    public var name: String
    /// What it means; text in back-quotes is what is typed.
    public var meaning: String
    /// A line as an admin would write it.
    public var example: String
  }

  public let sections: [Section]

  public init() {
    sections = [
      keys(FileKey.self, "", "The file") { $0.meaning },
      keys(NodeKey.self, "nodes", "A node") { $0.meaning },
      keys(TrackerKey.self, "trackers", "A tracker") { $0.meaning },
      keys(ProcessKey.self, "trackers.process", "A process, in full") { $0.meaning },
      keys(HTTPKey.self, "trackers.http", "A request, in full") { $0.meaning },
      keys(FileCheckKey.self, "trackers.file", "A file, in full") { $0.meaning },
      keys(DockerKey.self, "trackers.docker", "The Docker Engine, in full") { $0.meaning },
      keys(SwarmKey.self, "trackers.swarm", "A Swarm, in full") { $0.meaning },
      keys(VirtualRouterKey.self, "virtual_routers", "A virtual router") { $0.meaning },
      keys(AddressKey.self, "virtual_routers.addresses", "An address, in full") { $0.meaning },
      keys(PreemptKey.self, "virtual_routers.preempt", "Preemption, in full") { $0.meaning },
      keys(PasswordKey.self, "virtual_routers.password", "A password that stands elsewhere") { $0.meaning },
      keys(ControlKey.self, "control", "Control") { $0.meaning },
    ]
  }

  public func section(at path: String) -> Section? { sections.first { $0.path == path } }

  /// The key of that path: `virtual_routers.lease`.
  public func key(at path: String) -> Key? {
    let parts = path.split(separator: ".")
    guard let last = parts.last else { return nil }
    return section(at: parts.dropLast().joined(separator: "."))?.keys.first { $0.name == last }
  }

  /// The keys that a path, or the last part of one, names: `interval` is a tracker's and a virtual router's.
  public func paths(of name: String) -> [String] { all.filter { $0 == name || $0.hasSuffix(".\(name)") } }

  /// The path that was probably meant; nil where none is like it.
  public func nearest(to path: String) -> String? {
    guard
      let near = NearestWord.to(path, among: all + all.compactMap { $0.split(separator: ".").last.map(String.init) })
    else { return nil }
    return paths(of: near).first
  }

  private var all: [String] {
    sections.flatMap { section in section.keys.map { section.path.isEmpty ? $0.name : "\(section.path).\($0.name)" } }
  }
}

private func keys<Word: SchemaKey>(
  _ keys: Word.Type, _ path: String, _ title: String, _ meaning: (Word) -> String
) -> ClusterFileReference.Section {
  ClusterFileReference.Section(
    path: path, title: title,
    keys: keys.allCases.map {
      ClusterFileReference.Key(name: $0.rawValue, meaning: meaning($0), example: $0.example)
    })
}

// MARK: - As a document

extension ClusterFileReference {
  /// A page for DocC.
  public var markdown: String {
    var page = """
      # The cluster file

      Every key, as `vipctl explain` tells it.

      ## Overview

      One file, the same on every node, `/etc/vipd/vipd.yaml`: YAML with two blanks for each level. Anchors, aliases, tags and \
      keys that are not listed here are errors, each with its line, column and the nearest valid word. A duration has a unit: \
      `10ms`, `1s`, `2m`, `1h`.

      This page is made of the same lists of keys that the parser goes by.

      """
    for section in sections {
      page += "\n## \(section.title)\n\n"
      if !section.path.isEmpty { page += "Below `\(section.path)`.\n\n" }
      page += "| key | meaning | for example |\n|---|---|---|\n"
      for key in section.keys {
        let example = key.example.split(separator: "|").joined(separator: "\\|")
        page += "| `\(key.name)` | \(key.meaning) | `\(example)` |\n"
      }
    }
    return page
  }

  /// vipd.yaml(5), in mdoc(7).
  public func manual(date: String, version: String) -> String {
    var page = """
      .Dd \(date)
      .Dt VIPD.YAML 5
      .Os vipd \(version)
      .Sh NAME
      .Nm vipd.yaml
      .Nd the cluster file of vipd
      .Sh DESCRIPTION
      One file, the same on every node, says which nodes there are, what makes them fit, and which virtual addresses they hold
      together.
      .Xr vipd 8
      reads it from
      .Pa /etc/vipd/vipd.yaml ;
      each node finds itself by the address that it holds.
      .Pp
      .Dl vipctl check /etc/vipd/vipd.yaml
      .Pp
      says whether the file is good, what it does in words, and what is odd about it, with line, column and remedy.
      .Pp
      .Dl systemctl reload vipd
      .Pp
      puts a changed file in force, where an address moves only if the change demands it; a file with a mistake changes nothing.
      .Pp
      The file is YAML: two blanks for each level, no tabs.
      Anchors, aliases, tags and keys that are not listed here are errors.
      A duration has a unit:
      .Ql 10ms , 1s , 2m , 1h .

      """
    for section in sections {
      page += ".Sh \(section.title.uppercased())\n"
      if !section.path.isEmpty { page += "Below\n.Cm \(section.path)\n" }
      page += ".Bl -tag -width virtual_routers\n"
      for key in section.keys {
        page += ".It Cm \(key.name)\n\(key.meaning.roff)\n.Bd -literal -compact\n\(key.example.roffLine)\n.Ed\n"
      }
      page += ".El\n"
    }
    return page + """
      .Sh EXAMPLES
      They lie in
      .Pa /usr/share/doc/vipd/examples .
      .Sh FILES
      .Bl -tag -width virtual_routers
      .It Pa /etc/vipd/vipd.yaml
      The cluster file.
      .El
      .Sh SEE ALSO
      .Xr vipctl-explain 1 ,
      .Xr vipctl 1 ,
      .Xr vipd 8

      """
  }
}

extension String {
  /// A sentence to a line, as mdoc has them, and what is typed in bold.
  fileprivate var roff: String {
    let parts = split(separator: "`", omittingEmptySubsequences: false)
    let marked = parts.enumerated().map { index, part in
      index.isMultiple(of: 2) ? String(part).escapedForRoff : "\\fB\(String(part).escapedForRoff)\\fP"
    }.joined()
    return marked.split(separator: ". ").joined(separator: ".\n").guarded
  }

  fileprivate var roffLine: String { escapedForRoff.guarded }

  /// A line that begins with a dot or a quote would be a request.
  private var guarded: String {
    split(separator: "\n").map { $0.first == "." || $0.first == "'" ? "\\&\($0)" : String($0) }.joined(separator: "\n")
  }

  private var escapedForRoff: String {
    var text = ""
    for character in self {
      switch character {
      case "\\": text += "\\e"
      case "-": text += "\\-"
      default: text.append(character)
      }
    }
    return text
  }
}
