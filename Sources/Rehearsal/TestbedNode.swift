// One host of a test bed: its own network, processes, mounts, host name and `/run`.

import CLinux
import Glibc
import Synchronization

public final class TestbedNode: Sendable {
  public let name: String
  public let layout: TestbedLayout.Node

  let index: Int
  private let directory: String
  let journal: Journal
  private let controlGroup: ControlGroup?
  private let quickAddresses: Bool
  private let state: Mutex<State>

  private struct State {
    /// Nil while the host is dead.
    var holder: NamespaceHolder?
    /// How often the host has been started: part of the names of its ports on the wire, as the old ones linger.
    var generation = 0
    var processes: [NodeProcess] = []
    var logs = 0
    /// What must stop before the namespaces go.
    var instruments: [@Sendable () -> Void] = []
    /// The networks of its earlier lives.
    var remains: [Int32] = []
  }

  init(_ layout: TestbedLayout.Node, index: Int, quickAddresses: Bool, journal: Journal) throws(TestbedError) {
    name = layout.name
    self.layout = layout
    self.index = index
    self.journal = journal
    self.quickAddresses = quickAddresses
    directory = "\(journal.directory)/\(layout.name)"
    try Files.makeDirectory("\(directory)/log")
    controlGroup = try ControlGroup(named: "\(journal.identifier)-\(layout.name)", recordingIn: journal)
    state = Mutex(State())
  }

  // Files

  /// The node's `/run` as the rest of the machine sees it; a socket made in there can be connected to from outside.
  public var runDirectory: String { "\(directory)/run" }

  /// Writes a file below the node's `/run`, and returns its path as the node sees it.
  @discardableResult
  public func write(_ text: String, toRun relativePath: String) throws(TestbedError) -> String {
    let path = "\(runDirectory)/\(relativePath)"
    if let parent = Files.parent(of: path) { try Files.makeDirectory(parent) }
    try Files.write(text, to: path)
    return "/run/\(relativePath)"
  }

  // Programs

  /// Starts a program that goes on running; what it writes goes to a log file.
  @discardableResult
  public func spawn(
    _ program: String, _ arguments: [String] = [], environment: [String: String] = [:]
  ) throws(TestbedError) -> NodeProcess {
    let baseName = program.split(separator: "/").last.map(String.init) ?? program
    let number = state.withLock { state in
      state.logs += 1
      return state.logs
    }
    let logPath = "\(directory)/log/\(baseName)-\(number).log"
    let log = open(logPath, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard log >= 0 else { throw TestbedError("cannot write \(logPath)", errno: errno) }
    defer { close(log) }
    let null = open("/dev/null", O_RDONLY | O_CLOEXEC)
    defer { close(null) }
    let identifier = try start(program, arguments, environment, input: null, output: log)
    let process = NodeProcess(name: "\(baseName) on \(name)", process: identifier, logPath: logPath)
    state.withLock { $0.processes.append(process) }
    return process
  }

  /// Runs a program to its end, which must be near: this blocks.
  @discardableResult
  public func run(
    _ program: String, _ arguments: [String] = [], environment: [String: String] = [:], input: String = ""
  ) throws(TestbedError) -> CommandResult {
    try CommandRun.perform(program, input: input) { (standardInput, output) throws(TestbedError) in
      try start(program, arguments, environment, input: standardInput, output: output)
    }
  }

  private func start(
    _ program: String, _ arguments: [String], _ environment: [String: String], input: Int32, output: Int32
  ) throws(TestbedError) -> pid_t {
    let members = try controlGroup?.openMembers() ?? -1
    defer { if members >= 0 { close(members) } }
    let complete = CommandRun.environment.merging(environment) { $1 }
    return try living().start(
      program, arguments, environment: complete, members: members, input: input, output: output)
  }

  /// The programs that were started by `spawn`, dead ones included.
  public var processes: [NodeProcess] { state.withLock { $0.processes } }

  /// Whether it has power.
  public var isAlive: Bool { state.withLock { $0.holder != nil } }

  func living() throws(TestbedError) -> NamespaceHolder {
    guard let holder = state.withLock({ $0.holder }) else { throw TestbedError(name, cause: "this host is dead") }
    return holder
  }

  /// Stops all processes of the node at once, as a paused virtual machine's are; its kernel goes on answering.
  public func freeze() async throws {
    try stopAll()
    try await eventually("the processes of \(name) are frozen") { controlGroup?.isFrozen ?? true }
  }

  /// As `freeze`, but does not wait until the last one has stopped.
  func stopAll() throws(TestbedError) {
    guard let controlGroup else { return try living().signalAll(SIGSTOP) }
    try controlGroup.setFrozen(true)
  }

  public func thaw() throws(TestbedError) {
    guard let controlGroup else { return try living().signalAll(SIGCONT) }
    try controlGroup.setFrozen(false)
  }

  // Power

  /// The port on the wire that an interface is plugged into.
  func port(_ interface: Int) -> String { "p\(index)i\(interface)g\(state.withLock { $0.generation })" }

  /// Makes the namespaces. Nothing is plugged in yet.
  func powerOn() throws(TestbedError) -> NamespaceHolder {
    Files.removeTree(runDirectory)
    try Files.makeDirectory(runDirectory)
    let holder = try NamespaceHolder(
      kinds: NamespaceHolder.node, hostName: name, runDirectory: runDirectory, quickAddresses: quickAddresses,
      journal: journal)
    try? controlGroup?.setFrozen(false)
    state.withLock { state in
      state.holder = holder
      state.generation += 1
    }
    return holder
  }

  /// Has an instrument stopped, at the latest when the node goes: its thread would keep the namespace, and go on for ever.
  func beforePowerOff(_ stop: @escaping @Sendable () -> Void) { state.withLock { $0.instruments.append(stop) } }

  /// All processes die at once, and the namespaces with them. May be called again.
  ///
  /// - Parameter leavesNetwork: whether the network stays, unplugged, until the test bed is closed. The kernel holds a lock
  ///   while it takes one down, for which each change of an address waits, in whatever namespace: the others shall not pay
  ///   for that when they take over.
  func powerOff(leavesNetwork: Bool = false) {
    let (holder, processes, instruments) = state.withLock { state in
      defer {
        state.holder = nil
        state.processes = []
        state.instruments = []
      }
      return (state.holder, state.processes, state.instruments)
    }
    for stop in instruments { stop() }
    if leavesNetwork, let holder {
      let network = open("/proc/\(holder.process)/ns/net", O_RDONLY | O_CLOEXEC)
      if network >= 0 { state.withLock { $0.remains.append(network) } }
    }
    if let controlGroup { ControlGroup.kill(controlGroup.path) }
    holder?.end()
    // The kernel ends a PID namespace's first process only after all others have been waited for.
    for process in processes { process.waitBlocking() }
    holder?.reap()
    if !leavesNetwork { forgetEarlierNetworks() }
  }

  private func forgetEarlierNetworks() {
    let networks = state.withLock { state in
      defer { state.remains = [] }
      return state.remains
    }
    for network in networks { close(network) }
  }
}
