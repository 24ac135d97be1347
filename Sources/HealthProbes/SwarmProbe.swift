// The tracker kind `swarm`: is this node a manager that can manage? Slow and soft: while a healthy Swarm elects a leader its
// managers hang for up to 15 s, so what only hints at a lost quorum counts after it has lasted.

import FoundationEssentials
import NetworkTypes
import Synchronization

public struct SwarmCheck: Sendable, Hashable {
  public var socket: String
  /// For how long signs of a lost quorum are taken for an election.
  public var patience: Duration

  public static let standardPatience = Duration.seconds(30)

  public init(socket: String = DockerCheck.standardSocket, patience: Duration = Self.standardPatience) {
    self.socket = socket
    self.patience = patience
  }
}

struct SwarmProbe: Probe {
  private let engine: Engine
  private var question: Question<SwarmSight>
  private var judgement: SwarmJudgement
  private let progress = Progress()

  /// How far a question has come: without an answer it is all that is known.
  private final class Progress: Sendable {
    /// Whether the Engine itself has answered, so that it is the Swarm that does not.
    let engineAnswered = Atomic(false)
  }

  init(_ check: SwarmCheck, timeout: Duration) {
    let engine = Engine(socket: check.socket)
    self.engine = engine
    judgement = SwarmJudgement(patience: check.patience)
    // One call at a time: the Engine goes on working on a call that nobody waits for any more.
    question = Question(timeout: timeout, patience: .leaveOpen) { [progress] in
      progress.engineAnswered.store(false, ordering: .relaxed)
      return await SwarmSight.look(at: engine, patience: timeout) {
        progress.engineAnswered.store(true, ordering: .relaxed)
      }
    }
  }

  mutating func check() async -> CheckResult? {
    switch await question.ask() {
    case .answer(let sight): judgement.judge(sight, at: .now())
    case .silence(let age):
      judgement.judge(SwarmSight(meaning: .unknown, words: silence(for: age)), at: .now())
    case .cancelled: nil
    }
  }

  mutating func stop() async { question.takeBack() }

  private func silence(for age: Duration) -> String {
    guard progress.engineAnswered.load(ordering: .relaxed) else { return engine.silence(for: age) }
    return "dockerd has waited for the Swarm's managers for \(age.roughText) (no quorum, or an election)"
  }
}

/// What one look at the Swarm showed.
struct SwarmSight: Sendable, Hashable {
  enum Meaning: Sendable, Hashable {
    case fit
    /// Whatever else may be: this node manages nothing.
    case unfit
    /// No quorum, or an election.
    case doubtful
    /// Nothing was seen.
    case unknown
  }
  var meaning: Meaning
  var words: String
}

/// Decides from one sight after the other. A pure value.
struct SwarmJudgement: Sendable {
  let patience: Duration
  /// When doubt began that has not ended; nil where there is none.
  private(set) var doubtSince: Instant?
  /// Whether the node was fit before the doubt.
  private(set) var wasFit = false

  init(patience: Duration) { self.patience = patience }

  mutating func judge(_ sight: SwarmSight, at now: Instant) -> CheckResult {
    switch sight.meaning {
    case .fit:
      doubtSince = nil
      wasFit = true
      return CheckResult(.success, sight.words)
    case .unfit:
      doubtSince = nil
      wasFit = false
      return CheckResult(.failure, sight.words)
    case .doubtful, .unknown:
      let since = doubtSince ?? now
      doubtSince = since
      let verdict: CheckResult.Verdict = sight.meaning == .unknown ? .timeout : .failure
      guard wasFit, since.duration(to: now) < patience else {
        wasFit = false
        return CheckResult(verdict, sight.words)
      }
      return CheckResult(.success, "unknown for \(since.duration(to: now).roughText): \(sight.words)")
    }
  }
}

// MARK: - Looking

