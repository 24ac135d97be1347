// Links that are deaf in one direction, told by those who can know: the Active Router that is answered by one which does
// not hear it, and a Backup Router that hears both.

import ControlAPI
import NetworkTypes
import VRRP

/// Who has spoken as an Active Router of late, as a Backup Router hears it. Two who go on beside each other are a pair of
/// which one does not hear the other: it would have yielded.
struct Chorus: Sendable, Codable {
  private var voices: [String: Voice] = [:]
  /// What was told last.
  private(set) var told: DeafLink?

  private struct Voice: Sendable, Codable {
    var priority: Priority
    var first: Instant
    var last: Instant
  }

  /// Whoever may speak to a group could invent senders.
  private static let capacity = 8

  mutating func hear(_ node: String, _ priority: Priority, at now: Instant, memory: Duration) {
    voices = voices.filter { now - $0.value.last < memory }
    if let known = voices[node] {
      voices[node] = Voice(priority: priority, first: known.first, last: now)
    } else if voices.count < Self.capacity {
      voices[node] = Voice(priority: priority, first: now, last: now)
    }
  }

  /// The strongest of those who have gone on for so long beside another, and the one that does not hear it.
  func deafLink(at now: Instant, memory: Duration) -> DeafLink? {
    let present = voices.filter { now - $0.value.last < memory }
      .sorted { ($0.value.priority, $0.key) > ($1.value.priority, $1.key) }
    guard present.count > 1 else { return nil }
    let (strong, weak) = (present[0], present[1])
    // Who has just been succeeded spoke beside its successor for a moment.
    let together = min(strong.value.last, weak.value.last) - max(strong.value.first, weak.value.first)
    guard together >= memory * 2 / 3, strong.value.priority > weak.value.priority else { return nil }
    return DeafLink(from: strong.key, to: weak.key)
  }

  /// - Returns: The link, where it is news.
  mutating func news(_ link: DeafLink?) -> DeafLink? {
    guard link != told else { return nil }
    told = link
    return link
  }
}

extension FailoverAgent {
  /// As long as it takes to be missed.
  private func memory(_ configuration: VirtualRouterConfiguration) -> Duration { configuration.interval.duration * 3 }

  /// What a Backup Router hears, before the core is told.
  func overhear(_ received: ReceivedAdvertisement, at now: Instant) {
    let vrid = received.advertisement.vrid
    guard let member = router[vrid], member.router.state.name == .backup,
      case .contending(let priority) = received.advertisement.priority
    else { return }
    let configuration = member.router.configuration
    let speaker = node(at: received.source, configuration)
    ledgers[vrid]?.chorus.hear(speaker, priority, at: now, memory: memory(configuration))
  }

  /// After the core was told.
  func noteDeafLink(of vrid: VRID, at now: Instant) {
    guard let member = router[vrid] else { return }
    let present = deafLinks(of: member, at: now).first
    guard let link = ledgers[vrid]?.chorus.news(present) else { return }
    let words = words(for: link, member.router.configuration)
    sayOnceInAWhile(words, at: now)
    tell(.peer, words, virtualRouter: member.router.configuration.name)
  }

  func deafLinks(of member: VRRPRouter.Member, at now: Instant) -> [DeafLink] {
    let configuration = member.router.configuration
    if let rival = member.router.deafRival(at: now) {
      return [DeafLink(from: setup.node.rawValue, to: node(at: rival.address, configuration))]
    }
    guard member.router.state.name == .backup else { return [] }
    let chorus = ledgers[configuration.vrid]?.chorus
    return [chorus?.deafLink(at: now, memory: memory(configuration))].compactMap(\.self)
  }

  func deafLinkProblems(of member: VRRPRouter.Member, at now: Instant) -> [String] {
    deafLinks(of: member, at: now).map { words(for: $0, member.router.configuration) }
  }

  private func words(for link: DeafLink, _ configuration: VirtualRouterConfiguration) -> String {
    "\(configuration.name): \(link.to) does not hear \(link.from), which hears it: what \(link.from) sends to \(link.to)"
      + " is lost on the way (a firewall, a switch, or a cable that works in one direction)"
  }

  private func node(at address: IPAddress, _ configuration: VirtualRouterConfiguration) -> String {
    configuration.peer(at: address)?.node ?? address.description
  }
}
