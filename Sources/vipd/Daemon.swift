// The composition root: reads the file, opens what needs privileges, drops them, joins the kernel's side with the
// deciding side, and lends the main thread to the VRRP loop.
//
// The order matters. Sockets and the scheduling class are had while still root; privileges go before any thread exists,
// since the kernel keeps them for each thread apart; the control server, on threads of its own, comes last.

import ClusterConfiguration
import ControlAPI
import Glibc
import LinuxNetwork
import Logging
import NetworkTypes
import VIPDaemon

/// Why the daemon could not start: the words, and an exit status of sysexits(3) that a supervisor can tell apart.
struct StartFailure: Error {
  var words: String
  var status: Int32

  /// The file is wrong: starting again will not help.
  static func configuration(_ words: String) -> StartFailure { StartFailure(words: words, status: 78) }
  /// The host refused something; that may pass.
  static func host(_ words: String) -> StartFailure { StartFailure(words: words, status: hostStatus) }
  static let hostStatus: Int32 = 71
}

struct Daemon {
  private let file: String
  private let nodeOption: String?
  private let controlOption: String?
  private let isTrial: Bool
  private let logger: Logger

  init(_ options: Vipd) {
    file = options.config
    nodeOption = options.node
    controlOption = options.control
    isTrial = options.trial
    logger = StandardErrorLog.logger(level: options.logLevel)
  }

  /// Runs until a signal ends it.
  ///
  /// - Returns: The process's exit status.
  func run() -> Int32 {
    do throws(StartFailure) {
      if isTrial { return try rehearse() }
      return operate(try assemble(Estate.take()))
    } catch {
      logger.critical("\(error.words)")
      return error.status
    }
  }

  private struct Parts {
    var loop: VRRPLoop
    var agent: FailoverAgent
    var signals: SignalDescriptor
    var control: ControlSocket
    var listen: String?
    var authority: ControlAuthority
    var drainFile: DrainFile?
    var historyFile: HistoryFile?
    var succession: Succession
  }

  /// Whether this program could start, and take over what a running one would leave to it. Touches nothing.
  private func rehearse() throws(StartFailure) -> Int32 {
    let loaded = try load()
    do {
      let inheritance = try ControlJSON.decode(Inheritance.self, from: standardInput())
      guard heir(of: inheritance, in: loaded.cluster) != nil else {
        throw StartFailure.configuration("\(file): it has no node \(inheritance.node)")
      }
    } catch let failure as StartFailure {
      throw failure
    } catch {
      throw StartFailure.host(
        "vipd \(vipdVersion) does not understand what the running program would leave to it: \(error)")
    }
    print("vipd \(vipdVersion)")
    return 0
  }

  private func standardInput() -> [UInt8] {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while case let count = read(0, &buffer, buffer.count), count > 0 { bytes += buffer[..<count] }
    return bytes
  }

  private func heir(of inheritance: Inheritance, in cluster: ClusterConfiguration) -> NodeName? {
    cluster.nodes.map(\.name).first { $0.rawValue == inheritance.node }
  }

  private func inheritance(of estate: Estate?) -> Inheritance? {
    do {
      return try estate?.inheritance()
    } catch {
      logger.error("what the program before has left is not understood, so this one begins anew: \(error)")
      return nil
    }
  }

