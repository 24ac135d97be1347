// The kinds `docker` and `swarm`, against a stand-in for the Engine that answers as the real one was seen to.

import Glibc
import NetworkTypes
import Testing

@testable import HealthProbes

@Suite("Trackers of a container engine")
struct EngineTrackerTests {
  private static let socket = "docker.sock"

  private func engine(
    _ directory: TemporaryDirectory, _ reply: @escaping @Sendable (String) -> StandInServer.Reply
  ) async throws -> StandInServer {
    try await StandInServer(socket: "\(directory.path)/\(Self.socket)") { reply($0.target) }
  }

  private func docker(_ directory: TemporaryDirectory, service: String? = nil) -> TrackerDefinition.Kind {
    .docker(DockerCheck(socket: "\(directory.path)/\(Self.socket)", service: service))
  }

  private func swarm(_ directory: TemporaryDirectory, patience: Duration = .seconds(30)) -> TrackerDefinition.Kind {
    .swarm(SwarmCheck(socket: "\(directory.path)/\(Self.socket)", patience: patience))
  }

  @Test("docker: one that answers is well; one that is not there is told apart from one that does not listen")
  func ping() async throws {
    let directory = try TemporaryDirectory()
    let path = "\(directory.path)/\(Self.socket)"
    #expect(try await firstReport(docker(directory)).detail == "dockerd does not run: there is no \(path)")
    let server = try await engine(directory) { $0 == "/_ping" ? .answer(200, "OK") : .answer(404, "") }
    #expect(try await firstReport(docker(directory)).detail == "the Engine answers")
    try await server.close()
    // What SIGKILL leaves behind.
    let left = Glibc.socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    unlink(path)
    let bound = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(left, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    try #require(bound == 0)
    Glibc.close(left)
    #expect(try await firstReport(docker(directory)).detail == "dockerd does not run: nobody listens on \(path)")
  }

  @Test("docker: one that hangs has failed at the timeout, is asked once only, and counts again when it answers")
  func hangs() async throws {
    let directory = try TemporaryDirectory()
    let server = try await engine(directory) { _ in .silence }
    let definition = TrackerDefinition(
      name: "test", kind: docker(directory), interval: .milliseconds(20), timeout: .milliseconds(50))
    try await withTracker(definition) { log in
      await log.wait(for: "five timeouts") { $0.timeouts >= 5 }
      #expect(server.requests.count == 1)
      #expect(log.last?.detail.hasPrefix("dockerd has not answered for ") ?? false)
      // It is killed: the question that was open is over.
      try await server.close()
      await log.wait(for: "a failure") { $0.timeouts < $0.checks && !$0.detail.hasPrefix("dockerd has not answered") }
      let other = try await engine(directory) { _ in .answer(200, "OK") }
      await log.wait(for: "it is up") { $0.isUp == true }
      try await other.close()
    }
  }

  struct Service: Sendable, CustomTestStringConvertible {
    let containers: String
    let isUp: Bool
    let detail: String
    var testDescription: String { detail }
  }

  @Test(
    "docker with a service: a container of it that is well must run here",
    arguments: [
      Service(
        containers: #"[{"State":"running","Status":"Up 3 minutes"}]"#, isUp: true,
        detail: "proxy runs here: Up 3 minutes"),
      Service(containers: "[]", isUp: false, detail: "proxy has no container here"),
      Service(
        containers: #"[{"State":"exited","Status":"Exited (137) 4 seconds ago"}]"#, isUp: false,
        detail: "proxy does not run here: Exited (137) 4 seconds ago"),
      Service(
        containers: #"[{"State":"running","Status":"Up 1 minute (unhealthy)"}]"#, isUp: false,
        detail: "proxy is not well here: Up 1 minute (unhealthy)"),
      Service(
        containers: #"[{"State":"running","Status":"Up 2 seconds (health: starting)"}]"#, isUp: false,
        detail: "proxy is not well here: Up 2 seconds (health: starting)"),
      Service(
        containers: #"[{"State":"exited","Status":"Exited"},{"State":"running","Status":"Up 1 hour (healthy)"}]"#,
        isUp: true, detail: "proxy runs here: Up 1 hour (healthy)"),
      Service(containers: "surprise", isUp: false, detail: "the Engine's answer is not understood"),
    ])
  func service(_ example: Service) async throws {
    let directory = try TemporaryDirectory()
    let server = try await engine(directory) {
      $0 == "/_ping" ? .answer(200, "OK") : .answer(200, example.containers)
    }
    let report = try await firstReport(docker(directory, service: "proxy"))
    #expect(report.isUp == example.isUp)
    #expect(report.detail == example.detail)
    #expect(
      server.requests.last?.target
        == "/containers/json?all=true&filters=%7b%22label%22%3a%5b%22com.docker.swarm.service.name%3dproxy%22%5d%7d")
    try await server.close()
  }

