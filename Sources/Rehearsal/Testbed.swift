// A throw-away cluster on this machine: each node is a set of namespaces, bridges connect them, and a client sends
// traffic from beside them. It serves `vipctl rehearse`, the system tests and the benchmarks.
//
// Nothing of it can be seen from the host's own network, and nothing outlives it: see Journal.swift.

import Glibc
import Synchronization

public final class Testbed: Sendable {
  public let nodes: [TestbedNode]
  /// Where the traffic comes from.
  public let client: TestbedNode
  /// Unique on this machine: names everything that belongs to this test bed.
  public var identifier: String { journal.identifier }

  private let journal: Journal
  private let wire: Wire

  /// Makes the namespaces and wires them. Removes first what dead test beds have left behind.
  public init(_ layout: TestbedLayout = .lan()) throws(TestbedError) {
    guard geteuid() == 0 else {
      throw TestbedError("cannot make network namespaces", cause: "not root", remedy: "run it with sudo")
    }
    let journal = try Journal()
    self.journal = journal
    do throws(TestbedError) {
      let wire = try Wire(networks: layout.networks, journal: journal)
      self.wire = wire
      var made: [TestbedNode] = []
      do throws(TestbedError) {
        for (index, node) in (layout.nodes + [layout.client]).enumerated() {
          let quick = !layout.duplicateAddressDetection
          made.append(try TestbedNode(node, index: index, quickAddresses: quick, journal: journal))
          try wire.connect(made[index], try made[index].powerOn())
        }
      } catch {
        for node in made { node.powerOff() }
        wire.end()
        throw error
      }
      client = made.removeLast()
      nodes = made
    } catch {
      journal.undo()
      throw error
    }
  }

  deinit { close() }

  /// Runs `body` with a test bed that is gone afterwards, whatever happens.
  @discardableResult
  public static func with<Result>(
    _ layout: TestbedLayout = .lan(), _ body: (Testbed) async throws -> Result
  ) async throws -> Result {
    let testbed = try Testbed(layout)
    defer { testbed.close() }
    return try await body(testbed)
  }

  /// A node by its name, which must be one of the layout's.
  public subscript(_ name: String) -> TestbedNode {
    guard let node = (nodes + [client]).first(where: { $0.name == name }) else {
      preconditionFailure("the test bed has no node \(name)")
    }
    return node
  }

  /// Kills all processes and removes everything. May be called again.
  public func close() {
    for node in [client] + nodes { node.powerOff() }
    wire.end()
    journal.undo()
  }
}

// Faults. Where no interface is named, all of the node's interfaces are meant.
extension Testbed {
  /// Pulls the cable: carrier is lost.
  public func cutLink(of node: TestbedNode, interface: String? = nil) throws(TestbedError) {
    for number in try interfaces(of: node, interface) { try wire.setCarrier(node, interface: number, false) }
  }

  public func restoreLink(of node: TestbedNode, interface: String? = nil) throws(TestbedError) {
    for number in try interfaces(of: node, interface) { try wire.setCarrier(node, interface: number, true) }
  }

  /// Takes all of the node's interfaces out: they are gone, with everything on them.
  public func unplug(_ node: TestbedNode) throws(TestbedError) {
    for interface in node.layout.interfaces {
      let result = try node.run("ip", ["link", "del", interface.name])
      guard result.status.isSuccess else { throw TestbedError("\(node.name): \(interface.name)", cause: result.output) }
    }
  }

  /// Puts new ones in, with the same names and the node's own addresses.
  public func plug(_ node: TestbedNode) throws(TestbedError) { try wire.connect(node, try node.living()) }

  /// Cuts the node off from all others while its carrier stays.
  public func partition(_ node: TestbedNode, interface: String? = nil) throws(TestbedError) {
    for number in try interfaces(of: node, interface) { try wire.setForwarding(node, interface: number, false) }
  }

  public func heal(_ node: TestbedNode, interface: String? = nil) throws(TestbedError) {
    for number in try interfaces(of: node, interface) { try wire.setForwarding(node, interface: number, true) }
  }

  /// Lets nothing through from one node to another, while the other direction works.
  public func block(from sender: TestbedNode, to receiver: TestbedNode) throws(TestbedError) {
    let directions = Self.directions(from: sender, to: receiver)
    try wire.change { $0.blocked.formUnion(directions) }
  }

  public func unblock(from sender: TestbedNode, to receiver: TestbedNode) throws(TestbedError) {
    let directions = Self.directions(from: sender, to: receiver)
    try wire.change { $0.blocked.subtract(directions) }
  }

  /// Hides two nodes from each other, while others reach both.
  public func separate(_ one: TestbedNode, _ other: TestbedNode) throws(TestbedError) {
    let directions = Self.directions(from: one, to: other).union(Self.directions(from: other, to: one))
    try wire.change { $0.blocked.formUnion(directions) }
  }

  public func reunite(_ one: TestbedNode, _ other: TestbedNode) throws(TestbedError) {
    let directions = Self.directions(from: one, to: other).union(Self.directions(from: other, to: one))
    try wire.change { $0.blocked.subtract(directions) }
  }

  /// Loses so many of a hundred advertisements, at random, on all ways; 0 ends it.
  public func loseAdvertisements(percent: Int) throws(TestbedError) {
    try wire.change { $0.advertisementLoss = percent }
  }

  /// Cuts the power: the link goes, then all processes at once. The kernel could otherwise go on answering for the host.
  public func killHost(_ node: TestbedNode) throws(TestbedError) {
    try cutLink(of: node)
    node.powerOff(leavesNetwork: true)
  }

  /// Starts the host again, with nothing but its own addresses: no processes, an empty `/run`, and new links, to which no
  /// earlier `block` or `separate` applies.
  public func bootHost(_ node: TestbedNode) throws(TestbedError) {
    guard !node.isAlive else { throw TestbedError(node.name, cause: "this host is already up") }
    try wire.connect(node, try node.powerOn())
  }

  private func interfaces(of node: TestbedNode, _ name: String?) throws(TestbedError) -> [Int] {
    let numbers = node.layout.interfaces.indices.filter { name == nil || node.layout.interfaces[$0].name == name }
    guard !numbers.isEmpty else { throw TestbedError(node.name, cause: "has no interface \(name ?? "at all")") }
    return numbers
  }

  private static func directions(from sender: TestbedNode, to receiver: TestbedNode) -> Set<WireFilter.Direction> {
    let senders = sender.layout.interfaces.indices.map(sender.port)
    let receivers = receiver.layout.interfaces.indices.map(receiver.port)
    return Set(senders.flatMap { from in receivers.map { WireFilter.Direction(from: from, to: $0) } })
  }
}
