// From a plan to networks, faults and predictions: the arithmetic, without a kernel.

import Testing

@testable import Rehearsal

@Suite("Networks of a plan")
struct RehearsalNetworkTests {
  @Test("Nodes get the prefix length of the virtual address beside them; the client gets a free address")
  func oneNetwork() {
    let layout = RehearsalPlan.swarm.layout
    #expect(layout.networks == ["eth0"])
    #expect(layout.nodes.map(\.name) == ["swarm1", "swarm2", "swarm3"])
    #expect(layout.nodes[0].interfaces == [.init("eth0", network: "eth0", addresses: ["10.0.10.31/24"])])
    #expect(layout.client.interfaces == [.init("eth0", network: "eth0", addresses: ["10.0.10.254/24"])])
    #expect(RehearsalPlan.swarm.routesForClient.isEmpty)
  }

  @Test("VRRP on the private network, the address on the public one")
  func twoInterfaces() {
    var plan = RehearsalPlan.swarm
    plan.virtualRouters[0].addresses = [.init("203.0.113.9", prefixLength: 28, interface: "eth1")]
    let layout = plan.layout
    #expect(layout.networks == ["eth0", "eth1"])
    #expect(layout.nodes[1].interfaces.map(\.addresses) == [["10.0.10.32/24"], []])
    #expect(layout.client.interfaces.map(\.addresses) == [["10.0.10.254/24"], ["203.0.113.14/28"]])
  }

  @Test("Named interface, both families, an address of its own prefix only, link-local ones left alone")
  func families() {
    var plan = RehearsalPlan.swarm
    for index in plan.nodes.indices { plan.nodes[index].addresses.append("fd10::3\(index + 1)") }
    plan.virtualRouters[0].interface = "ens160"
    plan.virtualRouters[0].addresses = [
      .init("192.0.2.1", prefixLength: 32), .init("fe80::5eff:fe00:20c", prefixLength: 64),
      .init("fd10::39", prefixLength: 64),
    ]
    let layout = plan.layout
    #expect(layout.networks == ["ens160"])
    #expect(layout.nodes[2].interfaces[0].addresses == ["10.0.10.33/24", "fd10::33/64"])
    #expect(layout.client.interfaces[0].addresses == ["10.0.10.254/24", "fd10::ffff:ffff:ffff:fffe/64"])
    #expect(plan.routesForClient.map(\.address) == ["192.0.2.1"])
  }

  @Test("Nodes of different subnets share what they have in common")
  func farApart() {
    var plan = RehearsalPlan.swarm
    plan.nodes[2].addresses = ["10.0.12.33"]
    plan.virtualRouters[0].addresses = [.init("192.0.2.9", prefixLength: 32)]
    #expect(
      plan.layout.nodes.map { $0.interfaces[0].addresses[0] } == ["10.0.10.31/21", "10.0.10.32/21", "10.0.12.33/21"])
  }
}

@Suite("Predictions")
struct PredictionTests {
  private func standing(_ change: (inout RehearsalPlan) -> Void = { _ in }) -> Standing {
    var plan = RehearsalPlan.swarm
    plan.virtualRouters[0].interval = .seconds(1)
    change(&plan)
    var standing = Standing(plan: plan, router: plan.virtualRouters[0])
    standing.holder = standing.best
    return standing
  }

  private func predict(
    _ fault: RehearsalFault, _ change: (inout RehearsalPlan) -> Void = { _ in }
  ) -> (fault: Prediction, mending: Prediction) {
    let before = standing(change)
    var after = before
    switch fault {
    case .serviceKilled(_, let trackers), .processKilled(_, let trackers), .engineKilled(_, let trackers):
      after.failed["swarm1"] = Set(trackers)
    case .daemonStopped, .hostKilled, .linkCut: after.absent = ["swarm1"]
    }
    let first = after.prediction(of: fault, before: before)
    var mended = before
    mended.holder = first.holder
    return (first, mended.predictionOfReturn(from: fault))
  }

  private let proxy = RehearsalFault.serviceKilled(port: 443, trackers: ["proxy"])
  private let docker = RehearsalFault.processKilled(name: "dockerd", trackers: ["docker"])

  /// Skew_Time of priority 150 at 1 s: 106/256 s.
  private let skew = Duration.seconds(1) * 106 / 256

  @Test("The field's well-known numbers at 1 s")
  func oneSecond() {
    #expect(standing().best == "swarm1")
    #expect(skew > .milliseconds(414) && skew < .milliseconds(415))
    #expect(predict(.daemonStopped).fault.outage == .zero ... .zero)
    #expect(predict(.daemonStopped).fault.movedWithin == skew)
    #expect(predict(.hostKilled).fault.outage == (.seconds(2) + skew)...(.seconds(3) + skew))
    #expect(predict(.linkCut).fault.holder == "swarm2")
    #expect(predict(proxy).fault.outage == .zero...(.seconds(1) + skew))
    #expect(predict(docker).fault.outage == .zero ... .zero)
    #expect(predict(docker).fault.movedWithin == skew)
    #expect(predict(docker).mending.holder == "swarm1")
  }

