// The reference is made of the keys that the parser goes by; so that it says nothing that the parser does not do, each line
// that it shows is parsed.

import Testing

@testable import ClusterConfiguration

@Suite("The reference of the cluster file")
struct ReferenceTests {
  private let reference = ClusterFileReference()

  @Test("Every key has a meaning, and an example that begins with it")
  func keys() {
    #expect(reference.sections.count == 13)
    for section in reference.sections {
      for key in section.keys {
        #expect(key.meaning.hasSuffix("."), "\(section.path).\(key.name)")
        #expect(key.example.hasPrefix("\(key.name): "), "\(section.path).\(key.name)")
        #expect(key.meaning.count { $0 == "`" }.isMultiple(of: 2), "\(section.path).\(key.name)")
      }
    }
  }

  @Test("Every section but the file's own stands below a key", arguments: ClusterFileReference().sections.map(\.path))
  func paths(_ path: String) {
    #expect(path.isEmpty || reference.key(at: path) != nil)
    #expect(reference.section(at: path) != nil)
  }

  @Test("A key is found by its path, and what is near one is told")
  func search() {
    #expect(reference.key(at: "virtual_routers.lease")?.example == "lease: off")
    #expect(reference.key(at: "lease") == nil && reference.paths(of: "lease") == ["virtual_routers.lease"])
    #expect(reference.paths(of: "interval") == ["trackers.interval", "virtual_routers.interval"])
    #expect(reference.nearest(to: "trackers.http.bodi") == "trackers.http.body")
    #expect(reference.nearest(to: "leese") == "virtual_routers.lease")
    #expect(reference.key(at: "") == nil && reference.nearest(to: "zzzzzzzzzzzzzzz") == nil)
  }

  @Test("Both documents have every key, and roff takes no line of the manual for a request of its own")
  func documents() {
    let manual = reference.manual(date: "November 21, 2026", version: "1")
    for key in reference.sections.flatMap(\.keys) {
      #expect(reference.markdown.contains("| `\(key.name)` | "))
      #expect(manual.contains(".It Cm \(key.name)\n"))
    }
    let requests: Set = [
      ".Dd", ".Dt", ".Os", ".Sh", ".Nm", ".Nd", ".Xr", ".Pa", ".Pp", ".Dl", ".Ql", ".Bl", ".It", ".El", ".Bd", ".Ed",
      ".Cm",
    ]
    for line in manual.split(separator: "\n") where line.hasPrefix(".") || line.hasPrefix("'") {
      #expect(requests.contains(String(line.prefix(3))), "\(line)")
    }
  }
}
