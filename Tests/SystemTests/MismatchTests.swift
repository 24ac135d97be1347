// What an admin meets on the day of a migration: a keepalived node that is configured a little otherwise. The node that
// runs vipd says what it is, in words, by the other's name.

import ControlAPI
import Rehearsal
import Testing

@Suite("Mismatches with keepalived", .sharesTheMachine, .tellsWhatDaemonsWrote)
struct MismatchTests {
  struct Mismatch: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var keys: [String] = []
    var interval = "1s"
    var change: @Sendable (inout KeepalivedInstance) -> Void
    /// The end of the sentence; the beginning names n2.
    var words: String
  }

  private static let mismatches = [
    Mismatch(
      testDescription: "version 2 beside version 3", change: { $0.version = 2 },
      words: "version 2, and ingress speaks version 3 (RX-2): the same belongs on all"),
    Mismatch(
      testDescription: "another password", keys: ["version: 2", "password: ours"],
      change: {
        $0.version = 2
        $0.password = "theirs"
      }, words: "another password than ours (only the first 8 bytes count) (RX-11)"),
    Mismatch(
      testDescription: "another interval in version 2", keys: ["version: 2"], interval: "2s",
      change: { $0.version = 2 },
      words: "an interval of 1s, and ours is 2s, which version 2 does not allow (RX-11): the same belongs on all"),
    Mismatch(
      testDescription: "multicast beside unicast", change: { $0.isMulticast = true },
      words: "sent to 224.0.0.18, and ingress speaks unicast (RX-10): 'transport' must be the same on all"),
    Mismatch(
      testDescription: "unicast beside multicast", keys: ["transport: multicast"], change: { _ in },
      words: "sent to 10.0.10.31, and ingress speaks to the group (RX-10): 'transport' must be the same on all"),
    Mismatch(
      testDescription: "another interval in version 3", change: { $0.interval = "0.3" },
      words: "advertises every 300ms, and this node's file says 1s: the same belongs on all"),
    Mismatch(
      testDescription: "another address", change: { $0.addresses = ["10.0.10.40/24"] },
      words: "lacks 10.0.10.39 and has 10.0.10.40, which this node's file has not: the same addresses belong on all"),
  ]

  @Test("Status says what the other does otherwise", arguments: mismatches)
  func mismatch(_ mismatch: Mismatch) async throws {
    let file = ClusterFile(interval: mismatch.interval, more: mismatch.keys)
    try await Cluster.with(file, services: false, daemons: false) { cluster in
      // Fitter than ours, so that it speaks whether it hears us or not.
      var instance = KeepalivedInstance(priorities: ["n2": 250], addresses: ["10.0.10.39/24"])
      mismatch.change(&instance)
      let nodes = cluster.testbed.nodes
      _ = try DaemonUnderTest.keepalived { [instance] in instance.configuration(for: $0, among: nodes) }
        .start(cluster["n2"])
      try cluster.start("n1")
      try await cluster.wait(until: "n1 says: \(mismatch.words)") {
        try cluster.status("n1").health?.problems.contains {
          $0.hasPrefix("ingress: ") && $0.contains("n2 (10.0.10.32)") && $0.hasSuffix(mismatch.words)
        } == true
      }
    }
  }
}
