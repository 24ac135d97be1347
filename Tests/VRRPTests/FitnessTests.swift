// From trackers to the priority that a node contends with.

import NetworkTypes
import Testing
import VRRP

@Suite("Fitness")
struct FitnessTests {
  /// `docker -120` is a tracker and its weight; `up`, `down` or, where it was not checked yet, `?`.
  private static let table = """
    priority | trackers and weights     | state     | effective | adjustments | obstacle
    200      |                          |           | 200       |             |
    200      | docker -120              | up        | 200       |             |
    200      | docker -120              | down      | 80        | docker      |
    200      | docker -120              | ?         | 80        | docker      |
    100      | docker 20                | up        | 120       | docker      |
    100      | docker 20                | down      | 100       |             |
    100      | docker 20                | ?         | 100       |             |
    200      | docker -20, proxy 10     | up up     | 210       | proxy       |
    200      | docker -20, proxy 10     | down up   | 190       | docker proxy |
    200      | docker -20, proxy 10     | down down | 180       | docker      |
    200      | proxy 10, docker -20     | up down   | 190       | proxy docker |
    200      | docker -120, proxy -120  | down down | 1         | docker proxy |
    250      | docker 20                | up        | 254       | docker      |
    254      | docker 1                 | up        | 254       | docker      |
    1        | docker -1                | down      | 1         | docker      |
    2        | docker -1                | down      | 1         | docker      |
    200      | docker 0                 | up        | 200       |             |
    200      | docker 0                 | down      | 200       |             | docker
    200      | docker 0                 | ?         | 200       |             | docker
    200      | proxy 0, docker 0        | down down | 200       |             | proxy
    200      | proxy 0, docker 0        | up down   | 200       |             | docker
    200      | proxy -50, docker 0      | down down | 150       | proxy       | docker
    255      | docker -120              | down      | 255       |             |
    255      | docker 0                 | down      | 255       |             |
    """

  @Test("Weights: negative while down, positive while up, zero to release, within 1–254", arguments: rows(of: table))
  func row(_ row: Row) throws {
    var trackers: [TrackerWeight] = []
    for words in row.columns[1].split(separator: ",").map({ $0.split(separator: " ") }) where !words.isEmpty {
      trackers.append(TrackerWeight(tracker: String(words[0]), weight: try #require(Int(words[1]))))
    }
    var states: [String: Bool] = [:]
    for (tracker, state) in zip(trackers, row.columns[2].split(separator: " ")) where state != "?" {
      states[tracker.tracker] = state == "up"
    }

    let fitness = Fitness(
      of: configuration(priority: try #require(UInt8(row.columns[0])), trackers: trackers), trackers: states)

    #expect(fitness.priority.description == row.columns[3])
    #expect(fitness.adjustments.map(\.tracker).joined(separator: " ") == row.columns[4])
    let obstacle = row.columns.count > 5 ? row.columns[5] : ""
    let expected: Obstacle? = states[obstacle] == nil ? .trackerUnchecked(obstacle) : .trackerDown(obstacle)
    #expect(fitness.obstacle == (obstacle.isEmpty ? nil : expected))
  }

  @Test("A tracker that says what it is worth counts with that in place of its weight, while it is up")
  func worth() {
    let own = configuration(priority: 200, trackers: [TrackerWeight(tracker: "load", weight: -20)])
    func fitness(_ isUp: Bool?, _ worth: Int?) -> Fitness {
      Fitness(of: own, trackers: isUp.map { ["load": $0] } ?? [:], worths: worth.map { ["load": $0] } ?? [:])
    }
    #expect(fitness(true, -50).priority.rawValue == 150)
    #expect(fitness(true, 30).adjustments == [TrackerWeight(tracker: "load", weight: 30)])
    #expect(fitness(true, 0).adjustments == [])
    #expect(fitness(true, 254).priority.rawValue == 254)
    #expect(fitness(false, -50).priority.rawValue == 180, "one that is down costs its weight")
    #expect(fitness(nil, nil).priority.rawValue == 180)
  }

  @Test("Where unfit nodes shall hold nothing, one tracker that is down is enough; those that only add are not asked")
  func release() {
    var own = configuration(
      priority: 200,
      trackers: [TrackerWeight(tracker: "bonus", weight: 10), TrackerWeight(tracker: "docker", weight: -20)])
    own.releasesWhenUnfit = true
    func obstacle(_ trackers: [String: Bool]) -> Obstacle? { Fitness(of: own, trackers: trackers).obstacle }
    #expect(obstacle(["bonus": false, "docker": true]) == nil)
    #expect(obstacle(["bonus": true, "docker": false]) == .unfit("docker"))
    #expect(obstacle(["bonus": true]) == .trackerUnchecked("docker"))
    own.releasesWhenUnfit = false
    #expect(obstacle(["docker": false]) == nil)
  }

  @Test("The healthy priority is the one with every tracker up")
  func healthy() {
    let trackers = [
      TrackerWeight(tracker: "docker", weight: -120), TrackerWeight(tracker: "proxy", weight: 20),
      TrackerWeight(tracker: "quorum", weight: 0),
    ]
    #expect(configuration(priority: 100, trackers: trackers).healthyPriority == priority(120))
    #expect(configuration(priority: 250, trackers: trackers).healthyPriority == priority(254))
    #expect(configuration(priority: 255, trackers: trackers).healthyPriority == .addressOwner)
    #expect(configuration(priority: 100).healthyPriority == priority(100))
  }
}

@Suite("Values of the protocol")
struct ProtocolValueTests {
  @Test("VRID is 1–255, priority 1–255, interval 1–4095 cs")
  func ranges() {
    #expect(VRID(rawValue: 0) == nil)
    #expect(VRID(rawValue: 1)?.description == "1")
    #expect(VRID(rawValue: 255) != nil)
    #expect(Priority(rawValue: 0) == nil)
    #expect(Priority(rawValue: 255) == .addressOwner)
    #expect([-7, 0, 1, 2, 254, 255, 900].map { Priority(clamping: $0).rawValue } == [1, 1, 1, 2, 254, 254, 254])
    #expect([-1, 0, 4096].allSatisfy { AdvertisementInterval(centiseconds: $0) == nil })
    #expect([1, 100, 4095].allSatisfy { AdvertisementInterval(centiseconds: $0) != nil })
  }

  @Test("TX-4: priority 0 is no priority but a farewell")
  func advertisedPriority() {
    #expect(AdvertisedPriority(fieldValue: 0) == .relinquishing)
    #expect(AdvertisedPriority(fieldValue: 255) == .contending(.addressOwner))
    for field in UInt8.min...UInt8.max { #expect(AdvertisedPriority(fieldValue: field).fieldValue == field) }
    #expect(AdvertisedPriority.relinquishing < .contending(priority(1)))
    #expect(AdvertisedPriority.contending(priority(127)) < .contending(priority(128)))
  }

  @Test(
    "Intervals are written as the cluster file has them",
    arguments: [(1, "10ms"), (25, "250ms"), (100, "1s"), (150, "1500ms"), (200, "2s"), (4095, "40950ms")])
  func interval(centiseconds: Int, text: String) {
    #expect(every(centiseconds).description == text)
    #expect(every(centiseconds).duration == .milliseconds(10 * centiseconds))
  }

  @Test("The groups of RFC 9568 §5.1.1.2 and §5.1.2.2")
  func groups() {
    #expect(IPFamily.ipv4.vrrpGroup == ip("224.0.0.18"))
    #expect(IPFamily.ipv6.vrrpGroup == ip("ff02::12"))
  }
}
