// The tree of a cluster file, read key by key into a draft. Here is what each key may say; what the keys must say to
// fit each other is in `ClusterChecks`.

import NetworkTypes
import VRRP

struct ClusterFileReader {
  var complaints: Complaints

  /// Checks are at least 10 ms and at most an hour apart.
  static let checkTimes: ClosedRange<Duration> = .milliseconds(10) ... .seconds(3600)

  /// Nil where there is not even a mapping at the top.
  mutating func file(_ root: YAMLNode) -> ClusterDraft? {
    guard let fields = fields(of: root, as: FileKey.self) else { return nil }
    var draft = ClusterDraft()
    if let entry = required(.cluster, in: fields), let text = text(entry, example: FileKey.cluster.example) {
      if name(text, of: "cluster").isGood { draft.name = text }
    }
    if let entry = required(.nodes, in: fields) {
      draft.nodesPosition = entry.keyPosition
      draft.nodes = mappings(entry, example: "nodes: [{name: swarm1, address: 10.0.10.31}]").compactMap { node($0) }
    }
    if let entry = fields[.trackers] { draft.trackers = trackers(entry) }
    if let entry = required(.virtualRouters, in: fields) {
      draft.virtualRoutersPosition = entry.keyPosition
      draft.virtualRouters = mappings(entry, example: FileKey.virtualRouters.example).compactMap { virtualRouter($0) }
    }
    if let entry = fields[.control] { draft.control = control(entry.value) }
    return draft
  }

  /// The elements of a list that may not be empty.
  private mutating func mappings(_ entry: YAMLEntry, example: String) -> [YAMLNode] {
    if case .mapping = entry.value.content {
      complaints.error(
        "'\(entry.key)' is a list: each of its entries begins with '- '", at: entry.value.position,
        hint: "for example: \(example)")
      return []
    }
    guard let elements = list(entry, example: example) else { return [] }
    if elements.isEmpty {
      complaints.error("'\(entry.key)' is empty", at: entry.value.position, hint: "for example: \(example)")
    }
    return elements
  }

  // MARK: Nodes

  private mutating func node(_ node: YAMLNode) -> NodeDraft? {
    guard let fields = fields(of: node, as: NodeKey.self) else { return nil }
    var draft = NodeDraft(position: node.position)
    if let entry = required(.name, in: fields) { draft.name = name(entry, of: "node", example: NodeKey.name.example) }
    if let entry = required(.address, in: fields) { draft.addresses = nodeAddresses(entry) }
    if let entry = fields[.priority] {
      draft.hasPriority = true
      draft.priority = integer(
        entry, in: 1...255, example: NodeKey.priority.example, hint: "1 to 254; 255 is the owner of the address"
      ).flatMap { number in
        Priority(rawValue: UInt8(clamping: number.value)).map { Located($0, at: number.position) }
      }
    }
    return draft
  }

  /// One address, or one of each family.
  private mutating func nodeAddresses(_ entry: YAMLEntry) -> [Located<IPAddress>] {
    let example = "address: [10.0.10.31, \"fd10::31\"]"
    let nodes: [YAMLNode]
    switch entry.value.content {
    case .sequence(let elements): nodes = elements
    case .scalar, .mapping: nodes = [entry.value]
    case .unusable: return []
    }
    if nodes.isEmpty {
      complaints.error("'address' is empty", at: entry.value.position, hint: "for example: \(example)")
    }
    var addresses: [Located<IPAddress>] = []
    for node in nodes {
      guard let text = text(node, "'address'", example: example), let address = nodeAddress(text) else { continue }
      if let other = addresses.first(where: { $0.value.family == address.value.family }) {
        complaints.error(
          "a node has at most one address of each family; \(address.value) stands beside \(other.value)",
          at: address.position, hint: "VRRP is spoken from one address; other addresses need not be named")
      } else {
        addresses.append(address)
      }
    }
    return addresses
  }

  private mutating func nodeAddress(_ text: Located<String>) -> Located<IPAddress>? {
    guard let address = IPAddress(text.value) else {
      let bare = text.value.split(separator: "/").first.flatMap { IPAddress($0) }
      complaints.error(
        "\(text.value.quoted) is not an IP address", at: text.position,
        hint: bare.map { "a node's address has no prefix length: write '\($0)'" }
          ?? Self.addressHint(text.value) ?? "for example 10.0.10.31 or fd10::31; host names are not looked up")
      return nil
    }
    guard address.isUnicast else {
      complaints.error("\(address) is not a unicast address, so no host can have it", at: text.position)
      return nil
    }
    guard !address.isLoopback else {
      complaints.error("\(address) is each host's own loopback; the other nodes can not reach it", at: text.position)
      return nil
    }
    return Located(address, at: text.position)
  }

  /// What is probably wrong with a text that is no address.
  static func addressHint(_ text: String) -> String? {
    let octets = text.split(separator: ".", omittingEmptySubsequences: false)
    if octets.count == 4, octets.contains(where: { $0.count > 1 && $0.first == "0" }) {
      return "leave out the leading zeros, which some tools read as octal"
    }
    if text.contains("%") { return "leave out the zone (%interface); the interface has its own key" }
    return nil
  }

  // MARK: Control

  private mutating func control(_ node: YAMLNode) -> ClusterConfiguration.Control {
    var control = ClusterConfiguration.Control()
    guard let fields = fields(of: node, as: ControlKey.self) else { return control }
    if let entry = fields[.socket], let text = text(entry, example: ControlKey.socket.example) {
      // sockaddr_un.sun_path holds 108 bytes, the last of which is 0.
      if !isAbsolutePath(text.value) {
        complaints.error("\(text.value.quoted) is not an absolute path of a socket", at: text.position)
      } else if text.value.utf8.count > 107 {
        complaints.error("the socket's path has \(text.value.utf8.count) bytes; Linux allows 107", at: text.position)
      } else {
        control.socket = text.value
      }
    }
    if let entry = fields[.listen], let text = text(entry, example: ControlKey.listen.example), text.value != "off" {
      if let endpoint = endpoint(text) { control.listen = endpoint }
    } else if fields[.listen] != nil {
      control.listen = nil
    }
    return control
  }

  private mutating func endpoint(_ text: Located<String>) -> ClusterConfiguration.Endpoint? {
    let parts = text.value.split(separator: ":", omittingEmptySubsequences: false)
    let port = parts.last.flatMap { $0.allSatisfy(\.isNumber) ? UInt16($0) : nil } ?? 0
    let host = parts.dropLast().joined(separator: ":")
    let bare = host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
    guard let address = IPAddress(bare), port > 0, (address.family == .ipv6) == (bare != host) else {
      complaints.error(
        "'listen' must be an address and a port, or 'off', not \(text.value.quoted)", at: text.position,
        hint: "for example 127.0.0.1:9112 or \"[::1]:9112\"")
      return nil
    }
    if !address.isLoopback, !address.isUnspecified {
      complaints.warn(
        "\(address) is at most one node's address, and this file is the same on all of them", at: text.position,
        hint: "loopback (127.0.0.1, ::1) or all addresses (0.0.0.0, ::) exist on every node")
    }
    return ClusterConfiguration.Endpoint(address: address, port: port)
  }
}

extension IPAddress {
  /// 0.0.0.0 or ::
  var isUnspecified: Bool { bytes.allSatisfy { $0 == 0 } }
}
