// vipd.yaml(5) is written by hand; the keys that it explains are the parser's.

import FoundationEssentials
import Testing

@testable import ClusterConfiguration

@Suite("vipd.yaml(5)")
struct ManualPageTests {
  private static let page =
    "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/") + "/Packaging/files/vipd.yaml.5"

  private func keys<Key: SchemaKey>(_ type: Key.Type) -> [String] { Key.allCases.map(\.rawValue) }

  @Test("Every key that the parser knows is explained, and no other")
  func keys() throws {
    let text = try String(contentsOfFile: Self.page, encoding: .utf8)
    let explained = Set(text.matches(of: /\.(?:It )?Cm ([a-z_]+)/).map { String($0.output.1) })
    let known = Set(
      keys(FileKey.self) + keys(NodeKey.self) + keys(TrackerKey.self) + keys(HTTPKey.self) + keys(FileCheckKey.self)
        + keys(DockerKey.self) + keys(SwarmKey.self) + keys(ProcessKey.self) + keys(VirtualRouterKey.self)
        + keys(AddressKey.self) + keys(PreemptKey.self) + keys(PasswordKey.self) + keys(ControlKey.self))
    #expect(known.subtracting(explained).isEmpty)
    #expect(explained.subtracting(known).isEmpty)
  }

  @Test("Its example is a good cluster file")
  func example() throws {
    let text = try String(contentsOfFile: Self.page, encoding: .utf8)
    let example = try #require(text.split(separator: ".Bd -literal\n").last?.split(separator: ".Ed").first)
    let outcome = ClusterFile.parse(text: String(example), fileName: "vipd.yaml")
    #expect(outcome.diagnostics.isEmpty, "\(outcome.diagnostics)")
  }
}
