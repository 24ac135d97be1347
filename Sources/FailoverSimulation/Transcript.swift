// A run as text: what a person would want to have seen, one line each.

import NetworkTypes
import VRRP

public struct Transcript: Sendable {
  public enum Detail: Sendable {
    case nothing
    /// All that means something: not the regular advertisements.
    case notable
    /// Everything, for comparing runs.
    case everything
  }

  public private(set) var lines: [String] = []
  private let detail: Detail
  private var virtualRouters: [VRID: String]
  private let nodes: [IPAddress: String]
  /// What was told already.
  private var discarded: Set<Occurrence> = []

  init(of cluster: SimulatedCluster, detail: Detail) {
    self.detail = detail
    let configurations = cluster.nodes.flatMap(\.virtualRouters)
    virtualRouters = Dictionary(configurations.map { ($0.vrid, $0.name) }, uniquingKeysWith: { first, _ in first })
    let addresses = cluster.nodes.flatMap { node in
      node.virtualRouters.flatMap(\.families).map { ($0.localAddress, node.name) }
    }
    nodes = Dictionary(addresses, uniquingKeysWith: { first, _ in first })
  }

  public var text: String { lines.map { $0 + "\n" }.joined() }

  /// A number that tells two runs apart: FNV-1a, 64 bits, over the text.
  public var digest: UInt64 {
    text.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
  }

  mutating func record(_ step: Step) {
    guard detail != .nothing else { return }
    var sendings: [Sending] = []
    func copy(_ other: Sending) -> Bool {
      guard let first = sendings.first else { return true }
      return first.advertisement == other.advertisement && !sendings.contains { $0.receiver == other.receiver }
    }
    // The copies of one advertisement make one line.
    for occurrence in step.occurrences {
      if case .sent(let sending) = occurrence, copy(sending) {
        sendings.append(sending)
        continue
      }
      write(sendings, at: step.time)
      sendings = []
      if case .sent(let sending) = occurrence { sendings = [sending] } else { write(occurrence, at: step.time) }
    }
    write(sendings, at: step.time)
  }

  private mutating func write(_ time: Instant, _ subject: String, _ words: String) {
    let padding = String(repeating: " ", count: max(0, 8 - subject.utf8.count))
    lines.append("\(time.transcriptText)  \(subject)\(padding)  \(words)")
  }

  private mutating func write(_ sendings: [Sending], at time: Instant) {
    let told = detail == .everything ? sendings : sendings.filter { !$0.isRoutine || $0.passage == .lost }
    guard let first = told.first else { return }
    let receivers = told.map { sending in
      switch sending.passage {
      case .arrives: sending.receiver
      case .lost: "\(sending.receiver) (lost)"
      case .cut: "\(sending.receiver) (cut)"
      }
    }
    let router = name(first.advertisement.vrid)
    let priority = first.advertisement.priority.fieldValue
    let family = first.family == .ipv4 ? "" : " over IPv6"
    write(time, first.sender, "\(router): advertises \(priority)\(family) to \(receivers.joined(separator: ", "))")
  }

  private mutating func write(_ occurrence: Occurrence, at time: Instant) {
    switch occurrence {
    case .incident(let incident):
      write(time, "**", "\(incident)")
    case .noticed(let node, .tracker(let tracker, let isUp)):
      write(time, node, "sees \(tracker) \(isUp ? "up" : "down")")
    case .noticed(_, .started), .noticed(_, .stopped), .noticed(_, .link), .noticed(_, .reloaded),
      .noticed(_, .drained):
      break  // As the incident says, or as its transitions do.
    case .transition(let node, let vrid, let transition):
      write(time, node, "\(name(vrid)): \(transition.to.rawValue), \(words(transition.reason))")
    case .installed(let node, let vrid, let addresses):
      write(time, node, "\(name(vrid)): installs \(list(addresses.map(\.address)))")
    case .removed(let node, let vrid, let addresses):
      write(time, node, "\(name(vrid)): removes \(list(addresses.map(\.address)))")
    case .expired(let node, let vrid, let addresses):
      write(time, node, "\(name(vrid)): loses \(list(addresses.map(\.address))), whose lease has ended")
    case .announced(let announcement):
      write(
        time, announcement.node,
        "\(name(announcement.vrid)): announces \(announcement.address)"
          + (announcement.holder == announcement.node ? "" : " at \(announcement.holder)"))
    case .learned(let client, let address, let node):
      write(time, client, "finds \(address) at \(node)")
    case .unreadable(let node, let message):
      write(time, node, "cannot read a message: \(message.reason.rawValue)")
    case .discarded(let node, let reason, let vrid):
      guard detail == .everything || discarded.insert(occurrence).inserted else { return }
      write(time, node, "\(name(vrid)): discards an advertisement: \(reason.rawValue)")
    case .spinning(let node):
      write(time, node, "asks for a deadline that is past")
    case .sent: break  // Written together with its copies.
    }
  }

