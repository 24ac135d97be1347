// What may befall a holder: the rows of the fault table. Each is done to n1 of three nodes, and undone, so that n1 holds the
// address before and after.

import Rehearsal

package enum Hardship: String, Sendable, CaseIterable {
  case kill
  case killAndRestart = "kill-and-restart"
  case suspend
  case freeze
  case linkCut = "link-cut"
  case partition
  case oneWay = "one-way"
  case addressDeleted = "address-deleted"
  case interfaceReplaced = "interface-replaced"
  case stop
  case drain
  case reload
  case brokenReload = "broken-reload"
  case upgrade
  case diskFull = "disk-full"
  case outOfDescriptors = "out-of-descriptors"
  case netlinkOverrun = "netlink-overrun"

  package var words: String {
    switch self {
    case .kill: "SIGKILL, and no restart"
    case .killAndRestart: "SIGKILL, and a restart at once"
    case .suspend: "SIGSTOP for 8 s"
    case .freeze: "frozen for 2 s"
    case .linkCut: "link cut"
    case .partition: "partition, healed"
    case .oneWay: "one-way link, healed"
    case .addressDeleted: "address deleted"
    case .interfaceReplaced: "interface deleted, made again"
    case .stop: "planned stop, and start"
    case .drain: "drain, and resume"
    case .reload: "reload"
    case .brokenReload: "reload of a broken file"
    case .upgrade: "upgrade"
    case .diskFull: "disk full, drain and resume"
    case .outOfDescriptors: "all descriptors for clients taken"
    case .netlinkOverrun: "netlink overrun while stopped"
    }
  }

  /// Whether keepalived has anything of this kind.
  package var isKnownToKeepalived: Bool {
    switch self {
    case .drain, .upgrade, .diskFull, .oneWay, .outOfDescriptors: false
    case .kill, .killAndRestart, .suspend, .freeze, .linkCut, .partition, .addressDeleted, .interfaceReplaced, .stop,
      .reload, .brokenReload, .netlinkOverrun:
      true
    }
  }

  /// How often vipd lets the address change its node, there and back.
  package var expectedMoves: Int {
    switch self {
    // The holder keeps it for itself meanwhile.
    case .partition: 1
    case .kill, .suspend, .freeze, .linkCut, .oneWay, .interfaceReplaced, .stop, .drain, .diskFull,
      .netlinkOverrun:
      2
    case .killAndRestart, .addressDeleted, .reload, .brokenReload, .upgrade, .outOfDescriptors: 0
    }
  }
}

/// What one run of a row came to.
package struct Ordeal: Sendable {
  /// The longest time without an answer.
  package var outage: Duration
  /// How long two kernels had the address. Of a partition, what is left of that once it is healed.
  package var twoHolders: Duration
  package var moves: Int
}

/// All runs of a row.
package struct HardshipAccount: Sendable {
  package var hardship: Hardship
  package var runs: [Ordeal] = []
  /// Why runs came to nothing.
  package var failures: [String] = []

  package init(_ hardship: Hardship) { self.hardship = hardship }

  package mutating func add(_ more: HardshipAccount) {
    runs += more.runs
    failures += more.failures
  }

  package var medianOutage: Duration? {
    let sorted = runs.map(\.outage).sorted()
    return sorted.isEmpty ? nil : sorted[sorted.count / 2]
  }

  package var longestOutage: Duration? { runs.map(\.outage).max() }
  package var longestWithTwo: Duration? { runs.map(\.twoHolders).max() }
  package var mostMoves: Int? { runs.map(\.moves).max() }
}
