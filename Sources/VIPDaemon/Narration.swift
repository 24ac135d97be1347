// The words for what the protocol core says in values: one sentence each, with node names, for the log, for events and
// for `vipctl status`.

import NetworkTypes
import VRRP

/// Tells about one virtual router in words.
struct Narration {
  var configuration: VirtualRouterConfiguration
  var now: Instant

  /// `swarm1 (10.0.10.31)`, or the bare address of someone unknown.
  func name(of address: IPAddress) -> String {
    configuration.peer(at: address).map { "\($0.node) (\(address))" } ?? address.description
  }

  /// Why the state changed: what follows "backup → active: ".
  func cause(of reason: Transition.Reason) -> String {
    switch reason {
    case .startup: "takes part from now on"
    case .addressOwner: "priority 255: the addresses are this node's own"
    case .nobodyHeard: "no Active Router was heard"
    case .silence(let predecessor):
      "\(name(of: predecessor.address)) fell silent, last heard \((now - predecessor.heard).inWords) ago"
    case .relinquished(let predecessor): "\(name(of: predecessor.address)) gave the role up"
    case .preemption(let predecessor):
      "\(name(of: predecessor.address)) advertised priority \(predecessor.priority.fieldValue), which is below ours"
    case .superseded(let successor):
      "\(name(of: successor.address)) had the better claim with priority \(successor.priority.fieldValue)"
    case .unheard(let rival, let pause):
      "\(name(of: rival.address)) goes on as Active with priority \(rival.priority.fieldValue) and does not hear this node,"
        + " which gives way for \(pause.inWords) (one_way: yield)"
    case .obstacle(let obstacle): words(for: obstacle)
    case .absence(let absence):
      "vipd did not run for \(absence.inWords) (frozen, paused or starved), so another node may have taken over"
    case .resumption: "held it until vipd ended, too shortly ago for another node to have taken over"
    }
  }

  func words(for obstacle: Obstacle) -> String {
    switch obstacle {
    case .stopped: "vipd is stopping"
    case .drained: "drained by an admin, so it stays away (until `vipctl resume`)"
    case .reconfigured: "the cluster file changed"
    case .interfaceMissing(let name): "there is no interface \(name)"
    case .interfaceDown(let name): "interface \(name) is down or has no carrier"
    case .interfaceReplaced(let name): "interface \(name) is another one than before"
    case .addressNotOn(let interface, let address):
      "interface \(interface) does not hold this node's address \(address)"
    case .addressNotHeld(let address): "no interface holds this node's address \(address)"
    case .linkLocalMissing(let name):
      "\(name) has no usable link-local IPv6 address, which multicast is sent from"
        + " (see net.ipv6.conf.\(name).disable_ipv6 and addr_gen_mode)"
    case .deaf(let cause): "other routers could not be heard: \(cause)"
    case .addressesRefused(let cause): cause
    case .trackerDown(let tracker): "tracker \(tracker) is down, and its weight 0 means: take no part"
    case .unfit(let tracker):
      "tracker \(tracker) is down, and an unfit node holds nothing (when_all_fail: release)"
    case .trackerUnchecked(let tracker):
      "tracker \(tracker), without which this node takes no part, was not checked yet"
    }
  }

  /// Why the node is, or is not, Active now.
  ///
  /// - Parameters:
  ///   - lastTransition: how it came into its state.
  ///   - since: when that was; the words speak of that time.
  func standing(of member: VRRPRouter.Member, after lastTransition: Transition?, since: Instant) -> String {
    switch member.router.state {
    case .initialize:
      return words(for: member.obstacle ?? .stopped)
    case .backup(let backup):
      return backupStanding(member, backup)
    case .active:
      let unfitness = unfitness(of: member.fitness)
      guard let lastTransition, lastTransition.to == .active else { return "this node is Active\(unfitness)" }
      let then = Narration(configuration: configuration, now: since)
      return "became Active: \(then.cause(of: lastTransition.reason))\(unfitness)"
    }
  }

  /// What an Active Router lacks that should rather not be one.
  private func unfitness(of fitness: Fitness) -> String {
    let failed = fitness.adjustments.filter { $0.weight < 0 }.map(\.tracker)
    guard !failed.isEmpty else { return "" }
    return "; it goes on though not fit (\(failed.joined(separator: ", "))), since no fitter node has taken over"
  }

  private func backupStanding(_ member: VRRPRouter.Member, _ backup: BackupState) -> String {
    let ours = "ours is \(arithmetic(of: member.fitness))"
    guard let active = member.router.activeRouter else {
      return "no Active Router heard yet; becomes Active in \((backup.activeDownTimer - now).inWords) unless one speaks"
    }
    let holder = name(of: active.address)
    guard case .contending(let theirs) = active.priority else { return "\(holder) gave the role up; \(ours)" }
    if theirs >= member.router.priority { return "\(holder) is Active with priority \(theirs); \(ours)" }
    if let deference = member.router.deference, deference.isInForce(at: now) {
      return
        "\(holder) is Active with priority \(theirs); \(ours), but \(name(of: deference.rival.address)) does not hear"
        + " this node, which gives way for another \((deference.until - now).inWords)"
    }
    switch configuration.preemption {
    case .immediate, .rfc:
      return "\(holder) is Active with priority \(theirs); \(ours), so this node takes over shortly"
    case .never:
      return "\(holder) is Active with priority \(theirs); \(ours), but preempt is false"
    case .after(let delay):
      let rest = backup.preemptionAllowed.map { max($0 - now, .zero) } ?? delay
      return "\(holder) is Active with priority \(theirs); \(ours), but preempt waits another \(rest.inWords)"
    }
  }

  /// `80 (200 − 120 docker)`, or the bare number.
  func arithmetic(of fitness: Fitness) -> String {
    guard !fitness.adjustments.isEmpty else { return fitness.priority.description }
    let terms = fitness.adjustments.map { "\($0.weight < 0 ? "−" : "+") \(abs($0.weight)) \($0.tracker)" }
    return "\(fitness.priority) (\(configuration.priority) \(terms.joined(separator: " ")))"
  }
}

extension Duration {
  /// `35 ms`, `3.1 s`, `4 min 12 s`, `3 h 5 min`.
  var inWords: String {
    let milliseconds = max(0, components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000)
    let seconds = milliseconds / 1000
    switch milliseconds {
    case ..<1000: return "\(milliseconds) ms"
    case ..<60_000:
      let tenths = milliseconds % 1000 / 100
      return tenths == 0 ? "\(seconds) s" : "\(seconds).\(tenths) s"
    case ..<3_600_000: return "\(seconds / 60) min \(seconds % 60) s"
    default: return "\(seconds / 3600) h \(seconds % 3600 / 60) min"
    }
  }
}