  private func name(_ vrid: VRID) -> String { virtualRouters[vrid] ?? "vrid \(vrid)" }

  private func name(_ router: ActiveRouter) -> String { nodes[router.address] ?? "\(router.address)" }

  private func list(_ addresses: [InterfaceAddress]) -> String { addresses.map(\.description).joined(separator: ", ") }

  private func words(_ reason: Transition.Reason) -> String {
    switch reason {
    case .startup: "takes part"
    case .addressOwner: "owns the addresses"
    case .nobodyHeard: "heard nobody"
    case .silence(let router): "\(name(router)) fell silent"
    case .relinquished(let router): "\(name(router)) relinquished"
    case .preemption(let router): "preempts \(name(router))"
    case .unheard(let router, let pause): "\(name(router)) does not hear it, gives way for \(pause.shortText)"
    case .superseded(let router): "\(name(router)) has the better claim, \(router.priority.fieldValue)"
    case .obstacle(let obstacle): words(obstacle)
    case .absence(let duration): "was away for \(duration.shortText)"
    case .resumption: "resumes"
    }
  }

  private func words(_ obstacle: Obstacle) -> String {
    switch obstacle {
    case .stopped: "stops"
    case .drained: "is drained"
    case .reconfigured: "the file changed"
    case .interfaceMissing(let interface): "no interface \(interface)"
    case .interfaceDown(let interface): "\(interface) is down"
    case .interfaceReplaced(let interface): "another \(interface)"
    case .addressNotHeld(let address): "no interface holds \(address)"
    case .linkLocalMissing(let name): "\(name) has no link-local address"
    case .deaf(let cause): cause
    case .addressNotOn(let interface, let address): "\(interface) does not hold \(address)"
    case .addressesRefused(let words): "addresses refused: \(words)"
    case .trackerDown(let tracker): "\(tracker) is down"
    case .unfit(let tracker): "\(tracker) is down, and unfit nodes hold nothing"
    case .trackerUnchecked(let tracker): "\(tracker) was not checked yet"
    }
  }
}

extension Instant {
  /// Seconds with six digits: `   3.394531`.
  var transcriptText: String {
    let microseconds = sinceBoot.wholeMicroseconds
    let whole = String(microseconds / 1_000_000)
    let fraction = String(microseconds % 1_000_000)
    return String(repeating: " ", count: max(0, 4 - whole.utf8.count)) + whole + "."
      + String(repeating: "0", count: 6 - fraction.utf8.count) + fraction
  }
}

extension Duration {
  /// `2s`, `20ms`, `300us`: in the greatest unit of which it is a whole number.
  var shortText: String {
    let microseconds = wholeMicroseconds
    if microseconds.isMultiple(of: 1_000_000) { return "\(microseconds / 1_000_000)s" }
    if microseconds.isMultiple(of: 1000) { return "\(microseconds / 1000)ms" }
    return "\(microseconds)us"
  }
}

extension Incident: CustomStringConvertible {
  /// As a scenario would say it.
  public var description: String {
    switch self {
    case .start(let node): "start \(node)"
    case .crash(let node): "crash \(node)"
    case .stop(let node): "stop \(node)"
    case .kill(let node): "kill \(node)"
    case .drain(let node, let isForced): "drain \(node)\(isForced ? " forced" : "")"
    case .upgrade(let node): "upgrade \(node)"
    case .resume(let node): "resume \(node)"
    case .freeze(let node): "freeze \(node)"
    case .thaw(let node): "thaw \(node)"
    case .stall(let node, let duration): "stall \(node) \(duration.shortText)"
    case .linkDown(let node): "link \(node) down"
    case .linkUp(let node): "link \(node) up"
    case .tracker(let tracker, let node, let isUp): "tracker \(tracker) on \(node) \(isUp ? "up" : "down")"
    case .reload(let node, _): "reload \(node)"
    case .cut(let from, let to, let family): "cut \(from) > \(to)\(family.map { " \($0.rawValue)" } ?? "")"
    case .partition(let groups): "partition \(groups.map { $0.joined(separator: " ") }.joined(separator: " | "))"
    case .heal: "heal"
    case .quality(let quality): "network \(quality)"
    case .linkQuality(let quality, let from, let to): "network \(from) > \(to) \(quality)"
    }
  }
}

extension LinkQuality: CustomStringConvertible {
  public var description: String {
    var words = ["latency \(latency.shortText)"]
    if jitter > .zero { words.append("jitter \(jitter.shortText)") }
    if lossPerMille > 0 { words.append("loss \(lossPerMille)/1000") }
    if duplicationPerMille > 0 { words.append("duplication \(duplicationPerMille)/1000") }
    if reorderingPerMille > 0 {
      words.append("reordering \(reorderingPerMille)/1000 by \(reorderingDelay.shortText)")
    }
    return words.joined(separator: " ")
  }
}
