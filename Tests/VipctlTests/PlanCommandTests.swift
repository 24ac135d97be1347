// vipctl plan, as an admin runs it. What it says of a cluster is proved in FailoverSimulationTests.

import ControlAPI
import FoundationEssentials
import Testing

@testable import vipctl

@Suite(.timeLimit(.minutes(3))) struct PlanCommandTests {
  @Test func printsTheMatrixOfTheExample() async throws {
    let run = try await vipctl(["plan", "\(examples)/swarm.yaml"], environment: ["COLUMNS=120"])
    #expect(run.code == 0)
    #expect(run.errors.isEmpty)
    #expect(run.output == Self.swarm.replacing("EXAMPLES", with: examples))
  }

  @Test(arguments: ["nginx-pair", "two-addresses", "two-interfaces"])
  func hasNothingToMarkInTheExamples(_ name: String) async throws {
    let run = try await vipctl("plan", "\(examples)/\(name).yaml")
    #expect(run.code == 0)
    #expect(run.output.hasSuffix("nothing to mark\n"))
  }

  @Test func marksThePublishedMistake() async throws {
    let file = "\(packageRoot)/Tests/ClusterConfigurationTests/Fixtures/published.yaml"
    let run = try await vipctl("plan", file)
    #expect(run.code == 1)
    #expect(run.output.contains("NEVER MOVES"))
    #expect(run.output.hasSuffix("2 marked\n"))
    #expect(run.errors.contains("no failure of a check can move the address"))
  }

  @Test func printsJSON() async throws {
    let run = try await vipctl("plan", "--json", "--node", "swarm1", "\(examples)/swarm.yaml")
    #expect(run.code == 0)
    let plan = try ControlJSON.decode(PlanSample.self, from: run.output.utf8)
    #expect(plan.cluster == "swarm-prod")
    #expect(plan.marked == 0)
    let rows = plan.virtualRouters[0].rows
    #expect(rows.map(\.fault) == ["tracker", "tracker", "host", "link", "stop", "partition"])
    #expect(rows.map(\.node).allSatisfy { $0 == "swarm1" })
    #expect(rows[2].after == ["swarm2"])
    #expect(rows[2].unheldSeconds?.count == 2)
  }

  @Test func refusesWhatCheckRefuses() async throws {
    let refused = try await vipctl("plan", "\(packageRoot)/README.md")
    #expect(refused.code == 2)
    #expect(refused.errors.contains("error:"))
    #expect(try await vipctl("plan", "/nonexistent/vipd.yaml").code == 1)
    let unknown = try await vipctl("plan", "--node", "swarm9", "\(examples)/swarm.yaml")
    #expect(unknown.code == 1)
    #expect(unknown.errors.contains("there is no node swarm9 (there are: swarm1, swarm2, swarm3)"))
  }

  private struct PlanSample: Decodable {
    var cluster: String
    var marked: Int
    var virtualRouters: [Router]
    enum CodingKeys: String, CodingKey {
      case cluster
      case marked
      case virtualRouters = "virtual_routers"
    }
    struct Router: Decodable { var rows: [Row] }
    struct Row: Decodable {
      var fault: String
      var node: String
      var after: [String]
      var unheldSeconds: [Double]?
      enum CodingKeys: String, CodingKey {
        case fault
        case node
        case after
        case unheldSeconds = "unheld_seconds"
      }
    }
  }

  private var examples: String { packageRoot + "/Packaging/examples" }

  private static let swarm = """
    virtual router ingress: 10.0.10.39/24, advertised every 1s, held by swarm1

    FAULT                    ADDRESS            MOVES AFTER   NOBODY HAS IT  BECAUSE
    docker fails on swarm1   swarm1 → swarm2    63 ms         none           swarm1: 250 → 229; swarm2 (240) preempts after
                                                                             Skew_Time
    proxy fails on swarm1    swarm1 → swarm2    63 ms–1.06 s  none           swarm1: 250 → 229; swarm2 (240) preempts after
                                                                             Skew_Time
    host dies on swarm1      swarm1 → swarm2    2.06–3.06 s   2.06–3.06 s    silence: Active_Down_Interval of swarm2
    link cut on swarm1       swarm1 → swarm2    2.06–3.06 s   2.06–3.06 s    silence: Active_Down_Interval of swarm2
    vipd stopped on swarm1   swarm1 → swarm2    63 ms         none           farewell: Skew_Time of swarm2
    partition around swarm1  swarm1 and swarm2  2.06–3.06 s   2.06–3.06 s    each side has a holder until it heals
      both have it while it lasts, and for up to 847 ms once it heals
    partition around swarm2  swarm1 and swarm2  2.06–3.06 s   none           each side has a holder until it heals
      both have it while it lasts, and for up to 847 ms once it heals
    partition around swarm3  swarm1 and swarm3  2.10–3.10 s   none           each side has a holder until it heals
      both have it while it lasts, and for up to 808 ms once it heals
      docker fails on swarm1, then on swarm2, then on swarm3: swarm1 → swarm2 → swarm3 → swarm1
      proxy fails on swarm1, then on swarm2, then on swarm3: swarm1 → swarm2 → swarm3 → swarm1
      no move: docker fails, proxy fails, host dies, link cut, vipd stopped on swarm2, swarm3, where the address is not

    EXAMPLES/swarm.yaml: 18 faults and 4 failures one after another played, nothing to mark

    """
}
