// `virtual_routers:` of the cluster file.

import NetworkTypes
import VRRP

extension ClusterFileReader {
  mutating func virtualRouter(_ node: YAMLNode) -> VirtualRouterDraft? {
    guard let fields = fields(of: node, as: VirtualRouterKey.self) else { return nil }
    var draft = VirtualRouterDraft(position: node.position)
    if let entry = required(.name, in: fields) {
      draft.name = name(entry, of: "virtual router", example: VirtualRouterKey.name.example)
    }
    if let entry = required(.vrid, in: fields) {
      draft.vrid = integer(
        entry, in: 1...255, example: VirtualRouterKey.vrid.example,
        hint: "any number that no other virtual router on this network has"
      ).flatMap { number in VRID(rawValue: UInt8(clamping: number.value)).map { Located($0, at: number.position) } }
    }
    if let entry = required(.addresses, in: fields) { draft.addresses = addresses(entry) }
    if let entry = fields[.interval] { draft.interval = interval(entry) }
    if let entry = fields[.track] {
      draft.track = names(entry, example: VirtualRouterKey.track.example)
      draft.trackPosition = entry.keyPosition
    }
    if let entry = fields[.nodes] {
      draft.nodes = names(entry, example: VirtualRouterKey.nodes.example)
      draft.nodesPosition = entry.keyPosition
      if draft.nodes?.isEmpty == true, case .sequence = entry.value.content {
        complaints.error("'nodes' is empty", at: entry.value.position, hint: "leave it out for all nodes")
      }
    }
    if let entry = fields[.interface] { draft.interface = interface(entry)?.value }
    if let entry = fields[.preempt] { draft.preemption = preemption(entry) }
    readRareKeys(fields, into: &draft)
    return draft
  }

  private mutating func readRareKeys(_ fields: Fields<VirtualRouterKey>, into draft: inout VirtualRouterDraft) {
    if let entry = fields[.version] { draft.version = choice(entry, [("3", .v3), ("2", .v2)]) }
    if let entry = fields[.password] { draft.password = password(entry) }
    if let entry = fields[.transport] {
      draft.transport = choice(entry, [("unicast", .unicast), ("multicast", .multicast)])
    }
    if let entry = fields[.checksum] {
      draft.checksum = choice(entry, [("auto", .auto), ("rfc9568", .rfc9568), ("pseudo_header", .pseudoHeader)])
    }
    if let entry = fields[.minimumTTL] { draft.minimumHopLimit = minimumHopLimit(entry) }
    if let entry = fields[.lease] {
      draft.lease = choice(entry, ClusterConfiguration.Lease.allCases.map { ($0.rawValue, $0) })
    }
    if let entry = fields[.oneWay] {
      draft.oneWay = choice(entry, ClusterConfiguration.OneWayPolicy.allCases.map { ($0.rawValue, $0) })
    }
    if let entry = fields[.whenAllFail] {
      draft.whenAllFail = choice(entry, ClusterConfiguration.AllFailedPolicy.allCases.map { ($0.rawValue, $0) })
    }
    if let entry = fields[.notify] { draft.notify = notify(entry) }
  }

  // MARK: Addresses

  private mutating func addresses(_ entry: YAMLEntry) -> [Located<VirtualAddress>] {
    guard let elements = list(entry, example: VirtualRouterKey.addresses.example) else { return [] }
    if elements.isEmpty {
      complaints.error(
        "'addresses' is empty", at: entry.value.position, hint: "for example: \(VirtualRouterKey.addresses.example)")
    }
    return elements.compactMap { virtualAddress($0) }
  }

  /// `10.0.10.39/24` or `{address: 10.0.10.39/24, interface: eth1}`
  private mutating func virtualAddress(_ node: YAMLNode) -> Located<VirtualAddress>? {
    guard case .mapping = node.content else {
      return text(node, "an address", example: "10.0.10.39/24").flatMap { interfaceAddress($0) }
        .map { Located(VirtualAddress($0.value), at: $0.position) }
    }
    guard let fields = fields(of: node, as: AddressKey.self) else { return nil }
    // Both are read before either is given up, so that both are complained about.
    var interface: Located<String>?
    if let entry = fields[.interface] { interface = self.interface(entry) }
    guard let entry = required(.address, in: fields), let text = text(entry, example: AddressKey.address.example),
      let address = interfaceAddress(text)
    else { return nil }
    return Located(VirtualAddress(address.value, interface: interface?.value), at: address.position)
  }

  private mutating func interfaceAddress(_ text: Located<String>) -> Located<InterfaceAddress>? {
    if let bare = IPAddress(text.value) {
      complaints.error(
        "\(bare) lacks its prefix length", at: text.position,
        hint: "write the network's: '\(bare)/\(bare.family == .ipv4 ? 24 : 64)' for example, "
          + "or '\(bare)/\(bare.family.addressBits)' for the address alone")
      return nil
    }
    guard let address = InterfaceAddress(text.value) else {
      complaints.error(
        "\(text.value.quoted) is not an IP address with its prefix length", at: text.position,
        hint: Self.addressHint(String(text.value.prefix { $0 != "/" })) ?? "for example 10.0.10.39/24 or fd10::39/64")
      return nil
    }
    let problem: String? =
      if !address.address.isUnicast || address.address.isLoopback {
        "is not an address that a host can offer others"
      } else if address.prefixLength == 0 {
        "has a prefix of 0 bits, which would make every host a neighbour"
      } else if address.isNetworkAddress {
        "is its network's own address, which no host can have"
      } else if address.isBroadcastAddress {
        "is its network's broadcast address, which no host can have"
      } else {
        nil
      }
    if let problem {
      complaints.error("\(address) \(problem)", at: text.position)
      return nil
    }
    return Located(address, at: text.position)
  }