  // MARK: Swarm

  private static func info(_ state: String = "active", control: Bool = true, error: String = "") -> String {
    #"{"Swarm":{"NodeID":"me","LocalNodeState":"\#(state)","ControlAvailable":\#(control),"Error":"\#(error)"}}"#
  }

  private static func node(
    _ id: String, _ availability: String = "active", _ reachability: String? = "reachable", leads: Bool = false
  ) -> String {
    let manager =
      reachability.map { #","ManagerStatus":{"Reachability":"\#($0)"\#(leads ? #","Leader":true"# : "")}"# } ?? ""
    return
      #"{"ID":"\#(id)","Spec":{"Availability":"\#(availability)"},"Description":{"Hostname":"host-\#(id)"}\#(manager)}"#
  }

  struct Sight: Sendable, CustomTestStringConvertible {
    let info: String
    var nodes: StandInServer.Reply = .answer(500, #"{"message":"unexpected"}"#)
    let meaning: SwarmSight.Meaning
    let words: String
    var testDescription: String { words }
  }

  @Test(
    "swarm: what the Engine says, and what it means",
    arguments: [
      Sight(
        info: info(), nodes: .answer(200, "[\(node("me")),\(node("b", leads: true)),\(node("w", "active", nil))]"),
        meaning: .fit, words: "manager, host-b leads, 2 of 2 managers reachable"),
      Sight(
        info: info(),
        nodes: .answer(200, "[\(node("me", leads: true)),\(node("b", "active", "unreachable")),\(node("c"))]"),
        meaning: .fit, words: "manager, this node leads, 2 of 3 managers reachable"),
      Sight(
        info: info(),
        nodes: .answer(
          200,
          "[\(node("me", leads: true)),\(node("b", "active", "unreachable")),\(node("c", "active", "unreachable"))]"),
        meaning: .doubtful, words: "no quorum: 1 of 3 managers reachable"),
      Sight(
        info: info(), nodes: .answer(200, "[\(node("me")),\(node("b"))]"), meaning: .doubtful,
        words: "no leader; 2 of 2 managers reachable"),
      Sight(
        info: info(), nodes: .answer(200, "[\(node("me", "drain")),\(node("b", leads: true))]"), meaning: .unfit,
        words: "the Swarm has this node's availability at drain"),
      Sight(
        info: info(), nodes: .answer(200, "[\(node("me", "pause")),\(node("b", leads: true))]"), meaning: .unfit,
        words: "the Swarm has this node's availability at pause"),
      Sight(
        info: info(), nodes: .answer(200, "[\(node("b", leads: true))]"), meaning: .unfit,
        words: "the Swarm does not know this node"),
      Sight(
        info: info(error: "The swarm does not have a leader."), meaning: .doubtful,
        words: "The swarm does not have a leader."),
      Sight(
        info: info(), nodes: .answer(500, #"{"message":"rpc error: no leader"}"#), meaning: .doubtful,
        words: "the Engine answers 500: rpc error: no leader"),
      Sight(info: info(control: false), meaning: .unfit, words: "this node is no manager, but a worker"),
      Sight(info: info("inactive", control: false), meaning: .unfit, words: "this node is not in a Swarm"),
      Sight(info: info("locked"), meaning: .unfit, words: "the Swarm is locked (docker swarm unlock)"),
      Sight(info: info("pending"), meaning: .doubtful, words: "this node is still joining the Swarm"),
      Sight(
        info: info("error", error: "certificate expired"), meaning: .unfit,
        words: "the Swarm's state here is error: certificate expired"),
      Sight(info: "{}", meaning: .doubtful, words: "the Engine's answer is not understood"),
    ])
  func sight(_ example: Sight) async throws {
    let directory = try TemporaryDirectory()
    let server = try await engine(directory) { target in
      switch target {
      case "/_ping": .answer(200, "OK")
      case "/info": .answer(200, example.info)
      default: example.nodes
      }
    }
    let engine = Engine(socket: "\(directory.path)/\(Self.socket)")
    let sight = await SwarmSight.look(at: engine, patience: .seconds(60))
    #expect(sight == SwarmSight(meaning: example.meaning, words: example.words))
    try await server.close()
  }

  @Test("swarm: an Engine that is gone is no manager")
  func gone() async throws {
    let directory = try TemporaryDirectory()
    let report = try await firstReport(swarm(directory))
    #expect(report.isUp == false && report.detail.hasPrefix("dockerd does not run"))
  }

  private static let good = "[\(node("me", leads: true)),\(node("b")),\(node("c"))]"
  private static let fit: @Sendable (StandInServer.Request) -> StandInServer.Reply = {
    $0.target == "/info" ? .answer(200, info()) : .answer(200, good)
  }

  @Test("swarm: an election changes nothing")
  func election() async throws {
    let directory = try TemporaryDirectory()
    let server = try await StandInServer(socket: "\(directory.path)/\(Self.socket)", Self.fit)
    let definition = TrackerDefinition(
      name: "test", kind: swarm(directory, patience: .seconds(3600)), interval: .milliseconds(20), timeout: .seconds(60)
    )
    await withTracker(definition) { log in
      await log.wait(for: "it is fit") { $0.isUp == true }
      server.answer { _ in .answer(500, #"{"message":"no leader"}"#) }
      await log.wait(for: "doubt") { $0.detail.hasPrefix("unknown for ") }
      server.answer(Self.fit)
      await log.wait(for: "it is fit again") { $0.detail.hasPrefix("manager") }
      #expect(!log.wasEverDown)
    }
    try await server.close()
  }

  @Test("swarm: one call at a time, however long it hangs; a quorum that stays lost is no election")
  func lostQuorum() async throws {
    let directory = try TemporaryDirectory()
    let server = try await StandInServer(socket: "\(directory.path)/\(Self.socket)", Self.fit)
    let definition = TrackerDefinition(
      name: "test", kind: swarm(directory, patience: .milliseconds(500)), interval: .milliseconds(20),
      timeout: .milliseconds(50))
    await withTracker(definition) { log in
      await log.wait(for: "it is fit") { $0.isUp == true }
      server.answer { _ in .silence }
      await eventually("a call hangs") { server.silenced == 1 }
      await log.wait(for: "it is down") { $0.isUp == false }
      #expect(server.silenced == 1, "one call is in flight")
      #expect(log.reports.contains { $0.isUp == true && $0.detail.hasPrefix("unknown for ") })
    }
    try await server.close()
  }

  @Test("swarm: whether it is the Engine that does not answer, or the Swarm, is told", arguments: ["/_ping", "/info"])
  func whoIsSilent(target: String) async throws {
    let directory = try TemporaryDirectory()
    let server = try await engine(directory) { $0 == target ? .silence : .answer(200, "OK") }
    let definition = TrackerDefinition(
      name: "test", kind: swarm(directory), interval: .milliseconds(20), timeout: .milliseconds(50))
    await withTracker(definition) { log in
      let words =
        target == "/info" ? "dockerd has waited for the Swarm's managers for " : "dockerd has not answered for "
      await log.wait(for: words) { $0.isUp == false && $0.detail.hasPrefix(words) }
      #expect(log.last?.isUp == false)
    }
    try await server.close()
  }

  @Test("Doubt lasts from its first sign to the first that all is well; definite news end it at once")
  func judgement() {
    func at(_ seconds: Int) -> Instant { Instant(sinceBoot: .seconds(seconds)) }
    let fit = SwarmSight(meaning: .fit, words: "manager")
    let doubt = SwarmSight(meaning: .doubtful, words: "no leader")
    let unknown = SwarmSight(meaning: .unknown, words: "hangs")
    let unfit = SwarmSight(meaning: .unfit, words: "drained")
    var judgement = SwarmJudgement(patience: .seconds(30))
    #expect(judgement.judge(doubt, at: at(0)).verdict == .failure, "a node that was never seen fit is not given time")
    #expect(judgement.judge(fit, at: at(5)).verdict == .success)
    #expect(judgement.judge(doubt, at: at(10)) == CheckResult(.success, "unknown for 0s: no leader"))
    #expect(judgement.judge(unknown, at: at(39)) == CheckResult(.success, "unknown for 29s: hangs"))
    #expect(judgement.judge(unknown, at: at(40)).verdict == .timeout)
    #expect(judgement.judge(doubt, at: at(41)).verdict == .failure, "time is not given twice")
    #expect(judgement.judge(fit, at: at(45)).verdict == .success)
    #expect(judgement.judge(unfit, at: at(46)) == CheckResult(.failure, "drained"))
    #expect(judgement.judge(unknown, at: at(47)).verdict == .timeout, "it was not fit before")
  }
}
