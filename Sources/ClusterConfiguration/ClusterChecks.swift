// What the parts of a cluster file must say to fit each other. Each check looks at all of the draft and complains about
// everything that it finds, at the place that is to be changed.

import NetworkTypes
import VRRP

struct ClusterChecks {
  let draft: ClusterDraft
  var complaints: Complaints
  /// After so many misspelt names in one list we stop guessing what was meant.
  private static let mostSuggestions = 50

  init(draft: ClusterDraft, complaints: Complaints) {
    self.draft = draft
    self.complaints = complaints
  }

  mutating func run() {
    guard isOfReasonableSize() else { return }
    checkNodes()
    checkPriorities()
    checkUniqueVirtualRouters()
    checkUniqueAddresses()
    for router in draft.virtualRouters {
      checkMembers(of: router)
      checkTrack(of: router)
      checkFamilies(of: router)
      checkNetworks(of: router)
      checkVersion(of: router)
      checkGroup(of: router)
      checkPreemption(of: router)
    }
    checkUnusedTrackers()
  }

  /// Beyond these numbers a file is a mistake or an attack, and the checks would only take long.
  private mutating func isOfReasonableSize() -> Bool {
    let lists = [
      ("nodes", draft.nodes.map(\.position), PriorityRules.mostNodes),
      ("trackers", draft.trackers.map(\.name.position), PriorityRules.mostTrackers),
      ("virtual routers", draft.virtualRouters.map(\.position), PriorityRules.mostVirtualRouters),
    ]
    for (what, positions, most) in lists where positions.count > most {
      complaints.error(
        "\(positions.count) \(what) are more than the \(most) that a cluster may have", at: positions[most])
    }
    return lists.allSatisfy { $1.count <= $2 }
  }

  // MARK: Nodes

  private mutating func checkNodes() {
    complainOfRepetition(of: draft.nodes.compactMap(\.name).map { Located($0.text, at: $0.position) }, "node")
    var holders: [IPAddress: Located<String>] = [:]
    for node in draft.nodes {
      for address in node.addresses {
        if let first = holders[address.value] {
          complaints.error(
            "\(address.value) is the address of \(first.value) already (line \(first.position.line))",
            at: address.position)
        } else {
          holders[address.value] = Located(node.displayName, at: address.position)
        }
      }
    }
    if draft.nodes.count == 1 {
      complaints.warn(
        "there is one node only, so nothing can take an address over", at: draft.nodesPosition,
        hint: "list all nodes: the same file goes to each of them")
    }
  }

  private mutating func checkPriorities() {
    let given = draft.nodes.filter(\.hasPriority)
    if given.isEmpty {
      if draft.nodes.count > PriorityRules.mostImplicitPriorities {
        complaints.error(
          "priorities that are left out go from 250 down in steps of 10, which is enough for "
            + "\(PriorityRules.mostImplicitPriorities) nodes, not for \(draft.nodes.count)",
          at: draft.nodesPosition, hint: "give every node a priority")
      }
      return
    }
    for node in draft.nodes where !node.hasPriority {
      complaints.error(
        "\(node.displayName) has no priority, but \(given[0].displayName) has",
        at: node.name?.position ?? node.position, hint: "give every node a priority, or none of them")
    }
    let owners = draft.nodes.filter { $0.priority?.value == .addressOwner }
    for (index, owner) in owners.enumerated() {
      guard let priority = owner.priority else { continue }
      if index == 0 {
        complaints.warn(
          "255 makes this node the address owner: trackers never lower it, and it always takes the address back",
          at: priority.position, hint: "use 254 or less")
      } else {
        complaints.error(
          "255 means the one owner of the address, and \(owners[0].displayName) has it already",
          at: priority.position, hint: "use 254 or less")
      }
    }
  }

  // MARK: Trackers

  private mutating func checkUnusedTrackers() {
    let known = Set(draft.trackers.map(\.name.text))
    let used = Set(draft.virtualRouters.flatMap(\.track).map(\.value))
    let misspelt = used.subtracting(known).sorted().prefix(Self.mostSuggestions)
    for tracker in draft.trackers where !used.contains(tracker.name.text) {
      // A misspelt use was complained about, and is a use.
      guard NearestWord.to(tracker.name.text, among: misspelt) == nil else { continue }
      complaints.warn(
        "nothing uses the tracker \(tracker.name.text.quoted)", at: tracker.name.position,
        hint: "add it to the 'track' list of a virtual router")
    }
  }

