// Upgrade in place: this program is replaced by a newer one in the same process (execve), which goes on where this one was.
// Sockets stay open, addresses stay, and no peer hears anything but the next advertisement.
//
// The order: the cluster file is read again; the new program is tried on the side with all that it will inherit; the
// control server and the trackers end, while the loop goes on; the loop ends; the holder advertises once more, so that the
// new program has an interval to come up in; exec. Whatever fails before that last step leaves this program running.

import ControlAPI
import Glibc
import NetworkTypes
import VRRP
import VRRPWire

/// What one program leaves to the next in the same process.
public struct Inheritance: Codable, Sendable {
  /// Which node of the file this is.
  public var node: String
  public var sockets: ReceptionSockets
  var startedAt: Instant
  var upgrades: Int
  var memory: VRRPRouter.Memory
  var ledgers: [VRID: VirtualRouterLedger]
  var peers: [IPAddress: PeerLedger]
  var groupForms: [VRID: ChecksumForm]
  var strays: [DiscardReason: Int]
}

/// The program that is to take this one's place, and what of this one is not the agent's.
public protocol Successor: Sendable {
  /// Has the new program try to begin with this inheritance, as a process of its own that touches nothing.
  ///
  /// - Returns: Its version.
  /// - Throws: Why it would not start.
  func rehearse(_ inheritance: Inheritance) async throws(ControlFailure) -> String

  /// Ends what would be cut off by exec: the control server.
  func clearTheWay() async
}

extension FailoverAgent {
  /// Has a new program take this one's place. It begins when the answer is on its way; a program that would not start
  /// leaves this one running.
  public func upgrade() async -> Result<String, ControlFailure> {
    guard let successor = setup.successor else { return .failure(ControlFailure("vipd cannot replace itself here")) }
    guard !isStopping, !isHandingOver else { return .failure(ControlFailure("vipd is stopping")) }
    if case .failure(let failure) = await reload() { return .failure(failure) }
    do throws(ControlFailure) {
      let version = try await successor.rehearse(inheritance)
      guard !isStopping, !isHandingOver else { throw ControlFailure("vipd is stopping") }
      isHandingOver = true
      logger.notice("handing over to \(version)")
      Task { await leave(to: successor) }
      return .success("\(version) takes over in process \(getpid())")
    } catch {
      logger.error("\(error.error)")
      tell(.daemon, error.error)
      return .failure(error)
    }
  }

  private func leave(to successor: any Successor) async {
    await successor.clearTheWay()
    for tracker in trackerTasks.values { tracker.task.cancel() }
    await trackersEnded()
    trackerTasks = [:]
    await hooksEnded()
    // A stop that was asked for meanwhile goes first.
    if isStopping { isHandingOver = false } else { loop.stop() }
  }

  /// The last thing that this program does: on the VRRP thread, when the loop has ended for ``isHandingOver``.
  public func leaveInheritance() -> Inheritance {
    process(.affirm, at: Instant.now())
    return inheritance
  }

  /// Goes on after all.
  public func inheritanceRefused(because reason: String) {
    isHandingOver = false
    logger.error("\(reason); this program goes on")
    tell(.daemon, "\(reason); this program goes on")
    startTrackers()
    rearm()
  }

  private var inheritance: Inheritance {
    Inheritance(
      node: setup.node.rawValue, sockets: host.receptionSockets, startedAt: startedAt, upgrades: upgrades,
      memory: router.memory,
      ledgers: ledgers, peers: peers, groupForms: groupForms, strays: strays)
  }

  /// The books of the program before; what it held is still installed, by the kernel's word.
  func inherit(_ inheritance: Inheritance, at now: Instant) {
    upgrades = inheritance.upgrades + 1
    ledgers.merge(inheritance.ledgers) { _, inherited in inherited }
    peers = inheritance.peers
    groupForms = inheritance.groupForms
    strays = inheritance.strays
    let ours = Set(
      interfaces.flatMap { interface in
        interface.addresses.filter(\.isOurs).map {
          AddressPlacement(address: $0.address, interfaceIndex: interface.index)
        }
      })
    for member in router.members where member.router.state.name == .active {
      let configuration = member.router.configuration
      let places = (placements[configuration.vrid]?.carrying ?? [:]).map { ($0.key, $0.key.placed(on: $0.value)) }
      installed[configuration.vrid] = Dictionary(uniqueKeysWithValues: places.filter { ours.contains($0.1) })
    }
  }
}
