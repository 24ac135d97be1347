// From the cluster file to what a rehearsal must know of it.

import ClusterConfiguration
import NetworkTypes
import Rehearsal
import VRRP

extension RehearsalPlan {
  /// - Parameters:
  ///   - text: the file as it is; every node gets a copy.
  ///   - path: where it was read.
  init(_ configuration: ClusterConfiguration, text: String, path: String) {
    self.init(
      cluster: configuration.name,
      file: text,
      fileName: path.split(separator: "/").last.map(String.init) ?? "vipd.yaml",
      nodes: configuration.nodes.map { Node(name: $0.name.rawValue, addresses: $0.addresses.map(\.description)) },
      trackers: configuration.trackers.map(Tracker.init),
      virtualRouters: configuration.virtualRouters.map(VirtualRouter.init))
  }
}

extension RehearsalPlan.Tracker {
  fileprivate init(_ tracker: ClusterConfiguration.Tracker) {
    let kind: Kind =
      switch tracker.kind {
      case .process(let check):
        switch check.match {
        case .name(let name): .process(name: name, count: check.minimumCount)
        case .commandLine: .other
        }
      case .script(let check):
        switch check.command {
        case .program(let path, let arguments): .program(path: path, arguments: arguments)
        case .shell(let command): .shell(command)
        }
      case .http(let check) where check.socket == nil && !check.isSecure: .service(port: check.service.port)
      case .tcp(let service): .service(port: service.port)
      case .docker(let check): .engine(socket: check.socket)
      case .swarm(let check): .engine(socket: check.socket)
      case .http, .unit, .file, .interface: .other
      }
    self.init(
      name: tracker.name.rawValue, kind: kind, interval: tracker.interval, timeout: tracker.timeout, rise: tracker.rise,
      fall: tracker.fall)
  }
}

extension RehearsalPlan.VirtualRouter {
  fileprivate init(_ router: ClusterConfiguration.VirtualRouter) {
    self.init(
      name: router.name.rawValue,
      addresses: router.addresses.map { virtual in
        RehearsalPlan.Address(
          virtual.address.address.description, prefixLength: virtual.address.prefixLength, interface: virtual.interface)
      },
      interval: router.interval.duration,
      members: router.members.map {
        RehearsalPlan.Member(node: $0.node.rawValue, priority: Int($0.priority.rawValue))
      },
      trackers: router.trackers.map { RehearsalPlan.TrackedBy(tracker: $0.tracker.rawValue, weight: $0.weight) },
      interface: router.interface,
      preemption: RehearsalPlan.Preemption(router.preemption))
  }
}

extension RehearsalPlan.Preemption {
  fileprivate init(_ preemption: Preemption) {
    switch preemption {
    case .immediate: self = .immediate
    case .rfc: self = .rfc
    case .never: self = .never
    case .after(let delay): self = .after(delay)
    }
  }
}