  // MARK: Uniqueness

  private mutating func checkUniqueVirtualRouters() {
    complainOfRepetition(
      of: draft.virtualRouters.compactMap(\.name).map { Located($0.text, at: $0.position) }, "virtual router")
    var routers: [VRID: VirtualRouterDraft] = [:]
    for router in draft.virtualRouters {
      guard let vrid = router.vrid else { continue }
      if let first = routers[vrid.value] {
        complaints.error(
          "VRID \(vrid.value) is that of \(first.displayName) already (line \(first.vrid?.position.line ?? 0))",
          at: vrid.position, hint: freeVRID.map { "VRID \($0) is free in this file" })
      } else {
        routers[vrid.value] = router
      }
    }
  }

  private var freeVRID: UInt8? {
    let taken = Set(draft.virtualRouters.compactMap { $0.vrid?.value.rawValue })
    return (1...255).first { !taken.contains($0) }
  }

  private mutating func checkUniqueAddresses() {
    let nodes = Dictionary(
      draft.nodes.flatMap { node in node.addresses.map { ($0.value, node) } }, uniquingKeysWith: { first, _ in first })
    var places: [IPAddress: SourcePosition] = [:]
    for address in draft.virtualRouters.flatMap(\.addresses) {
      let bare = address.value.address.address
      if let node = nodes[bare] {
        complaints.error(
          "\(bare) is the address of node \(node.displayName); a virtual address is nobody's own",
          at: address.position, hint: "choose an address of the network that no host has")
      } else if let first = places[bare] {
        complaints.error("\(bare) is a virtual address already (line \(first.line))", at: address.position)
      } else {
        places[bare] = address.position
      }
    }
  }

  private mutating func complainOfRepetition(of names: [Located<String>], _ what: String) {
    var lines: [String: Int] = [:]
    for name in names {
      if let line = lines[name.value] {
        complaints.error("a second \(what) is named \(name.value.quoted) (the first: line \(line))", at: name.position)
      } else {
        lines[name.value] = name.position.line
      }
    }
  }

  // MARK: One virtual router

  /// The nodes that take part.
  private func members(of router: VirtualRouterDraft) -> [NodeDraft] {
    guard let names = router.nodes.map({ Set($0.map(\.value)) }) else { return draft.nodes }
    return draft.nodes.filter { node in node.name.map { names.contains($0.text) } ?? false }
  }

  private mutating func checkMembers(of router: VirtualRouterDraft) {
    guard let listed = router.nodes else { return }
    let known = draft.nodes.compactMap(\.name?.text)
    complainOfUnknown(listed, known: known, what: "node", in: "'nodes'")
    complainOfTwice(listed)
    if listed.count == 1, draft.nodes.count > 1, let position = router.nodesPosition {
      complaints.warn(
        "\(router.displayName) has one node only, so nothing can take its address over", at: position,
        hint: "list a second node")
    }
  }

  private mutating func checkTrack(of router: VirtualRouterDraft) {
    complainOfUnknown(router.track, known: draft.trackers.map(\.name.text), what: "tracker", in: "'trackers'")
    complainOfTwice(router.track)
  }

  private mutating func complainOfUnknown(_ names: [Located<String>], known: [String], what: String, in list: String) {
    let set = Set(known)
    for (index, name) in names.filter({ !set.contains($0.value) }).enumerated() {
      let nearest = index < Self.mostSuggestions ? NearestWord.to(name.value, among: known) : nil
      let choices = known.isEmpty ? "\(list) has none" : "\(list) has \(known.prefix(8).joined(separator: ", "))"
      complaints.error(
        "there is no \(what) \(name.value.quoted)", at: name.position,
        hint: nearest.map { "did you mean '\($0)'?" } ?? choices)
    }
  }

  private mutating func complainOfTwice(_ names: [Located<String>]) {
    var seen: Set<String> = []
    for name in names where !seen.insert(name.value).inserted {
      complaints.error("\(name.value.quoted) stands in this list twice", at: name.position)
    }
  }

