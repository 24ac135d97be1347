// The tracker kind `docker`: does the Engine answer in time, and does a service have a container that runs here?
//
// A process of that name says little: dockerd may stand still, hang in a lock, or be starting, which takes seconds. What
// containers run is told without a Swarm's quorum, too.

import FoundationEssentials
import Glibc
import NetworkTypes

/// An Engine, as its clients reach it.
public struct DockerCheck: Sendable, Hashable {
  /// Of its socket.
  public var socket: String
  /// A Swarm service of which a container must run on this host; nil for any or none.
  public var service: String?

  public static let standardSocket = "/run/docker.sock"

  public init(socket: String = Self.standardSocket, service: String? = nil) {
    self.socket = socket
    self.service = service
  }
}

extension QuestionProbe {
  static func docker(_ check: DockerCheck, timeout: Duration) -> QuestionProbe {
    let engine = Engine(socket: check.socket)
    // An Engine that stands still queues every question, and 4095 of them fill the queue.
    return QuestionProbe(timeout: timeout, patience: .leaveOpen, silence: { engine.silence(for: $0) }) {
      do throws(ConversationFailure) {
        _ = try await engine.get("/_ping", patience: timeout)
        guard let service = check.service else { return CheckResult(.success, "the Engine answers") }
        return DockerContainer.judge(try await engine.containers(of: service, patience: timeout), service)
      } catch {
        return CheckResult(.failure, error.reason)
      }
    }
  }
}

/// The Engine's API, as far as trackers want it.
struct Engine: Sendable {
  let socket: String
  var table = ProcessTable()

  /// What the API said that is not 200.
  struct Refusal: Decodable {
    var message: String
  }

  /// - Returns: The body of an answer of 200.
  /// - Throws: the Engine's own words where it answers anything else.
  func get(_ target: String, patience: Duration) async throws(ConversationFailure) -> [UInt8] {
    let question = HTTPQuestion(
      endpoint: .unix(path: socket), target: target, host: "localhost", bodyLimit: 16 << 20)
    let answer: HTTPAnswer
    do throws(ConversationFailure) {
      answer = try await question.ask(patience: patience)
    } catch {
      throw ConversationFailure(reason: words(for: error), code: error.code)
    }
    guard answer.status == 200 else {
      let refusal = try? JSONDecoder().decode(Refusal.self, from: Data(answer.body))
      throw ConversationFailure(reason: "the Engine answers \(answer.status): \(refusal?.message ?? "no words")")
    }
    return answer.body
  }

  func decode<Value: Decodable>(_ type: Value.Type, _ body: [UInt8]) throws(ConversationFailure) -> Value {
    do {
      return try JSONDecoder().decode(type, from: Data(body))
    } catch {
      throw ConversationFailure(reason: "the Engine's answer is not understood")
    }
  }

  func containers(of service: String, patience: Duration) async throws(ConversationFailure) -> [DockerContainer] {
    // Without quorum too: labels are the Engine's own, not the Swarm's. Stopped ones too, to tell why none runs.
    let filters = "{\"label\":[\"com.docker.swarm.service.name=\(service)\"]}"
    let encoded = filters.utf8.map { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
        String(UnicodeScalar(byte))
      default: "%" + String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
      }
    }.joined()
    return try decode(
      [DockerContainer].self, try await get("/containers/json?all=true&filters=\(encoded)", patience: patience))
  }

  // MARK: Words

  private func words(for failure: ConversationFailure) -> String {
    switch failure.code {
    case ENOENT: "dockerd does not run: there is no \(socket)"
    case ECONNREFUSED: "dockerd does not run: nobody listens on \(socket)"
    case EACCES, EPERM: "may not talk to dockerd: \(socket): \(failure.reason) (its group must be one of vipd's)"
    case EAGAIN: "dockerd does not answer: its queue of connections is full"
    default: "\(socket): \(failure.reason)"
    }
  }

  /// What is known of a dockerd that does not answer.
  func silence(for age: Duration) -> String {
    let words = "dockerd has not answered for \(age.roughText)"
    guard let daemon = (try? table.processes(named: ProcessName("dockerd")))?.first else {
      return words + ": no process of that name runs"
    }
    if daemon.state == .stopped { return words + ": it is stopped, pid \(daemon.pid)" }
    if let life = daemon.age, life < .seconds(60) {
      return words + ": it was started \(Duration.seconds(life.components.seconds).shortText) ago, pid \(daemon.pid)"
    }
    return words + ": it runs, pid \(daemon.pid), and hangs"
  }
}

/// A container of /containers/json.
struct DockerContainer: Decodable {
  var state: String
  /// "Up 3 minutes (unhealthy)"
  var status: String

  enum CodingKeys: String, CodingKey {
    case state = "State"
    case status = "Status"
  }

  var isUnhealthy: Bool { status.contains("(unhealthy)") }
  /// Its health check has not said anything yet.
  var isStarting: Bool { status.contains("(health: starting)") }

  static func judge(_ containers: [DockerContainer], _ service: String) -> CheckResult {
    let running = containers.filter { $0.state == "running" }
    if let good = running.first(where: { !$0.isUnhealthy && !$0.isStarting }) {
      return CheckResult(.success, "\(service) runs here: \(good.status)")
    }
    if let ill = running.first { return CheckResult(.failure, "\(service) is not well here: \(ill.status)") }
    guard let last = containers.first else { return CheckResult(.failure, "\(service) has no container here") }
    return CheckResult(.failure, "\(service) does not run here: \(last.status)")
  }
}

extension ProcessStatus {
  /// Nil where the clock does not tell.
  fileprivate var age: Duration? {
    let ticks = UInt64(max(1, sysconf(CInt(_SC_CLK_TCK))))
    let now = UInt64(Instant.now().sinceBoot.components.seconds)
    let began = startTime / ticks
    return now >= began ? .seconds(Int64(now - began)) : nil
  }
}
