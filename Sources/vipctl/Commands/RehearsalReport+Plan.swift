// A rehearsal's measurements beside the plan's figures. The rehearsal knows nothing of the simulation, and the simulation
// nothing of this machine; here they meet.

import ClusterConfiguration
import FailoverSimulation
import Rehearsal

extension RehearsalReport {
  /// The report with the plan's word on each fault that the plan knows: one thing that fails while all else is well. Where
  /// the measurement says otherwise, that is a complaint.
  func beside(_ plan: FailoverPlan) -> RehearsalReport {
    var report = self
    for index in report.routers.indices {
      guard let router = plan.virtualRouters.first(where: { $0.name.rawValue == report.routers[index].name }) else {
        continue
      }
      report.routers[index].rows = report.routers[index].rows.map { row in
        var row = row
        if let planned = router.row(for: row) { row.hold(against: planned) }
        return row
      }
    }
    return report
  }
}

extension FailoverPlan.VirtualRouter {
  fileprivate func row(for measured: RehearsalReport.Row) -> RehearsalReport.Planned? {
    guard !measured.isMending, let fault = FailoverPlan.Fault(measured.fault),
      let row = rows.first(where: {
        $0.fault == fault && $0.node.rawValue == measured.node && measured.before == [$0.before?.rawValue]
      })
    else { return nil }
    return RehearsalReport.Planned(after: row.after.map(\.rawValue), outage: row.clientOutage(of: measured.fault))
  }
}

extension FailoverPlan.Row {
  /// What clients wait for is not always an address: a dead service does not answer until the address has moved away.
  fileprivate func clientOutage(of fault: RehearsalFault) -> ClosedRange<Duration>? {
    switch fault {
    case .serviceKilled: movedAfter.map { .zero...$0.upperBound }
    case .processKilled, .engineKilled, .daemonStopped, .hostKilled, .linkCut: unheld
    }
  }
}

extension FailoverPlan.Fault {
  /// Nil where several trackers fail at once, of which the plan has no row.
  fileprivate init?(_ fault: RehearsalFault) {
    switch fault {
    case .serviceKilled(_, let trackers), .processKilled(_, let trackers), .engineKilled(_, let trackers):
      guard trackers.count == 1, let name = trackers.first.flatMap({ TrackerName($0) }) else { return nil }
      self = .trackerFails(name)
    case .daemonStopped: self = .stopped
    case .hostKilled: self = .hostDies
    case .linkCut: self = .linkCut
    }
  }
}
