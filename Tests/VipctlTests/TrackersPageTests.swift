// What `vipctl trackers` prints, letter by letter.

import ControlAPI
import Testing

@testable import vipctl

@Suite struct TrackersPageTests {
  private func page(_ status: NodeStatus) -> String {
    TrackersPage(status, width: 110, style: TextStyle(isColored: false)).text
  }

  @Test("Each with its last result, how often in a row, and what it costs")
  func page() {
    var status = NodeStatus.failedOver
    status.trackers.append(
      TrackerStatus(
        name: "web", kind: "http", up: true, weight: 0, since: .seconds(3), detail: "HTTP status 200",
        duration: .milliseconds(2), streak: 3, checks: 20, timeouts: 4))
    status.trackers.append(
      TrackerStatus(
        name: "late", kind: "swarm", up: false, weight: 0, since: .seconds(0), detail: "not checked yet", pending: true)
    )
    status.trackers[1].output = "a longer story"
    #expect(
      page(status) == """
        TRACKER  KIND     STATE    SINCE   TOOK  IN A ROW  COSTS     LAST RESULT
        docker   process  DOWN     10s     –     –         −120      no process of the name dockerd
        proxy    script   up       4m 10s  12ms  250       nothing   exit status 0
          says: a longer story
        web      http     up       3.0s    2ms   3         nothing   HTTP status 200
          4 of 20 checks had no answer in time
        late     swarm    pending  0.0s    –     –         the role  not checked yet

        """)
  }

  @Test("None")
  func none() {
    var status = NodeStatus.fine
    status.trackers = []
    #expect(page(status) == "no virtual router of this node has a tracker\n")
  }
}
