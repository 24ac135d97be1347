// Programs that are told of transitions, and the history of these.

import ControlAPI
import Glibc
import NetworkTypes
import Synchronization
import Testing
import VRRP

@testable import VIPDaemon

@Suite("Hooks and history")
struct HookTests {
  /// A program that writes down what it is told, in a directory of its own.
  private final class Listener {
    let directory: String
    var program: String { "\(directory)/hook" }
    var heard: String { Self.read("\(directory)/heard") }

    init(_ script: String) throws {
      var template = Array("/tmp/vipd-hook-XXXXXX".utf8CString)
      directory = String(cString: try #require(mkdtemp(&template)))
      let descriptor = open(program, O_CREAT | O_WRONLY | O_CLOEXEC, 0o755)
      let bytes = Array("#!/bin/sh\ncd \(directory)\n\(script)\n".utf8)
      _ = write(descriptor, bytes, bytes.count)
      close(descriptor)
    }

    deinit {
      for name in ["hook", "heard", "go"] { unlink("\(directory)/\(name)") }
      rmdir(directory)
    }

    static func read(_ path: String) -> String {
      let descriptor = open(path, O_RDONLY | O_CLOEXEC)
      guard descriptor >= 0 else { return "" }
      defer { close(descriptor) }
      var bytes = [UInt8](repeating: 0, count: 65_536)
      let count = Glibc.read(descriptor, &bytes, bytes.count)
      return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }
  }

  private func priority(_ value: UInt8) -> AdvertisedPriority { AdvertisedPriority(fieldValue: value) }

  private func isActive(_ bench: Bench) async -> Bool {
    await bench.agent.status().virtualRouters.first?.state == .active
  }

  @Test("Each transition is told in order, one at a time, in words and as JSON; the last one too")
  func order() async throws {
    let listener = try Listener(
      "echo \"$1 $VIPD_FROM $VIPD_STATE $VIPD_VIRTUAL_ROUTER $VIPD_VRID $VIPD_NODE [$VIPD_PEER] $VIPD_ADDRESSES\" >>heard\n"
        + "echo \"$VIPD_REASON\" >>heard; cat >>heard; sleep 0.05; echo end $1 >>heard")
    let keys = ["notify: [[\(listener.program), one], [\(listener.program), two]]"]
    let bench = try Bench(Bench.clusterFile(keys: keys))
    try await eventually("Active") { await isActive(bench) }
    bench.hear(from: "10.0.0.2", priority: priority(250), centiseconds: 4000)
    try await eventually("Backup") { await !isActive(bench) }
    await bench.end()
    await bench.agent.hooksEnded()

    let lines = listener.heard.split(separator: "\n").map(String.init)
    let told = lines.filter { $0.contains("[") && !$0.hasPrefix("{") || $0.hasPrefix("end") }
    let transitions = ["initialize backup", "backup active", "active backup", "backup initialize"]
    #expect(
      told.map { $0.split(separator: " ").prefix(3).joined(separator: " ") }
        == transitions.flatMap { change in ["one", "two"].flatMap { ["\($0) \(change)", "end \($0)"] } })
    #expect(lines.contains("one active backup ingress 12 n1 [n2] 10.0.0.9/24"))
    #expect(lines.contains("n2 (10.0.0.2) had the better claim with priority 250"))
    let notice = try #require(lines.first { $0.hasPrefix("{") && $0.contains("\"from\":\"active\"") })
    let decoded = try ControlJSON.decode(HookNotice.self, from: Array(notice.utf8))
    #expect(decoded.to == .backup && decoded.peer == "n2" && decoded.vrid == 12 && decoded.cluster == "bench")
  }

  @Test("A failover does not wait for hooks, and what fails is told")
  func failure() async throws {
    let listener = try Listener("echo no such luck; until [ -e go ]; do sleep 0.01; done; exit 3")
    let bench = try Bench(Bench.clusterFile(keys: ["notify: [\(listener.program)]"]))
    let first = bench.agent.events.nextNumber
    try await eventually("Active") { await isActive(bench) }
    #expect(await bench.agent.hookFailures == 0, "it has not ended yet")
    close(open("\(listener.directory)/go", O_CREAT | O_CLOEXEC, 0o644))
    try await eventually("it is told") {
      bench.agent.events.events(from: first, limit: 100)?.contains {
        $0.event.kind == .hook
          && $0.event.message == "ingress: notify \(listener.program): exit status 3: no such luck"
      } ?? false
    }
    await bench.end()
    await bench.agent.hooksEnded()
  }

  @Test("The last thousand transitions are remembered, and the oldest forgotten")
  func history() {
    final class Memory: HistoryMemory {
      let kept = Mutex<[ControlEvent]>([])
      func load() -> [ControlEvent] { kept.withLock { $0 } }
      func append(_ event: ControlEvent) { kept.withLock { $0.append(event) } }
    }
    let memory = Memory()
    let history = TransitionHistory(memory)
    for number in 1...1005 { history.append(ControlEvent(kind: .transition, message: "\(number)")) }
    #expect(history.transitions.count == 1000)
    #expect(history.transitions.first?.message == "6" && history.transitions.last?.message == "1005")
    #expect(TransitionHistory(memory).transitions == history.transitions, "another daemon remembers as much")
  }

  @Test("Both families' move is one line of the history")
  func families() async throws {
    var own = Bench.eth0
    own.addresses.append(Bench.held("fd00::1/64"))
    let bench = try Bench(
      Bench.clusterFile(addresses: "[10.0.0.9/24, \"fd00::9/64\"]"), interfaces: [own])
    try await eventually("Active") { await isActive(bench) }
    await bench.end()
    try await eventually("it has left") { bench.agent.history.transitions.count == 3 }
    #expect(bench.agent.history.transitions.map(\.to) == [.backup, .active, .initialize])
    #expect(bench.agent.history.transitions.allSatisfy { $0.kind == .transition && !$0.message.isEmpty })
  }
}