  private func assemble(_ estate: Estate?) throws(StartFailure) -> Parts {
    let loaded = try load()
    let signals = try SignalDescriptor.open()
    let inheritance = inheritance(of: estate)
    let host = try openHost(inheriting: inheritance?.sockets)
    let node = try findNode(of: loaded.cluster, on: host, inheriting: inheritance)
    let identity = try Privileges.identity()
    let control = try openControl(loaded.cluster.control, identity, inheriting: estate?.control)
    let drainFile =
      estate?.drain.map { DrainFile(adopting: $0, beside: control.path) } ?? openDrainFile(beside: control.path)
    let historyFile = openHistory(beside: control.path, inheriting: estate?.history)
    let succession = Succession()
    RealTime.request(logger)
    try Privileges.drop(to: identity, keeping: engineGroups(of: loaded.cluster))
    if identity.isChange, identity.name != "vipd" {
      logger.warning(
        "there is no user vipd; running as \(identity.name), like anybody else's leftovers (adduser --system --group vipd)"
      )
    }
    warnOfUnreadableFile()
    Descriptors.reserve()
    do {
      let loop = try VRRPLoop()
      let setup = FailoverAgent.Setup(
        file: file, configuration: loaded, node: node, version: vipdVersion, logger: logger,
        drainMemory: drainFile, history: historyFile, watchdog: ServiceManager.watchdog, successor: succession,
        inheritance: inheritance)
      let agent = FailoverAgent(setup, loop: loop, host: host)
      return Parts(
        loop: loop, agent: agent, signals: signals, control: control,
        listen: loaded.cluster.control.listen?.description,
        authority: ControlAuthority(owner: identity.isService ? nil : identity.user), drainFile: drainFile,
        historyFile: historyFile, succession: succession)
    } catch {
      throw .host("\(error)")
    }
  }

  private func operate(_ parts: Parts) -> Int32 {
    let agent = parts.agent
    let signals = parts.signals
    let logger = logger
    do {
      try parts.loop.watch(signals.number) {
        while let signal = signals.next() { agent.assumeIsolated { $0.signalled(signal) } }
      }
      try agent.assumeIsolated { agent throws in try agent.start() }
    } catch {
      logger.critical("\(error)")
      return StartFailure.hostStatus
    }
    let server = runUntilStopped(parts)
    ServiceManager.notify("STOPPING=1")
    Patience.wait(atMost: .milliseconds(1000)) { await server?.stop() }
    Patience.wait(atMost: .milliseconds(500)) { await agent.trackersEnded() }
    // The last transitions are told too, but a program that hangs does not keep vipd.
    Patience.wait(atMost: .milliseconds(2000)) { await agent.hooksEnded() }
    parts.historyFile?.flush()
    return 0
  }
}

// MARK: - Steps

extension Daemon {
  /// - Returns: the control server, which still runs.
  private func runUntilStopped(_ parts: Parts) -> ControlServer? {
    while true {
      let server = startControl(parts)
      parts.succession.server.withLock { $0 = server }
      ServiceManager.notify("READY=1\nSTATUS=node \(parts.agent.node)")
      parts.loop.run()
      guard let inheritance = parts.agent.assumeIsolated({ $0.isHandingOver ? $0.leaveInheritance() : nil }) else {
        return server
      }
      let refusal = parts.succession.succeed(
        inheritance, control: parts.control, drain: parts.drainFile?.descriptor,
        history: parts.historyFile?.descriptor)
      parts.agent.assumeIsolated { $0.inheritanceRefused(because: refusal) }
    }
  }

  private func load() throws(StartFailure) -> LoadedConfiguration {
    do throws(ControlFailure) {
      let loaded = try LoadedConfiguration(contentsOf: file)
      for warning in loaded.warnings { logger.warning("\(warning)") }
      return loaded
    } catch {
      throw .configuration(error.error)
    }
  }

  private func openHost(inheriting sockets: ReceptionSockets?) throws(StartFailure) -> LinuxHost {
    do throws(HostNetworkFailure) {
      return try LinuxHost(inheriting: sockets)
    } catch {
      throw .host("\(error)")
    }
  }

  private func openDrainFile(beside socket: String) -> DrainFile? {
    do throws(ControlFailure) {
      return try DrainFile(beside: socket)
    } catch {
      logger.warning("a drain will not outlive a restart: \(error)")
      return nil
    }
  }

  private func openHistory(beside socket: String, inheriting descriptor: CInt?) -> HistoryFile? {
    let logger = logger
    let complain: @Sendable (String) -> Void = { logger.warning("\($0)") }
    if let descriptor { return HistoryFile(adopting: descriptor, beside: socket, complain: complain) }
    do throws(ControlFailure) {
      return try HistoryFile(beside: socket, complain: complain)
    } catch {
      logger.warning("the history will not outlive a restart: \(error)")
      return nil
    }
  }