  @Test("A weight that is too small moves nothing")
  func tooSmall() {
    let small = predict(docker) { $0.virtualRouters[0].trackers[0].weight = -20 }
    #expect(small.fault.holder == "swarm1" && small.fault.outage == .zero ... .zero)
    #expect(small.mending.holder == "swarm1")
    let service = predict(proxy) { $0.virtualRouters[0].trackers[1].weight = -20 }
    #expect(service.fault.holder == "swarm1" && service.fault.outage == nil)
  }

  @Test("Positive weights count while the tracker is up; weight 0 takes the node out; 255 is untouched")
  func weights() {
    let plus = standing { $0.virtualRouters[0].trackers[0].weight = 20 }
    #expect(plus.effectivePriority(of: "swarm1") == 220)
    var down = plus
    down.failed["swarm1"] = ["docker"]
    #expect(down.effectivePriority(of: "swarm1") == 200)
    let zero = predict(docker) { $0.virtualRouters[0].trackers[0].weight = 0 }
    #expect(zero.fault.holder == "swarm2" && zero.fault.outage == .zero...skew)
    var owner = standing { $0.virtualRouters[0].members[0].priority = 255 }
    owner.failed["swarm1"] = ["docker", "proxy"]
    #expect(owner.effectivePriority(of: "swarm1") == 255)
  }

  @Test("Without preemption an unfit holder still goes, and a mended one does not come back")
  func noPreemption() {
    let prediction = predict(docker) { $0.virtualRouters[0].preemption = .never }
    #expect(prediction.fault.holder == "swarm2" && prediction.fault.outage == .zero...skew)
    #expect(prediction.mending.holder == "swarm2")
  }

  @Test("To the letter of the RFC, a lower holder is waited out")
  func rfc() {
    let prediction = predict(proxy) { $0.virtualRouters[0].preemption = .rfc }
    #expect(prediction.fault.outage == .zero...(.seconds(4) + skew))
  }

  @Test("The last node's end leaves nobody")
  func alone() {
    let prediction = predict(.hostKilled) { $0.virtualRouters[0].members.removeLast(2) }
    #expect(prediction.fault.holder == nil)
  }

  @Test("Faults follow from what the trackers look at")
  func faults() {
    var plan = RehearsalPlan.swarm
    let router = plan.virtualRouters[0]
    #expect(plan.faults(of: router) == [proxy, docker, .daemonStopped, .hostKilled, .linkCut])
    #expect(plan.servicePort(of: router) == 443)
    plan.trackers[1].kind = .shell("/usr/bin/pgrep -x traefik")
    plan.trackers[0].kind = .program(path: "/usr/bin/systemctl", arguments: ["is-active", "docker"])
    #expect(
      plan.faults(of: router) == [
        .processKilled(name: "traefik", trackers: ["proxy"]), .daemonStopped, .hostKilled, .linkCut,
      ])
    plan.trackers[1].kind = .shell("curl -fsS http://127.0.0.1:8080/ping")
    #expect(plan.servicePort(of: router) == 8080)
  }

  @Test("What was not as planned is said, unless the arithmetic has said something already")
  func plan() {
    var row = RehearsalReport.Row(
      number: 1, run: 1, fault: .hostKilled, isMending: false, node: "one", moment: .now(), before: ["one"],
      after: ["two"], movedAfter: .seconds(3), outage: .seconds(3), twoHolders: .zero,
      prediction: RehearsalReport.Expectation(holder: "two", outage: nil, movedWithin: nil, reason: ""), complaints: [])
    let good = RehearsalReport.Planned(after: ["two"], outage: .seconds(2) ... .milliseconds(2950))
    row.hold(against: good)
    #expect(row.complaints.isEmpty && row.planned == good)
    row.hold(against: RehearsalReport.Planned(after: ["three"], outage: .zero ... .seconds(1)))
    #expect(row.complaints == ["planned to be at three", "2 s longer than planned"])
    row.hold(against: RehearsalReport.Planned(after: [], outage: nil))
    #expect(row.complaints.count == 2)
  }

  @Test("What was not as predicted is said")
  func complaints() {
    let prediction = predict(.hostKilled).fault
    func complaints(after: [String], outage: Duration, moves: Int) -> [String] {
      RehearsalReport.Row.complaints(
        after: after, movedAfter: outage, outage: outage, moves: moves, beforeWas: "swarm1", prediction)
    }
    #expect(complaints(after: ["swarm2"], outage: .milliseconds(3500), moves: 1).isEmpty)
    #expect(complaints(after: ["swarm2"], outage: .milliseconds(3600), moves: 1) == ["186 ms longer than predicted"])
    #expect(complaints(after: ["swarm3"], outage: .seconds(3), moves: 2) == ["expected at swarm2", "moved 2 times"])
    #expect(complaints(after: [], outage: .seconds(3), moves: 0) == ["expected at swarm2"])
  }

  @Test(
    "Durations for people",
    arguments: [
      (Duration.milliseconds(48), "48 ms"), (.seconds(1), "1 s"), (.milliseconds(3124), "3.12 s"),
      (.microseconds(999_700), "1 s"), (.seconds(125), "2 min 5 s"), (.zero, "0 ms"), (.milliseconds(1005), "1.01 s"),
    ])
  func brief(_ duration: Duration, _ text: String) { #expect(duration.brief == text) }
}
