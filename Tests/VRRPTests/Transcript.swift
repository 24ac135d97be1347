// Plays a script to a virtual router and writes down what it does, so that a test is a text that people can read:
//
//     0s startup                                    an event, and when it happens
//       initialize → backup: startup                what is to be done about it, in order
//       = backup, Active_Down_Timer 3.609375s       the state afterwards, with its timers
//     3.609375s deadline
//       send 100 every 1s of 10.0.0.39 to all
//       …
//
// The whole text is compared with what the machine makes of its events. Anything after `#` is a remark.

import NetworkTypes
import Testing
import VRRP

/// Expects a virtual router of this configuration to act as the transcript says, to the attosecond.
///
/// - Parameter files: the configurations that `reconfigure NAME` refers to.
func expectTranscript(
  of configuration: VirtualRouterConfiguration, files: [String: VirtualRouterConfiguration] = [:], _ golden: String,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  var player = TranscriptPlayer(router: VirtualRouter(configuration: configuration), files: files)
  let expected = golden.split(separator: "\n", omittingEmptySubsequences: true).map(withoutRemark)
    .filter { !$0.isEmpty }
  var actual: [String] = []
  for line in expected where !line.hasPrefix(" ") {
    actual.append(line)
    actual += player.play(line).map { "  " + $0 }
  }
  #expect(
    actual == expected, "The machine's own transcript:\n\(actual.joined(separator: "\n"))",
    sourceLocation: sourceLocation)
}

private func withoutRemark(_ line: Substring) -> String {
  var text = line.prefix { $0 != "#" }
  while text.last == " " { text.removeLast() }
  return String(text)
}

struct TranscriptPlayer {
  var router: VirtualRouter
  var files: [String: VirtualRouterConfiguration] = [:]

  /// Lets an event line happen, and returns the actions and the state.
  mutating func play(_ line: String) -> [String] {
    let words = line.split(separator: " ").map(String.init)
    guard words.count >= 2, let time = seconds(words[0]), let event = event(words.dropFirst()) else {
      return ["the test can not read this line"]
    }
    return router.handle(event, at: at(time)).map(text) + ["= " + text(router.state)]
  }

  /// `startup`, `shutdown`, `deadline`, `priority 80`, `reconfigure NAME`,
  /// `hear 200 from high`, `hear 200 every 30ms from high over ipv6`.
  private func event(_ words: ArraySlice<String>) -> VirtualRouter.Event? {
    func word(after key: String) -> String? {
      words.firstIndex(of: key).flatMap { words.indices.contains($0 + 1) ? words[$0 + 1] : nil }
    }
    switch words.first {
    case "startup": return .startup
    case "resume": return .resume
    case "shutdown": return .shutdown(.stopped)
    case "drain": return .shutdown(.drained(isForced: words.last == "forced"))
    case "contest": return .contested
    case "lose": return .shutdown(.interfaceDown(word(after: "lose") ?? ""))
    case "deadline": return .deadline
    case "priority": return word(after: "priority").flatMap { UInt8($0) }.map { .priorityChanged(priority($0)) }
    case "reconfigure": return word(after: "reconfigure").flatMap { files[$0] }.map { .reconfigured($0) }
    case "hear":
      guard let field = word(after: "hear").flatMap({ UInt8($0) }), let node = word(after: "from"),
        let interval = seconds(word(after: "every") ?? "1s")
      else { return nil }
      return .advertisement(
        advertisement(
          field, from: node, over: IPFamily(rawValue: word(after: "over") ?? "ipv4") ?? .ipv4,
          every: Int(interval / .milliseconds(10))))
    default: return nil
    }
  }
}

// MARK: - Words for values

/// Reads `1.25s` or `30ms`, exactly.
private func seconds(_ text: String) -> Duration? {
  let unit: Duration = text.hasSuffix("ms") ? .milliseconds(1) : .seconds(1)
  let number = text.dropLast(text.hasSuffix("ms") ? 2 : 1).split(separator: ".", omittingEmptySubsequences: false)
  guard text.hasSuffix("s"), number.count <= 2, let whole = Int(number[0]) else { return nil }
  guard number.count == 2 else { return unit * whole }
  guard let fraction = Int(number[1]) else { return nil }
  return unit * whole + unit * fraction / (0..<number[1].count).reduce(1) { product, _ in product * 10 }
}

