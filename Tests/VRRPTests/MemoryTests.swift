// A router that is written down and read back, at any moment, does what it would have done.

import FoundationEssentials
import NetworkTypes
import Testing
import VRRP

@Suite("What a router remembers")
struct MemoryTests {
  private static let configurations = [
    configuration(vrid: vrid(12), isLeased: true),
    configuration(vrid: vrid(13), preempt: .never, families: [.ipv4, .ipv6], healthy: ["low": 90, "high": 120]),
    configuration(
      vrid: vrid(14), preempt: .after(.seconds(2)), trackers: [TrackerWeight(tracker: "proxy", weight: -30)]),
  ]

  /// As a program leaves it to the next.
  private func reborn(_ router: VRRPRouter) throws -> VRRPRouter {
    let bytes = try JSONEncoder().encode(router.memory)
    let memory = try JSONDecoder().decode(VRRPRouter.Memory.self, from: bytes)
    #expect(memory == router.memory)
    return VRRPRouter(configurations: router.members.map(\.router.configuration), remembering: memory)
  }

  @Test("Read back after every event of a long walk, it answers the next one alike", arguments: 1...5)
  func walk(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    var router = VRRPRouter(configurations: Self.configurations)
    var heir = router
    var now = at(.zero)
    var states: Set<[StateName]> = []
    for step in 0..<1_000 {
      now = now + .milliseconds(Int.random(in: 0...700, using: &random))
      let event = event(&random)
      let expected = router.handle(event, at: now)
      heir = try reborn(heir)
      let answer = heir.handle(event, at: now)
      #expect(answer == expected, "step \(step): \(event)")
      // Not compared in the macro, which would print both.
      let isAlike = heir == router
      #expect(isAlike, "step \(step): \(event)")
      states.insert(router.members.map(\.router.state.name))
    }
    #expect(states.count > 8, "the walk went nowhere")
  }

  private func event(_ random: inout SplitMix64) -> VRRPRouter.Event {
    let vrid = vrid(UInt8.random(in: 12...14, using: &random))
    switch Int.random(in: 0..<40, using: &random) {
    case 0: return .shutdown
    case 1...3: return .startup
    case 4: return .resume([vrid])
    case 5: return .drain(isForced: Bool.random(using: &random))
    case 6...7: return .drain(isForced: nil)
    case 8: return .obstacle(vrid, .interfaceDown("eth0"))
    case 9...10: return .obstacle(vrid, nil)
    case 11: return .contested(vrid)
    case 12: return .affirm
    case 13...20:
      let priority: UInt8 = [0, 50, 100, 150].randomElement(using: &random) ?? 0
      let sender = Bool.random(using: &random) ? "low" : "high"
      return .advertisement(advertisement(priority, from: sender, vrid: vrid))
    case 21: return .tracker("proxy", isUp: Bool.random(using: &random))
    default: return .deadline
    }
  }
}
