// What a rehearsal does to a node, and what of it each virtual router is shown.

/// Done to the node that holds the addresses, and mended again.
public enum RehearsalFault: Sendable, Hashable {
  /// The HTTP service on that port dies; these trackers ask it.
  case serviceKilled(port: UInt16, trackers: [String])
  /// The processes of that name die; these trackers look for them.
  case processKilled(name: String, trackers: [String])
  /// The container engine at that socket dies; these trackers ask it.
  case engineKilled(socket: String, trackers: [String])
  /// vipd gets SIGTERM.
  case daemonStopped
  case hostKilled
  case linkCut

  /// What happens, in words that go before "on swarm1".
  public var happening: String {
    switch self {
    case .serviceKilled(let port, let trackers): "\(trackers.joined(separator: ", ")): service on port \(port) killed"
    case .processKilled(let name, let trackers): "\(trackers.joined(separator: ", ")): \(name) killed"
    case .engineKilled(_, let trackers): "\(trackers.joined(separator: ", ")): container engine killed"
    case .daemonStopped: "vipd stopped"
    case .hostKilled: "host killed"
    case .linkCut: "link cut"
    }
  }

  /// And what mends it.
  public var mending: String {
    switch self {
    case .serviceKilled(let port, _): "service on port \(port) back"
    case .processKilled(let name, _): "\(name) back"
    case .engineKilled: "container engine back"
    case .daemonStopped: "vipd started"
    case .hostKilled: "host booted"
    case .linkCut: "link restored"
    }
  }

  /// By which `--only` selects it.
  public var keyword: Keyword {
    switch self {
    case .serviceKilled: .service
    case .processKilled: .process
    case .engineKilled: .engine
    case .daemonStopped: .stop
    case .hostKilled: .host
    case .linkCut: .link
    }
  }

  public enum Keyword: String, Sendable, Hashable, CaseIterable {
    case service
    case process
    case engine
    case stop
    case host
    case link
  }
}

extension RehearsalPlan {
  /// What a check asks, as far as its words tell.
  enum Subject: Hashable {
    /// A service on this host, at that port.
    case service(port: UInt16)
    /// Whether processes of that name live.
    case process(name: String, count: Int)
    /// A container engine.
    case engine(socket: String)
    /// Something that a rehearsal has no part in.
    case unknown
  }

  /// The faults that concern a virtual router: of its trackers first, then of the whole node.
  func faults(of router: VirtualRouter) -> [RehearsalFault] {
    var services: [(port: UInt16, trackers: [String])] = []
    var processes: [(name: String, trackers: [String])] = []
    var engines: [(socket: String, trackers: [String])] = []
    for tracker in router.trackers.compactMap({ tracker(named: $0.tracker) }) {
      switch tracker.kind.subject {
      case .service(let port):
        let index = services.firstIndex { $0.port == port } ?? services.endIndex
        if index == services.endIndex { services.append((port, [])) }
        services[index].trackers.append(tracker.name)
      case .process(let name, _):
        let index = processes.firstIndex { $0.name == name } ?? processes.endIndex
        if index == processes.endIndex { processes.append((name, [])) }
        processes[index].trackers.append(tracker.name)
      case .engine(let socket):
        let index = engines.firstIndex { $0.socket == socket } ?? engines.endIndex
        if index == engines.endIndex { engines.append((socket, [])) }
        engines[index].trackers.append(tracker.name)
      case .unknown: break
      }
    }
    return services.map { .serviceKilled(port: $0.port, trackers: $0.trackers) }
      + processes.map { .processKilled(name: $0.name, trackers: $0.trackers) }
      + engines.map { .engineKilled(socket: $0.socket, trackers: $0.trackers) }
      + [.daemonStopped, .hostKilled, .linkCut]
  }

  /// The port on which a virtual router's clients ask: that of the service which its trackers look at.
  func servicePort(of router: VirtualRouter) -> UInt16 {
    for case .service(let port) in router.trackers.compactMap({ tracker(named: $0.tracker)?.kind.subject }) {
      return port
    }
    return 80
  }
}

extension RehearsalPlan.Tracker.Kind {
  var subject: RehearsalPlan.Subject {
    switch self {
    case .process(let name, let count): return .process(name: name, count: count)
    case .service(let port): return .service(port: port)
    case .engine(let socket): return .engine(socket: socket)
    case .other: return .unknown
    case .program(let path, let arguments):
      let name = path.split(separator: "/").last.map(String.init) ?? path
      return Self.subject(ofProgram: name, arguments)
    case .shell(let command):
      let words = command.split(whereSeparator: \.isWhitespace).map { String($0.filter { !"\"'".contains($0) }) }
      let name = words.first?.split(separator: "/").last.map(String.init) ?? ""
      let port = StandIn.servicePort(in: words)
      return port.map { .service(port: $0) } ?? Self.subject(ofProgram: name, Array(words.dropFirst()))
    }
  }

  private static func subject(ofProgram name: String, _ arguments: [String]) -> RehearsalPlan.Subject {
    switch name {
    case "pgrep", "pidof", "killall":
      guard let process = arguments.last(where: { !$0.hasPrefix("-") }) else { return .unknown }
      return .process(name: process, count: 1)
    case "systemctl", "test", "true", "false", "[": return .unknown
    default: return .service(port: StandIn.servicePort(in: arguments) ?? 80)
    }
  }
}