/// `1.25s`, exactly.
func text(_ time: Duration) -> String {
  let (whole, attoseconds) = time.components
  guard attoseconds != 0 else { return "\(whole)s" }
  let digits = String(attoseconds)
  var fraction = String(repeating: "0", count: 18 - digits.count) + digits
  while fraction.last == "0" { fraction.removeLast() }
  return "\(whole).\(fraction)s"
}

private func text(_ instant: Instant) -> String { text(instant.sinceBoot) }

private func text(_ state: VirtualRouter.State) -> String {
  switch state {
  case .initialize: return "initialize"
  case .backup(let backup):
    let expectation =
      switch backup.expectation {
      case .silence: ""
      case .relinquished(let router): ", \(node(router.address)) relinquished"
      case .preemption(let router): ", will preempt \(node(router.address))"
      }
    return "backup, Active_Down_Timer \(text(backup.activeDownTimer)) at \(backup.activeAdverInterval)" + expectation
  case .active(let active):
    if let departure = active.departure { return "active, leaves at \(text(departure.until))" }
    if active.reluctance != nil { return "active, reluctantly, Adver_Timer \(text(active.adverTimer))" }
    return "active, Adver_Timer \(text(active.adverTimer))"
      + (active.announcements.next.map { ", announces \(text($0))" } ?? "")
  }
}

private func text(_ action: VirtualRouter.Action) -> String {
  switch action {
  case .sendAdvertisement(let advertisement, let recipients):
    let to =
      switch recipients {
      case .everyone: "all"
      case .only(let address): "\(node(address)) at \(address)"
      }
    let addresses = advertisement.addresses.map(\.description).joined(separator: " ")
    return "send \(advertisement.priority.fieldValue) every \(advertisement.interval) of \(addresses) to \(to)"
  case .installAddresses(let addresses): return "install \(text(addresses))"
  case .renewAddresses(let addresses): return "renew \(text(addresses))"
  case .removeAddresses(let addresses): return "remove \(text(addresses))"
  case .retireAddresses(let addresses): return "retire \(text(addresses))"
  case .forwardConnections(let addresses, let peer):
    return "forward connections to \(text(addresses)) to \(node(peer))"
  case .announceAddresses(let addresses): return "announce \(text(addresses))"
  case .commendAddresses(let addresses, let peer): return "commend \(text(addresses)) at \(node(peer))"
  case .transition(let transition):
    return "\(transition.from.rawValue) → \(transition.to.rawValue): \(text(transition.reason))"
  }
}

private func text(_ addresses: [VirtualAddress]) -> String {
  addresses.map { "\($0.address)" + ($0.interface.map { "@" + $0 } ?? "") }.joined(separator: " ")
}

private func text(_ reason: Transition.Reason) -> String {
  func words(_ router: ActiveRouter) -> String { "\(node(router.address)) (\(router.priority.fieldValue))" }
  return switch reason {
  case .startup: "startup"
  case .addressOwner: "address owner"
  case .nobodyHeard: "nobody heard"
  case .silence(let router): "silence of \(words(router)) since \(text(router.heard))"
  case .relinquished(let router): "relinquished by \(words(router))"
  case .preemption(let router): "preemption of \(words(router))"
  case .superseded(let router): "superseded by \(words(router))"
  case .unheard(let router, let pause): "not heard by \(words(router)), gives way for \(text(pause))"
  case .obstacle(.stopped): "stopped"
  case .obstacle(.drained): "drained"
  case .obstacle(.interfaceDown(let name)): "\(name) is down"
  case .absence(let duration): "absence for \(text(duration))"
  case .resumption: "resumption"
  case .obstacle(let obstacle): "\(obstacle)"
  }
}

private func node(_ address: IPAddress) -> String {
  primaryAddresses.first { $0.value.values.contains(address) }?.key ?? "\(address)"
}
