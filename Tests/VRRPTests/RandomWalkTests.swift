// A long seeded walk through events in no sensible order, after each of which the promises of the state machine hold.

import NetworkTypes
import Testing
import VRRP

/// Steele, Lea and Flood's SplitMix64: small, and the same everywhere, so that a failure can be played again.
struct SplitMix64: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}

@Suite("A random walk")
struct RandomWalkTests {
  private static let preemptions: [Preemption] = [.immediate, .rfc, .never, .after(.seconds(2))]

  @Test("Actions follow the state, whatever happens", arguments: preemptions, [[IPFamily.ipv4], [.ipv4, .ipv6]])
  func walk(preemption: Preemption, families: [IPFamily]) {
    var random = SplitMix64(seed: UInt64(families.count))
    var router = VirtualRouter(configuration: configuration(preempt: preemption, families: families))
    var installed: [VirtualAddress] = []
    var now = at(.zero)
    var visits: [StateName: Int] = [:]

    for step in 0..<5_000 {
      now = now + .milliseconds(Int.random(in: 0...900, using: &random))
      let before = router.state.name
      let event = event(for: router, families, using: &random)
      let actions = router.handle(event, at: now)
      visits[router.state.name, default: 0] += 1

      for action in actions { perform(action, on: &installed) }
      let expected = router.state.name == .active ? router.configuration.addresses : []
      #expect(Set(installed) == Set(expected), "step \(step): \(event)")
      #expect(installed.count == expected.count, "step \(step): installed twice or not removed")

      let transitions = actions.compactMap { action -> Transition? in
        if case .transition(let transition) = action { transition } else { nil }
      }
      // Who was away first lets go, and then looks at what has happened.
      let absences = transitions.prefix { if case .absence = $0.reason { true } else { false } }
      if absences.isEmpty {
        #expect(transitions.count == (before == router.state.name ? 0 : 1), "step \(step): \(event)")
      }
      #expect(
        zip([before] + transitions.map(\.to), transitions.map(\.from) + [router.state.name]).allSatisfy { $0 == $1 })
      if let last = transitions.last, transitions.count > absences.count {
        #expect(actions.last == .transition(last), "always last")
      }
      for case .sendAdvertisement(let advertisement, _) in actions {
        #expect([.relinquishing, .contending(router.priority)].contains(advertisement.priority))
        #expect(advertisement.addresses.allSatisfy { $0.family == advertisement.addresses[0].family }, "TX-6")
      }
      #expect((router.nextDeadline == nil) == (router.state.name == .initialize))
    }
    for state in StateName.allCases { #expect(visits[state, default: 0] > 100, "\(state) was hardly visited") }
  }

  private func event(
    for router: VirtualRouter, _ families: [IPFamily], using random: inout SplitMix64
  ) -> VirtualRouter.Event {
    switch Int.random(in: 0..<40, using: &random) {
    case 0: .shutdown(.stopped)
    case 1...4: .startup
    case 5...20: .deadline
    case 21...24: .priorityChanged(Priority(clamping: Int.random(in: 1...254, using: &random)))
    case 25...27:
      .reconfigured(
        configuration(
          every: Int.random(in: 1...200, using: &random), preempt: router.configuration.preemption, families: families,
          addresses: ["10.0.0.39/24", "10.0.0.40/24", "fe80::39/64", "fd00::40/64"].filter {
            $0 == "10.0.0.39/24" || $0 == "fe80::39/64" || Bool.random(using: &random)
          }))
    default:
      .advertisement(
        advertisement(
          UInt8.random(in: 0...255, using: &random), from: Bool.random(using: &random) ? "low" : "high",
          over: families.randomElement(using: &random) ?? .ipv4, every: Int.random(in: 1...200, using: &random)))
    }
  }

  private func perform(_ action: VirtualRouter.Action, on installed: inout [VirtualAddress]) {
    switch action {
    case .installAddresses(let addresses): installed += addresses
    case .removeAddresses(let addresses), .retireAddresses(let addresses):
      installed.removeAll { addresses.contains($0) }
    case .renewAddresses(let addresses):
      #expect(addresses.allSatisfy { installed.contains($0) }, "renewed before it was installed")
    case .announceAddresses(let addresses):
      #expect(addresses.allSatisfy { installed.contains($0) }, "announced before it was installed")
    case .commendAddresses(let addresses, _):
      #expect(addresses.allSatisfy { !installed.contains($0) }, "others are sent elsewhere for what is still here")
    case .forwardConnections(let addresses, _):
      #expect(addresses.allSatisfy { !installed.contains($0) }, "connections may have begun here by now")
    case .sendAdvertisement, .transition: break
    }
  }
}