  // MARK: Other keys

  private mutating func interval(_ entry: YAMLEntry) -> Located<AdvertisementInterval>? {
    let bounds: ClosedRange<Duration> = .milliseconds(10) ... .milliseconds(40_950)
    guard let duration = duration(entry, in: bounds, example: VirtualRouterKey.interval.example) else { return nil }
    let centiseconds = Int(
      duration.value.components.seconds * 100 + duration.value.components.attoseconds / Int64(1e16))
    guard let interval = AdvertisementInterval(centiseconds: centiseconds), interval.duration == duration.value else {
      let lower = centiseconds * 10
      complaints.error(
        "'interval' must be a multiple of 10ms, not '\(duration.value.written)'", at: duration.position,
        hint: "VRRP counts in hundredths of a second: \(lower)ms or \(lower + 10)ms")
      return nil
    }
    return Located(interval, at: duration.position)
  }

  private mutating func names(_ entry: YAMLEntry, example: String) -> [Located<String>] {
    guard let elements = list(entry, example: example) else { return [] }
    return elements.compactMap { text($0, "'\(entry.key)'", example: example) }
  }

  /// `true | false | rfc | {after: 30s}`
  private mutating func preemption(_ entry: YAMLEntry) -> Located<Preemption>? {
    guard case .mapping = entry.value.content else {
      if case .sequence = entry.value.content {
        complaints.error(
          "'preempt' must be true, false, rfc or {after: 30s}, not a list", at: entry.value.position)
        return nil
      }
      return choice(
        entry, [("true", .immediate), ("false", .never), ("rfc", .rfc)],
        hint: "or with a delay: preempt: {after: 30s}")
    }
    guard let fields = fields(of: entry.value, as: PreemptKey.self), let after = required(.after, in: fields) else {
      return nil
    }
    return duration(after, in: .zero ... .seconds(86_400), example: PreemptKey.after.example)
      .map { Located(.after($0.value), at: $0.position) }
  }

  private mutating func password(_ entry: YAMLEntry) -> Located<ClusterConfiguration.Password>? {
    if case .mapping = entry.value.content { return credential(entry) }
    guard let text = text(entry, example: VirtualRouterKey.password.example) else { return nil }
    guard let password = SimplePassword(text.value) else {
      complaints.error(
        "the password has \(text.value.utf8.count) bytes; VRRPv2 carries 8", at: text.position,
        hint: "keepalived cuts it to its first 8; write those")
      return nil
    }
    return Located(.text(password), at: text.position)
  }

  /// `{credential: NAME}`
  private mutating func credential(_ entry: YAMLEntry) -> Located<ClusterConfiguration.Password>? {
    guard let fields = fields(of: entry.value, as: PasswordKey.self),
      let entry = required(.credential, in: fields),
      let name = text(entry, example: PasswordKey.credential.example)
    else { return nil }
    guard name.value.utf8.allSatisfy({ (0x21..<0x7f).contains($0) && $0 != UInt8(ascii: "/") }),
      name.value != ".", name.value != ".."
    else {
      complaints.error(
        "'credential' is \(name.value.quoted), which is no credential's name", at: name.position,
        hint: "the name that LoadCredential=NAME:PATH gives it in vipd's unit")
      return nil
    }
    return Located(.credential(name.value), at: name.position)
  }

  private mutating func minimumHopLimit(_ entry: YAMLEntry) -> Located<UInt8>? {
    guard let number = integer(entry, in: 1...255, example: VirtualRouterKey.minimumTTL.example) else { return nil }
    if number.value < 255 {
      complaints.warn(
        "advertisements from up to \(255 - number.value) routers away are accepted", at: number.position,
        hint: "255 is what keeps strangers beyond this network out; lower it only for peers that can not send 255")
    }
    return Located(UInt8(clamping: number.value), at: number.position)
  }

  /// One program, or a list of programs.
  private mutating func notify(_ entry: YAMLEntry) -> Located<[[String]]>? {
    guard let elements = list(entry, example: VirtualRouterKey.notify.example) else { return nil }
    let lists = elements.compactMap { element -> [YAMLNode]? in
      guard case .sequence(let words) = element.content else { return nil }
      return words
    }
    let programs = lists.count == elements.count && !lists.isEmpty ? lists : [elements]
    let commands = programs.compactMap { command($0, of: entry) }
    return commands.count == programs.count ? Located(commands, at: entry.keyPosition) : nil
  }
}

extension InterfaceAddress {
  /// The lowest address of an IPv4 network that has one: all host bits are 0.
  fileprivate var isNetworkAddress: Bool { hostBits == 0 }

  /// The highest address of an IPv4 network that has one: all host bits are 1.
  fileprivate var isBroadcastAddress: Bool { hostBits == UInt32.max >> prefixLength }

  /// The host's part of an IPv4 address; nil where the network has no address of its own (RFC 3021), and for IPv6.
  private var hostBits: UInt32? {
    guard case .v4(let address) = address, prefixLength < 31 else { return nil }
    return address.rawValue & (UInt32.max >> prefixLength)
  }
}
