// One seed, one run: down to the last advertisement.

import FailoverSimulation
import NetworkTypes
import SimulatedScenarios
import Testing

struct DeterminismTests {
  @Test(arguments: [1, 7, 42, 4046] as [UInt64])
  func sameSeedSameRun(_ seed: UInt64) {
    let first = Expedition.scenario(seed: seed)
    let second = Expedition.scenario(seed: seed)
    #expect(first == second)
    let transcript = first.run(detail: .everything).examination.transcript
    #expect(transcript.digest == second.run(detail: .everything).examination.transcript.digest)
    #expect(transcript.lines.count > 20)
  }

  @Test func otherSeedOtherRun() throws {
    var scenario = try Scenario(
      text: """
        node a 10.0.0.1
        node b 10.0.0.2
        router r vrid 1 addresses 10.0.0.9/24 members a:200,b:100
        at 0s: network loss 30%
        at 0s: start a b
        end 60s
        """)
    var digests: Set<UInt64> = []
    for seed in 1...8 as ClosedRange<UInt64> {
      scenario.seed = seed
      digests.insert(scenario.run(detail: .everything).examination.transcript.digest)
    }
    #expect(digests.count == 8)
  }

  /// Reference values of the published algorithm for the seed 1234567.
  @Test func splitMix64() {
    var random = SplitMix64(seed: 1_234_567)
    let expected: [UInt64] = [
      6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
      4_593_380_528_125_082_431, 16_408_922_859_458_223_821,
    ]
    #expect(expected.map { _ in random.next() } == expected)
  }

  @Test func drawsStayInTheirBounds() {
    var random = SplitMix64(seed: 1)
    let numbers = (0..<1000).map { _ in random.below(7) }
    #expect(Set(numbers) == Set(0..<7))
    let durations = (0..<1000).map { _ in random.duration(upTo: .milliseconds(3)) }
    #expect(durations.allSatisfy { $0 >= .zero && $0 <= .milliseconds(3) })
    let none = random.below(0)
    let never = random.happens(perMille: 0)
    let always = random.happens(perMille: 1000)
    #expect(none == 0 && !never && always)
  }
}