  /// The groups that may talk to the Engines which the file has trackers ask.
  private func engineGroups(of cluster: ClusterConfiguration) -> [gid_t] {
    let sockets = Set(cluster.trackers.compactMap(\.kind.engineSocket))
    return sockets.sorted().compactMap { socket in
      var status = stat()
      if stat(socket, &status) == 0 { return status.st_gid }
      // dockerd may not have been started yet.
      return getgrnam("docker")?.pointee.gr_gid
    }
  }

  /// The node that was named; else the one whose address this host holds; else, where the network is not up yet, the one
  /// that bears the host's name.
  private func findNode(
    of cluster: ClusterConfiguration, on host: LinuxHost, inheriting inheritance: Inheritance?
  ) throws(StartFailure) -> NodeName {
    if let known = inheritance.flatMap({ heir(of: $0, in: cluster) }) { return known }
    if let nodeOption {
      guard let name = NodeName(nodeOption), cluster.node(named: name) != nil else {
        let known = cluster.nodes.map(\.name.rawValue).joined(separator: ", ")
        throw .configuration("--node \(nodeOption): the file has no such node; it has \(known)")
      }
      return name
    }
    let held: Set<IPAddress>
    do throws(HostNetworkFailure) {
      held = Set(try host.interfaces().flatMap { $0.addresses.map(\.address.address) })
    } catch {
      throw .host("\(error)")
    }
    do throws(NodeSearchError) {
      return try cluster.node(holding: held).name
    } catch {
      if case .noneFits = error, let name = NodeName(hostName()), cluster.node(named: name) != nil {
        logger.notice("this host holds no node's address yet; its name says that it is \(name)")
        return name
      }
      switch error {
      // Its address may be on its way; the supervisor tries again.
      case .noneFits: throw .host("\(file): \(error)")
      case .severalFit: throw .configuration("\(file): \(error)")
      }
    }
  }

  private func hostName() -> String {
    var buffer = [CChar](repeating: 0, count: 256)
    guard gethostname(&buffer, buffer.count - 1) == 0 else { return "" }
    let name = buffer.prefix { $0 != 0 && $0 != CChar(UInt8(ascii: ".")) }.map { UInt8(bitPattern: $0) }
    return String(decoding: name, as: UTF8.self)
  }

  private func openControl(
    _ control: ClusterConfiguration.Control, _ identity: Privileges.Identity, inheriting descriptor: CInt?
  ) throws(StartFailure) -> ControlSocket {
    let path = controlOption ?? control.socket
    do throws(ControlSocketFailure) {
      if let descriptor { return try ControlSocket(adopting: descriptor, path: path) }
      return try ControlSocket.bind(
        path: path, owner: identity.isChange ? (0, identity.group) : nil)
    } catch {
      throw .host("\(error)")
    }
  }

  /// A port that is taken is told, and no reason to go without the Unix socket, or to let an address fall.
  private func startControl(_ parts: Parts) -> ControlServer? {
    for endpoint in [parts.listen, nil] {
      do throws(ControlServerFailure) {
        // A copy: the server closes its own when it stops, and a program after this one may need the other.
        return try ControlServer.start(
          socket: parts.control.duplicated() ?? parts.control, listen: endpoint, source: parts.agent, logger: logger,
          authority: parts.authority, descriptors: Descriptors.spare)
      } catch {
        logger.error("\(error)")
      }
    }
    return nil
  }

  /// A reload happens without root's rights: better told now than at the first reload.
  private func warnOfUnreadableFile() {
    guard access(file, R_OK) != 0 else { return }
    logger.warning(
      "\(file): not readable by the user that vipd runs as, so a reload will fail (chgrp vipd, chmod 0640)")
  }
}

extension FailoverAgent {
  fileprivate func signalled(_ signal: Int32) {
    switch signal {
    case SIGHUP: reloadAsked()
    case SIGINT: stop(because: "SIGINT")
    default: stop(because: "SIGTERM")
    }
  }
}
