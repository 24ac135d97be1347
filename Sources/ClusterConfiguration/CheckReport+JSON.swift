// `vipctl check --json`: the same answer for programs. The keys are promised; more may stand beside them.

import FoundationEssentials
import VRRP

extension CheckReport {
  /// One JSON object, with a newline at its end.
  public func json() -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    guard let data = try? encoder.encode(ReportJSON(self)) else {
      preconditionFailure("a report holds nothing that JSON can not say")
    }
    return String(decoding: data, as: UTF8.self) + "\n"
  }
}

private struct ReportJSON: Encodable {
  let file: String
  let ok: Bool
  let errors: Int
  let warnings: Int
  let diagnostics: [DiagnosticJSON]
  let cluster: ClusterJSON?

  init(_ report: CheckReport) {
    file = report.fileName
    ok = report.configuration != nil
    errors = report.errorCount
    warnings = report.warningCount
    diagnostics = report.diagnostics.map(DiagnosticJSON.init)
    cluster = report.configuration.map(ClusterJSON.init)
  }
}

private struct DiagnosticJSON: Encodable {
  let severity: String
  let line: Int
  let column: Int
  let message: String
  let details: [String]
  let hint: String?

  init(_ diagnostic: Diagnostic) {
    severity = diagnostic.severity.rawValue
    line = diagnostic.line
    column = diagnostic.column
    message = diagnostic.message
    details = diagnostic.details
    hint = diagnostic.hint
  }
}

private struct ClusterJSON: Encodable {
  let name: String
  let nodes: [Node]
  let virtual_routers: [VirtualRouter]

  init(_ cluster: ClusterConfiguration) {
    name = cluster.name
    nodes = cluster.nodes.map {
      Node(
        name: $0.name.rawValue, addresses: $0.addresses.map(\.description), priority: Int($0.priority.rawValue))
    }
    virtual_routers = cluster.virtualRouters.map { VirtualRouter($0, in: cluster) }
  }

  struct Node: Encodable {
    let name: String
    let addresses: [String]
    let priority: Int
  }

  struct VirtualRouter: Encodable {
    let name: String
    let vrid: Int
    let interval_ms: Int
    let addresses: [String]
    let prospects: [Prospect]

    init(_ router: ClusterConfiguration.VirtualRouter, in cluster: ClusterConfiguration) {
      name = router.name.rawValue
      vrid = Int(router.vrid.rawValue)
      interval_ms = router.interval.centiseconds * 10
      addresses = router.addresses.map(\.address.description)
      prospects = FailoverAnalysis(of: router, in: cluster).prospects.map(Prospect.init)
    }
  }

  /// What can happen on a node while it holds the addresses.
  struct Prospect: Encodable {
    let holder: String
    let priority: Int
    let next: String?
    let next_priority: Int?
    let trackers: [Effect]

    init(_ prospect: FailoverAnalysis.Prospect) {
      holder = prospect.holder.node.rawValue
      priority = Int(prospect.holder.priority.rawValue)
      next = prospect.next?.node.rawValue
      next_priority = prospect.next.map { Int($0.priority.rawValue) }
      trackers = prospect.effects.map(Effect.init)
    }
  }

  struct Effect: Encodable {
    let name: String
    let weight: Int
    let computed: Bool
    let priority_after: Int?
    let moves: Bool

    init(_ effect: FailoverAnalysis.Effect) {
      name = effect.tracker.tracker.rawValue
      weight = effect.tracker.weight
      computed = effect.tracker.isAutomatic
      priority_after = effect.priorityAfter.map { Int($0.rawValue) }
      moves = effect.movesAlone
    }
  }
}