  private mutating func checkFamilies(of router: VirtualRouterDraft) {
    let members = members(of: router).filter { !$0.addresses.isEmpty }
    for family in IPFamily.allCases {
      guard let address = router.addresses.first(where: { $0.value.address.family == family }) else { continue }
      let lacking = members.filter { node in !node.addresses.contains { $0.value.family == family } }
      guard !lacking.isEmpty else { continue }
      let names = lacking.map { $0.name?.text ?? "a node" }.joined(separator: ", ")
      complaints.error(
        "\(address.value.address) is \(family.spoken), but \(names) \(lacking.count == 1 ? "has" : "have") no "
          + "\(family.spoken) address to speak VRRP from",
        at: address.position, hint: "a node may have one of each family: address: [10.0.10.31, \"fd10::31\"]")
    }
  }

  /// An address outside its nodes' network usually belongs to another interface, and would be installed on the wrong
  /// one.
  private mutating func checkNetworks(of router: VirtualRouterDraft) {
    for address in router.addresses where address.value.interface == nil && !address.value.address.address.isLinkLocal {
      let network = address.value.address
      guard network.prefixLength < network.family.addressBits else { continue }
      let outside = members(of: router).filter { node in
        node.addresses.contains { $0.value.family == network.family && !network.network(contains: $0.value) }
      }
      guard !outside.isEmpty else { continue }
      let names = outside.map { node in
        let address = node.addresses.first { $0.value.family == network.family }
        return "\(node.name?.text ?? "a node") (\(address.map { "\($0.value)" } ?? ""))"
      }
      complaints.warn(
        "the network of \(network) does not hold \(names.joined(separator: ", "))", at: address.position,
        hint: "if the address belongs on another interface, name it: {address: \(network), interface: eth1}; "
          + "else correct the prefix length")
    }
  }

  private mutating func checkVersion(of router: VirtualRouterDraft) {
    guard let version = router.version, version.value == .v2 else {
      if let password = router.password {
        complaints.error(
          "a password belongs to VRRPv2; version 3 has none", at: password.position, hint: "RFC 9568 §9 says why")
      }
      return
    }
    if let password = router.password {
      complaints.warn(
        "the password goes over the network in clear text: it keeps nobody out", at: password.position,
        hint: "leave it to routers that insist on it; version 3 and unicast peers are safer")
    }
    if let checksum = router.checksum, checksum.value != .auto {
      complaints.warn("'checksum' has no effect: VRRPv2 has one form only", at: checksum.position)
    }
    if let address = router.addresses.first(where: { $0.value.address.family == .ipv6 }) {
      complaints.error(
        "\(address.value.address) is IPv6, and VRRPv2 speaks IPv4 only", at: address.position, hint: "use 'version: 3'")
    }
    if let interval = router.interval, !interval.value.centiseconds.isMultiple(of: 100) {
      complaints.error(
        "VRRPv2 has whole seconds only, not \(interval.value)", at: interval.position, hint: "use 'version: 3'")
    }
  }

  /// Over multicast an IPv6 advertisement comes from a link-local address, which no file knows: which node it is from
  /// must show in its priority, or the two families could be won by two nodes.
  private mutating func checkGroup(of router: VirtualRouterDraft) {
    guard let transport = router.transport, transport.value == .multicast,
      Set(router.addresses.map(\.value.address.family)).count == 2
    else { return }
    var first: [Priority: String] = [:]
    for (index, node) in members(of: router).enumerated() {
      let priority = node.priority?.value ?? PriorityRules.implicitPriority(at: index)
      if let other = first[priority] {
        complaints.error(
          "multicast with addresses of both families needs priorities that differ; \(other) and \(node.displayName) "
            + "have \(priority)", at: node.priority?.position ?? transport.position)
      }
      first[priority] = first[priority] ?? node.displayName
    }
  }

  private mutating func checkPreemption(of router: VirtualRouterDraft) {
    guard let preemption = router.preemption, preemption.value != .immediate,
      let owner = members(of: router).first(where: { $0.priority?.value == .addressOwner })
    else { return }
    complaints.warn(
      "'preempt' does not bind \(owner.name?.text ?? "the node") with priority 255: an address owner always takes over",
      at: preemption.position, hint: "give it 254 or less (RFC 9568 §6.1, Preempt_Mode)")
  }
}

extension IPFamily {
  /// IPv4, IPv6
  var spoken: String {
    switch self {
    case .ipv4: "IPv4"
    case .ipv6: "IPv6"
    }
  }
}