extension SwarmSight {
  /// - Parameter engineAnswers: called when what is still missing is the Swarm's answer.
  static func look(
    at engine: Engine, patience: Duration, engineAnswers: () -> Void = {}
  ) async -> SwarmSight {
    do throws(ConversationFailure) {
      _ = try await engine.get("/_ping", patience: patience)
      engineAnswers()
      let info = try engine.decode(EngineInfo.self, try await engine.get("/info", patience: patience)).swarm
      if let obstacle = info.obstacle { return obstacle }
      let body: [UInt8]
      do throws(ConversationFailure) {
        body = try await engine.get("/nodes", patience: patience)
      } catch {
        return SwarmSight(meaning: .doubtful, words: error.reason)
      }
      return SwarmSight(of: info.nodeID, among: try engine.decode([SwarmNode].self, body))
    } catch {
      // No Engine, no manager: but a restart of dockerd must not cost more here than with the tracker kind for it.
      return SwarmSight(meaning: error.code == nil ? .doubtful : .unfit, words: error.reason)
    }
  }

  /// A manager's view of the list of all nodes.
  init(of nodeID: String, among nodes: [SwarmNode]) {
    guard let own = nodes.first(where: { $0.id == nodeID }) else {
      self.init(meaning: .unfit, words: "the Swarm does not know this node")
      return
    }
    let managers = nodes.compactMap(\.manager)
    let reachable = managers.count { $0.reachability == "reachable" }
    let count = "\(reachable) of \(managers.count) managers reachable"
    if own.spec.availability != "active" {
      self.init(meaning: .unfit, words: "the Swarm has this node's availability at \(own.spec.availability)")
    } else if reachable * 2 <= managers.count {
      self.init(meaning: .doubtful, words: "no quorum: \(count)")
    } else if let leader = nodes.first(where: { $0.manager?.isLeader == true }) {
      let name = leader.id == nodeID ? "this node leads" : "\(leader.description.hostname) leads"
      self.init(meaning: .fit, words: "manager, \(name), \(count)")
    } else {
      self.init(meaning: .doubtful, words: "no leader; \(count)")
    }
  }
}

/// Of /info.
struct EngineInfo: Decodable {
  var swarm: Swarm

  enum CodingKeys: String, CodingKey { case swarm = "Swarm" }

  struct Swarm: Decodable {
    var nodeID: String
    /// inactive, pending, active, error, locked
    var localNodeState: String
    var controlAvailable: Bool
    var error: String

    enum CodingKeys: String, CodingKey {
      case nodeID = "NodeID"
      case localNodeState = "LocalNodeState"
      case controlAvailable = "ControlAvailable"
      case error = "Error"
    }

    /// What keeps this node from managing, as far as it shows here.
    var obstacle: SwarmSight? {
      switch localNodeState {
      case "active": break
      case "inactive": return SwarmSight(meaning: .unfit, words: "this node is not in a Swarm")
      case "locked": return SwarmSight(meaning: .unfit, words: "the Swarm is locked (docker swarm unlock)")
      case "pending": return SwarmSight(meaning: .doubtful, words: "this node is still joining the Swarm")
      case let other: return SwarmSight(meaning: .unfit, words: "the Swarm's state here is \(other): \(error)")
      }
      guard controlAvailable else { return SwarmSight(meaning: .unfit, words: "this node is no manager, but a worker") }
      return error.isEmpty ? nil : SwarmSight(meaning: .doubtful, words: error)
    }
  }
}

/// Of /nodes.
struct SwarmNode: Decodable {
  var id: String
  var spec: Spec
  var description: Description
  /// Nil of a worker.
  var manager: Manager?

  enum CodingKeys: String, CodingKey {
    case id = "ID"
    case spec = "Spec"
    case description = "Description"
    case manager = "ManagerStatus"
  }

  struct Spec: Decodable {
    /// active, pause, drain
    var availability: String
    enum CodingKeys: String, CodingKey { case availability = "Availability" }
  }

  struct Description: Decodable {
    var hostname: String
    enum CodingKeys: String, CodingKey { case hostname = "Hostname" }
  }

  struct Manager: Decodable {
    /// unknown, unreachable, reachable
    var reachability: String
    /// Left out where it does not.
    var leader: Bool?
    var isLeader: Bool { leader ?? false }
    enum CodingKeys: String, CodingKey {
      case reachability = "Reachability"
      case leader = "Leader"
    }
  }
}
