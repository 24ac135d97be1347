// One process that keeps a set of namespaces alive, and the ways into them.

import CLinux
import Glibc
import Synchronization

final class NamespaceHolder: Sendable {
  let process: pid_t
  /// A pidfd, by which others join.
  let descriptor: Int32
  private let kinds: Int32
  /// Closed once: by `end`.
  private let control: Mutex<Int32?>

  /// A network namespace alone, for the wire that connects the nodes.
  static let network = vipd_network_namespace
  /// All that makes a host of its own.
  static let node = vipd_node_namespaces

  /// - Parameters:
  ///   - runDirectory: becomes `/run` there.
  ///   - quickAddresses: whether IPv6 addresses are usable at once, without duplicate address detection.
  init(kinds: Int32, hostName: String?, runDirectory: String?, quickAddresses: Bool, journal: Journal)
    throws(TestbedError)
  {
    let subject = "cannot make the namespaces of \(hostName ?? "the wire")"
    var control: Int32 = -1
    let process = vipd_hold_namespaces(kinds, &control)
    guard process > 0 else { throw TestbedError(subject, errno: errno) }
    self.process = process
    self.kinds = kinds
    self.control = Mutex(control)
    descriptor = vipd_pidfd_open(process)
    // Until it is told to go on, the holder has made nothing that would need the journal.
    if let identity = ProcessIdentity(of: process) { try journal.record(.process(identity)) }
    var failure = vipd_failure()
    let result = vipd_prepare_namespaces(control, hostName, runDirectory, quickAddresses ? 1 : 0, &failure)
    guard result == 0, descriptor >= 0 else {
      let step = failure.step.map { String(cString: $0) } ?? "open a pidfd"
      end()
      throw TestbedError("\(subject): cannot \(step)", errno: failure.error)
    }
  }

  deinit {
    end()
    close(descriptor)
  }

  /// Starts a program in the namespaces.
  ///
  /// - Parameters:
  ///   - kinds: which of the namespaces it joins; all when nil.
  ///   - members: the open `cgroup.procs` of the control group that it joins.
  func start(
    _ program: String, _ arguments: [String], environment: [String: String], kinds: Int32? = nil, members: Int32 = -1,
    input: Int32, output: Int32
  ) throws(TestbedError) -> pid_t {
    var failure = vipd_failure()
    let process = program.withCString { path in
      withCStrings([program] + arguments) { arguments in
        withCStrings(environment.map { "\($0.key)=\($0.value)" }.sorted()) { environment in
          var command = vipd_command(
            holder: descriptor, kinds: kinds ?? self.kinds, control_group: members, program: path,
            arguments: arguments, environment: environment, input: input, output: output, error: output)
          return vipd_start_in_namespaces(&command, &failure)
        }
      }
    }
    guard process > 0 else { throw Self.notStarted(program, failure) }
    return process
  }

  private static func notStarted(_ program: String, _ failure: vipd_failure) -> TestbedError {
    let step = failure.step.map { String(cString: $0) } ?? "start it"
    let remedy = failure.error == ENOENT ? package(holding: program).map { "apt-get install \($0)" } : nil
    return TestbedError("\(program): cannot \(step)", errno: failure.error, remedy: remedy)
  }

  /// Runs `body` on a thread in the network namespace and hands over what it returns.
  func inNetwork<Result: Sendable>(_ body: @escaping @Sendable () -> Result) throws(TestbedError) -> Result {
    let holder = descriptor
    let outcome = Mutex<(entered: Int32, result: Result?)>((0, nil))
    let thread = try OwnThread(named: "vipd-visit") {
      let entered = vipd_enter_network(holder) == 0 ? 0 : errno
      let result = entered == 0 ? body() : nil
      outcome.withLock { $0 = (entered, result) }
    }
    thread.join()
    let (entered, result) = outcome.withLock { $0 }
    guard let result else { throw TestbedError("cannot enter a network namespace", errno: entered) }
    return result
  }

  /// A signal to all processes of the PID namespace but the holder.
  func signalAll(_ signal: Int32) throws(TestbedError) {
    var failure = vipd_failure()
    guard vipd_signal_namespace(descriptor, signal, &failure) == 0 else {
      throw TestbedError("cannot signal the processes of a node", errno: failure.error)
    }
  }

  /// Kills the holder, and with it everything that its PID namespace holds. The network namespace goes soon after.
  func end() {
    let last = control.withLock { descriptor in
      defer { descriptor = nil }
      return descriptor
    }
    guard let last else { return }
    close(last)
    kill(process, SIGKILL)  // our own child, not yet waited for: the id is still its own
  }

  /// Waits for the holder after `end`. Children of ours that were in its PID namespace must have been waited for before.
  func reap() {
    var status: Int32 = 0
    _ = vipd_reap(process, 1, &status)
  }
}

/// A thread that is joined, for what must happen on a thread of its own: being in another network namespace.
final class OwnThread: Sendable {
  private let handle: pthread_t
  private let joined = Atomic<Bool>(false)

  private final class Body: Sendable {
    let name: String
    let run: @Sendable () -> Void

    init(name: String, run: @escaping @Sendable () -> Void) {
      self.name = name
      self.run = run
    }
  }

  init(named name: String, _ run: @escaping @Sendable () -> Void) throws(TestbedError) {
    let body = Unmanaged.passRetained(Body(name: name, run: run))
    var handle = pthread_t()
    let failure = pthread_create(
      &handle, nil,
      { argument in
        guard let argument else { return nil }
        let body = Unmanaged<Body>.fromOpaque(argument).takeRetainedValue()
        vipd_name_thread(body.name)
        body.run()
        return nil
      }, body.toOpaque())
    guard failure == 0 else {
      body.release()
      throw TestbedError("cannot start a thread", errno: failure)
    }
    self.handle = handle
  }

  /// Waits for its end. May be called again.
  func join() {
    if !joined.exchange(true, ordering: .acquiringAndReleasing) { pthread_join(handle, nil) }
  }
}
