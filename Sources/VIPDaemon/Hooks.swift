// `notify`: programs that are told of a virtual router's transitions, one after the other, on nobody's time: the address
// has long moved when the first one starts.

import ClusterConfiguration
import ControlAPI
import Dispatch
import HealthProbes
import Logging
import NetworkTypes
import Synchronization
import VRRP

/// Runs the hooks of all virtual routers. It needs neither the agent nor its loop, which end before the last transitions have
/// been told.
final class HookRunner: Sendable {
  private let queues = Mutex<[VRID: HookQueue]>([:])

  /// - Parameter complain: told what went wrong with a hook, from any thread.
  /// - Returns: Hooks that will not be run, since so many wait already.
  func add(_ hooks: [Hook], _ vrid: VRID, complain: @escaping @Sendable (Hook, String) -> Void) -> [Hook] {
    queues.withLock { queues in
      let queue = queues[vrid] ?? HookQueue(complain: complain)
      queues[vrid] = queue
      return queue.add(hooks)
    }
  }

  /// Returns when every hook so far has been run.
  func end() async {
    let ending = queues.withLock { queues in
      defer { queues = [:] }
      return Array(queues.values)
    }
    for queue in ending { await queue.end() }
  }
}

/// Runs the hooks of one virtual router in the order of its transitions, one at a time.
private final class HookQueue: Sendable {
  /// How long one program may take.
  private static let timeout = Duration.seconds(10)
  private static let host = TrackerHost(descriptors: DispatchWaiting())

  private let sink: AsyncStream<[Hook]>.Continuation
  private let worker: Task<Void, Never>

  init(complain: @escaping @Sendable (Hook, String) -> Void) {
    let (hooks, sink) = AsyncStream.makeStream(of: [Hook].self, bufferingPolicy: .bufferingNewest(HookRunner.depth))
    self.sink = sink
    worker = Task.detached {
      for await round in hooks {
        for hook in round {
          if let reason = await Self.host.run(hook, timeout: Self.timeout) { complain(hook, reason) }
        }
      }
    }
  }

  func add(_ hooks: [Hook]) -> [Hook] {
    if case .dropped(let lost) = sink.yield(hooks) { lost } else { [] }
  }

  func end() async {
    sink.finish()
    await worker.value
  }
}

extension HookRunner {
  /// So many transitions wait for slow programs; a newer one takes the place of the oldest.
  static let depth = 100
}

/// libdispatch's event loop.
private struct DispatchWaiting: DescriptorWaiting {
  private static let queue = DispatchQueue(label: "vipd.hooks", qos: .utility)

  /// Dispatch's own types are safe to use from anywhere, but do not say so.
  private struct Source: @unchecked Sendable {
    let source: any DispatchSourceRead
  }

  func untilReadable(_ descriptor: CInt) async throws {
    let source = Source(source: DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: Self.queue))
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        source.source.setEventHandler { source.source.cancel() }
        // Called when nothing refers to the descriptor any more.
        source.source.setCancelHandler { continuation.resume() }
        source.source.activate()
      }
    } onCancel: {
      source.source.cancel()
    }
    try Task.checkCancellation()
  }
}

extension FailoverAgent {
  /// Has the file's programs told of a transition.
  func notify(_ transition: Transition, _ configuration: VirtualRouterConfiguration, at now: Instant) {
    guard let entry = self.configuration.virtualRouters.first(where: { $0.vrid == configuration.vrid }),
      !entry.notify.isEmpty
    else { return }
    let notice = HookNotice(
      transition, configuration, cluster: self.configuration.name, node: setup.node.rawValue, at: now)
    let name = configuration.name
    let loop = loop
    let lost = hooks.add(entry.notify.map { notice.hook($0) }, configuration.vrid) { hook, reason in
      loop.execute { self.assumeIsolated { $0.complain(of: hook, reason, name) } }
    }
    for hook in lost { complain(of: hook, "not run: \(HookRunner.depth) transitions wait for slower programs", name) }
  }

  private func complain(of hook: Hook, _ reason: String, _ virtualRouter: String) {
    hookFailures += 1
    let message = "\(virtualRouter): notify \(hook.command[0]): \(reason)"
    logger.warning("\(message)")
    tell(.hook, message, virtualRouter: virtualRouter)
  }

  /// Returns when every hook of the transitions so far has been run.
  public nonisolated func hooksEnded() async { await hooks.end() }
}

/// What a hook is told, in its environment and as JSON on its standard input.
struct HookNotice: Codable, Sendable, Hashable {
  var time: String
  var cluster: String
  var node: String
  var virtualRouter: String
  var vrid: Int
  var addresses: [String]
  var from: VirtualRouterState
  var to: VirtualRouterState
  /// One sentence.
  var reason: String
  /// The other node that it has to do with, by its name, or its address where it has none; null where there is none.
  @ExplicitNull var peer: String?

  enum CodingKeys: String, CodingKey {
    case time, cluster, node, vrid, addresses, from, to, reason, peer
    case virtualRouter = "virtual_router"
  }

  init(
    _ transition: Transition, _ configuration: VirtualRouterConfiguration, cluster: String, node: String,
    at now: Instant
  ) {
    time = ControlEvent.wallClockNow()
    self.cluster = cluster
    self.node = node
    virtualRouter = configuration.name
    vrid = Int(configuration.vrid.rawValue)
    addresses = configuration.addresses.map(\.address.description)
    from = VirtualRouterState(transition.from)
    to = VirtualRouterState(transition.to)
    reason = Narration(configuration: configuration, now: now).cause(of: transition.reason)
    let other = transition.reason.otherRouter?.address
    peer = other.map { configuration.peer(at: $0)?.node ?? $0.description }
  }

  func hook(_ command: [String]) -> Hook {
    let environment = [
      "VIPD_CLUSTER": cluster, "VIPD_NODE": node, "VIPD_VIRTUAL_ROUTER": virtualRouter, "VIPD_VRID": "\(vrid)",
      "VIPD_ADDRESSES": addresses.joined(separator: " "), "VIPD_FROM": from.rawValue, "VIPD_STATE": to.rawValue,
      "VIPD_REASON": reason, "VIPD_PEER": peer ?? "",
    ]
    // Of plain text and numbers, which JSON takes.
    let json = (try? ControlJSON.compact(self)) ?? []
    return Hook(command, environment: environment, input: json + [UInt8(ascii: "\n")])
  }
}

extension Transition.Reason {
  /// The router that it names; nil where it names none.
  fileprivate var otherRouter: VRRP.ActiveRouter? {
    switch self {
    case .silence(let router), .relinquished(let router), .preemption(let router), .superseded(let router),
      .unheard(let router, _):
      router
    case .startup, .addressOwner, .nobodyHeard, .obstacle, .absence, .resumption: nil
    }
  }
}
