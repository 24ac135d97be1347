// Several hosts' keepalived.conf become one cluster file. Where a choice had to be made it stands as a comment with what it is
// about, and as a finding with its place.

import ClusterConfiguration
import NetworkTypes
import VRRP

/// What became of some hosts' files.
public struct KeepalivedConversion: Sendable {
  /// Nil where something could not be converted.
  public private(set) var configuration: ClusterConfiguration?
  /// The cluster file, with comments. Empty where there is none.
  public private(set) var text = ""
  /// In the order of the hosts and their lines.
  public private(set) var findings: [KeepalivedFinding] = []

  public var isComplete: Bool { configuration != nil }

  /// - Parameters:
  ///   - hosts: at least one; the order is that of the cluster file where priorities do not say otherwise.
  ///   - addresses: where a host speaks VRRP from, for those whose files do not say.
  public init(of hosts: [KeepalivedHost], cluster: String, addresses: [String: [IPAddress]] = [:]) {
    var merger = KeepalivedMerger(hosts, cluster: cluster, addresses: addresses)
    let configuration = merger.merge()
    findings = merger.findings
    guard let configuration, !findings.contains(where: { $0.severity == .error }) else { return }
    self.configuration = configuration
    text = merger.commented(configuration.fileText)
  }
}

/// Puts the hosts' meanings together.
private struct KeepalivedMerger {
  private let cluster: String
  private let given: [String: [IPAddress]]
  private var hosts: [(name: String, meaning: KeepalivedMeaning)] = []
  private(set) var findings: [KeepalivedFinding] = []
  /// Of what bears a name in the cluster file.
  private var comments: [Subject: [String]] = [:]

  private enum Subject: Hashable {
    case node(String)
    case tracker(String)
    case router(String)
  }

  /// One virtual router, and each host's instance of it.
  private struct Router {
    var name: String
    var members: [(host: String, instance: KeepalivedMeaning.Instance)]
    var first: KeepalivedMeaning.Instance { members[0].instance }
  }

  init(_ hosts: [KeepalivedHost], cluster: String, addresses: [String: [IPAddress]]) {
    self.cluster = cluster
    given = addresses
    for host in hosts {
      let reader = KeepalivedReader(host.file)
      // Several hosts may share a file, whose findings need not be told for each.
      for finding in reader.findings where !findings.contains(finding) { findings.append(finding) }
      self.hosts.append((host.name, reader.meaning))
    }
  }

  mutating func merge() -> ClusterConfiguration? {
    let routers = self.routers()
    guard !routers.isEmpty else {
      complain("there is no vrrp_instance", at: KeepalivedPlace(file: cluster, line: 1))
      return nil
    }
    let nodes = self.nodes(of: routers)
    let trackers = self.trackers()
    let converted = routers.compactMap { convert($0, nodes) }
    guard converted.count == routers.count, nodes.count >= hosts.count else { return nil }
    return ClusterConfiguration(name: cluster, nodes: nodes, trackers: trackers, virtualRouters: converted)
  }

  // MARK: Virtual routers

  /// Instances of the same VRID, and of the same family, are one.
  private func routers() -> [Router] {
    var routers: [Router] = []
    for host in hosts {
      for instance in host.meaning.instances {
        let index = routers.firstIndex { $0.first.vrid == instance.vrid && $0.first.family == instance.family }
        if let index {
          routers[index].members.append((host.name, instance))
        } else {
          routers.append(Router(name: instance.name, members: [(host.name, instance)]))
        }
      }
    }
    return routers
  }

  private mutating func convert(_ router: Router, _ nodes: [ClusterConfiguration.Node]) -> ClusterConfiguration
    .VirtualRouter?
  {
    let first = router.first
    guard let vrid = first.vrid.flatMap({ VRID(rawValue: UInt8($0)) }),
      let name = VirtualRouterName(cleaned(router.name))
    else { return nil }
    let version = version(of: router)
    let subject = Subject.router(name.rawValue)
    if name.rawValue != router.name { remark("keepalived's name for it: \(router.name)", on: subject) }
    guard let interval = interval(of: router, version, subject) else { return nil }
    var result = ClusterConfiguration.VirtualRouter(
      name: name, vrid: vrid, addresses: addresses(of: router, subject), interval: interval,
      members: members(of: router, nodes, subject), version: version)
    result.transport = first.isUnicast ? .unicast : .multicast
    result.interface = interface(of: router, subject)
    result.preemption = preemption(of: router, subject)
    result.password = password(of: router, version)
    if first.usesOldChecksum { result.checksum = .rfc9568 }
    result.trackers = tracked(by: router, subject)
    result.notify = hooks(of: router, subject)
    compare(router)
    return result
  }

  private func version(of router: Router) -> VRRPVersion {
    let meaning = hosts.first { $0.name == router.members[0].host }?.meaning
    // keepalived speaks version 3 where there are IPv6 addresses.
    if router.first.family == .ipv6 { return .v3 }
    return (router.first.version ?? meaning?.version ?? 2) == 3 ? .v3 : .v2
  }

  /// Version 2 has whole seconds only.
  private mutating func interval(
    of router: Router, _ version: VRRPVersion, _ subject: Subject
  ) -> AdvertisementInterval? {
    let seconds = router.first.interval
    var centiseconds = Int((seconds * 100).rounded())
    if version == .v2, !centiseconds.isMultiple(of: 100) {
      centiseconds = max(1, Int(seconds.rounded())) * 100
      remark(
        "advert_int \(seconds): version 2 has whole seconds; keepalived rounds it to \(centiseconds / 100)",
        on: subject,
        at: router.first.place)
    }
    guard let interval = AdvertisementInterval(centiseconds: centiseconds) else {
      complain("advert_int \(seconds): vipd's intervals end at 40.95 s", at: router.first.place)
      return nil
    }
    return interval
  }

  private mutating func addresses(of router: Router, _ subject: Subject) -> [VirtualAddress] {
    let first = router.first
    if !first.excluded.isEmpty, !first.addresses.isEmpty {
      remark(
        "\(first.excluded.map(\.address.description).joined(separator: ", ")): keepalived holds these without advertising them"
          + " (virtual_ipaddress_excluded); vipd advertises what it holds, and neighbours tell that the lists differ",
        on: subject, at: first.excluded[0].place)
    }
    return (first.addresses + first.excluded).map { entry in
      VirtualAddress(entry.address, interface: entry.interface == first.interface ? nil : entry.interface)
    }
  }

  /// Named only where it is not the one that holds the node's address, which is all that can be told from files.
  private mutating func interface(of router: Router, _ subject: Subject) -> String? {
    let names = Set(router.members.compactMap(\.instance.interface))
    guard names.count <= 1 else {
      remark(
        "its interface is \(names.sorted().joined(separator: " or ")), host by host: left out, so each speaks where its own"
          + " address is", on: subject, at: router.first.place)
      return nil
    }
    return router.first.source == nil ? names.first : nil
  }

  private mutating func preemption(of router: Router, _ subject: Subject) -> Preemption {
    let first = router.first
    guard first.preempts else {
      if !first.tracks.isEmpty {
        remark(
          "nopreempt: with keepalived a failed check then never moves the address; here it does", on: subject,
          at: first.place)
      }
      return .never
    }
    guard first.preemptDelay > 0 else { return .immediate }
    remark(
      "preempt_delay \(first.preemptDelay): keepalived waits so long after its start, and before a failed check moves the"
        + " address; here only a better node that comes back waits", on: subject, at: first.place)
    return .after(.milliseconds(Int((first.preemptDelay * 1000).rounded())))
  }

  private mutating func password(of router: Router, _ version: VRRPVersion) -> ClusterConfiguration.Password? {
    let first = router.first
    guard let type = first.authenticationType else { return nil }
    guard version == .v2 else {
      remark(
        "authentication: version 3 has none, and keepalived leaves it out too", on: .router(cleaned(router.name)),
        at: first.place)
      return nil
    }
    guard type == "PASS" else {
      complain("auth_type \(type): vipd speaks PASS alone; change it to PASS on all hosts first", at: first.place)
      return nil
    }
    guard let text = first.password else { return nil }
    let cut = String(decoding: text.utf8.prefix(8), as: UTF8.self)
    if cut != text {
      remark(
        "auth_pass has \(text.utf8.count) bytes, of which 8 count", on: .router(cleaned(router.name)), at: first.place)
    }
    return SimplePassword(cut).map { .text($0) }
  }

  /// What hosts say differently is told: a cluster file says it once.
  private mutating func compare(_ router: Router) {
    func compare<Value: Equatable>(_ what: String, _ value: (KeepalivedMeaning.Instance) -> Value) {
      for member in router.members.dropFirst() where value(member.instance) != value(router.first) {
        findings.append(
          KeepalivedFinding(
            severity: .note, place: member.instance.place,
            message: "\(member.instance.name): \(what) differs from that of \(router.members[0].host), which is taken"))
      }
    }
    compare("advert_int", \.interval)
    compare("the list of addresses") { $0.addresses.map(\.address) }
    compare("preemption") { "\($0.preempts) \($0.preemptDelay)" }
    compare("the password", \.password)
    compare("what is tracked") { $0.tracks.map { "\($0.kind) \($0.name) \($0.weight ?? 0)" } }
  }

  // MARK: Nodes

  private mutating func nodes(of routers: [Router]) -> [ClusterConfiguration.Node] {
    var nodes: [ClusterConfiguration.Node] = []
    for host in hosts {
      guard let name = NodeName(cleaned(host.name)), let place = host.meaning.instances.first?.place else {
        complain("\(host.name): no vrrp_instance", at: KeepalivedPlace(file: host.name, line: 1))
        continue
      }
      let addresses = self.addresses(of: host.name, host.meaning, at: place)
      guard !addresses.isEmpty, let priority = priority(of: host.name, host.meaning, routers) else { continue }
      nodes.append(ClusterConfiguration.Node(name: name, addresses: addresses, priority: priority))
    }
    nodes += strangers(routers, known: nodes)
    // The file lists them in order of preference.
    return nodes.enumerated().sorted {
      ($1.element.priority.rawValue, $0.offset) < ($0.element.priority.rawValue, $1.offset)
    }.map(\.element)
  }

  private mutating func addresses(
    of host: String, _ meaning: KeepalivedMeaning, at place: KeepalivedPlace
  ) -> [IPAddress] {
    if let given = given[host] { return given.sorted { $0.family == .ipv4 && $1.family == .ipv6 } }
    var found: [IPAddress] = []
    for family in IPFamily.allCases {
      let instances = meaning.instances.filter { $0.family == family }
      guard !instances.isEmpty else { continue }
      let sources = Set(instances.compactMap(\.source).filter { $0.family == family })
      if let source = sources.first, sources.count == 1 {
        found.append(source)
      } else if let only = onlyOneThatOthersName(host, family) {
        found.append(only)
        remark("its address is the one that the other hosts name as a peer", on: .node(cleaned(host)), at: place)
      } else {
        complain(
          "\(host): the file does not say which address it speaks from: add --address \(host)=ADDRESS", at: place)
      }
    }
    return found
  }

  /// The peers that others name and this host does not.
  private func onlyOneThatOthersName(_ host: String, _ family: IPFamily) -> IPAddress? {
    func peers(_ meaning: KeepalivedMeaning) -> Set<IPAddress> {
      Set(meaning.instances.flatMap(\.peers).filter { $0.family == family })
    }
    let all = hosts.map { peers($0.meaning) }.reduce(Set()) { $0.union($1) }
    let own = hosts.first { $0.name == host }.map { peers($0.meaning) } ?? []
    let rest = all.subtracting(own)
    return rest.count == 1 ? rest.first : nil
  }

  /// The first virtual router's counts for the node; others may have their own order.
  private mutating func priority(of host: String, _ meaning: KeepalivedMeaning, _ routers: [Router]) -> Priority? {
    guard let instance = meaning.instances.first else { return nil }
    return Priority(rawValue: UInt8(effectivePriority(of: instance, host)))
  }

  private mutating func effectivePriority(of instance: KeepalivedMeaning.Instance, _ host: String) -> Int {
    if let priority = instance.priority { return priority }
    guard instance.isInitialMaster else { return 100 }
    remark(
      "no priority with 'state MASTER' means 255, the owner's, to keepalived; 254 is as good, and can be outdone",
      on: .node(cleaned(host)), at: instance.place)
    return 254
  }

  /// Peers of whom there is no file.
  private mutating func strangers(
    _ routers: [Router], known: [ClusterConfiguration.Node]
  ) -> [ClusterConfiguration.Node] {
    let own = Set(known.flatMap(\.addresses))
    var found: [ClusterConfiguration.Node] = []
    for router in routers {
      for peer in router.first.peers where !own.contains(peer) && !found.contains(where: { $0.addresses == [peer] }) {
        let name = "node-" + String(peer.description.map { $0.isLetter || $0.isNumber ? $0 : "-" })
        guard let node = NodeName(name), let priority = Priority(rawValue: 1) else { continue }
        found.append(ClusterConfiguration.Node(name: node, addresses: [peer], priority: priority))
        remark(
          "a peer of which there was no file: give it its name, its priority and its place in the list",
          on: .node(name),
          at: router.first.place)
      }
    }
    return found
  }

  private mutating func members(
    of router: Router, _ nodes: [ClusterConfiguration.Node], _ subject: Subject
  ) -> [ClusterConfiguration.Member] {
    let all = nodes.map { ClusterConfiguration.Member(node: $0.name, priority: $0.priority) }
    let hostNames = Set(hosts.map { cleaned($0.name) })
    let priorities = Dictionary(
      router.members.map { member in
        (cleaned(member.host), member.instance.priority ?? (member.instance.isInitialMaster ? 254 : 100))
      }
    ) { first, _ in first }
    let taking = all.filter { priorities[$0.node.rawValue] != nil || !hostNames.contains($0.node.rawValue) }
    let differs = taking.contains { member in
      priorities[member.node.rawValue].map { $0 != Int(member.priority.rawValue) } ?? false
    }
    guard differs || taking.count < all.count else { return all }
    let order = taking.sorted { (priorities[$0.node.rawValue] ?? 0) > (priorities[$1.node.rawValue] ?? 0) }
    let words = order.map { "\($0.node) \(priorities[$0.node.rawValue] ?? 0)" }.joined(separator: ", ")
    remark(
      "its own order, since its priorities are its own with keepalived: \(words)", on: subject, at: router.first.place)
    return order.enumerated().compactMap { index, member in
      Priority(rawValue: UInt8(max(1, 250 - 10 * index))).map { .init(node: member.node, priority: $0) }
    }
  }

  // MARK: Hooks

  /// Each calls keepalived's script as keepalived would, by way of a shell.
  private mutating func hooks(of router: Router, _ subject: Subject) -> [[String]] {
    let meaning = hosts.first { $0.name == router.members[0].host }?.meaning
    let group = meaning?.groups.first { $0.members.contains(router.first.name) }
    let own = router.first.hooks.map { ($0, "INSTANCE", router.first.name) }
    let all = own + (group?.hooks ?? []).map { ($0, "GROUP", group?.name ?? "") }
    if let first = all.first?.0 {
      remark(
        "keepalived's scripts are called as keepalived calls them, but as vipd's user, and with 'fault' and 'stop' as one",
        on: subject, at: first.place)
    }
    return all.map { hook, type, name in ["/bin/sh", "-c", script(hook, type, name, router.first.priority ?? 100)] }
  }

  private func script(_ hook: KeepalivedMeaning.Hook, _ type: String, _ name: String, _ priority: Int) -> String {
    let command = hook.command.map(\.shellQuoted).joined(separator: " ")
    switch hook.keyword {
    case "notify_master": return "[ \"$VIPD_STATE\" != active ] || exec \(command)"
    case "notify_backup": return "[ \"$VIPD_STATE\" != backup ] || exec \(command)"
    case "notify_fault", "notify_stop": return "[ \"$VIPD_STATE\" != initialize ] || exec \(command)"
    default:
      return "case $VIPD_STATE in active) s=MASTER;; backup) s=BACKUP;; *) s=FAULT;; esac; "
        + "exec \(command) \(type) \(name.shellQuoted) $s \(priority)"
    }
  }

  // MARK: Trackers

  /// Those of all hosts, once each by their names.
  private mutating func trackers() -> [ClusterConfiguration.Tracker] {
    var found: [ClusterConfiguration.Tracker] = []
    func add(_ tracker: ClusterConfiguration.Tracker?, _ place: KeepalivedPlace) {
      guard let tracker else { return }
      if let same = found.first(where: { $0.name == tracker.name }) {
        if same != tracker {
          findings.append(
            KeepalivedFinding(
              severity: .note, place: place, message: "\(tracker.name) differs from the first host's, which is taken"))
        }
      } else {
        found.append(tracker)
      }
    }
    for host in hosts {
      let used = Set(
        host.meaning.instances.flatMap(\.tracks).map(\.name) + host.meaning.groups.flatMap(\.tracks).map(\.name))
      for script in host.meaning.scripts where used.contains(script.name) { add(tracker(of: script), script.place) }
      for process in host.meaning.processes where used.contains(process.name) {
        add(tracker(of: process), process.place)
      }
      for file in host.meaning.files where used.contains(file.name) { add(tracker(of: file), file.place) }
      let tracks = host.meaning.instances.flatMap(\.tracks) + host.meaning.groups.flatMap(\.tracks)
      for track in tracks where track.kind == .interface {
        guard let name = TrackerName(cleaned("link-\(track.name)")) else { continue }
        add(.init(name: name, kind: .interface(track.name), weight: track.weight ?? 0), track.place)
      }
    }
    return found
  }

  private mutating func tracker(of script: KeepalivedMeaning.Script) -> ClusterConfiguration.Tracker? {
    guard let name = TrackerName(cleaned(script.name)), let program = script.command.first else { return nil }
    let subject = Subject.tracker(name.rawValue)
    let kind: ClusterConfiguration.TrackerKind
    if let process = ProcessSearch(script.command)?.name {
      kind = .process(.init(name: process))
      remark("was: \(script.command.joined(separator: " ")); its death is now noticed at once", on: subject)
    } else if program.hasPrefix("/"), !script.command.contains(where: { $0.contains { "|&;<>$`*?".contains($0) } }) {
      kind = .script(.init(.program(path: program, arguments: Array(script.command.dropFirst()))))
    } else {
      kind = .script(.init(.shell(script.command.map(\.shellQuoted).joined(separator: " "))))
      remark("for a shell, since it is no absolute path and its arguments alone", on: subject, at: script.place)
    }
    return ClusterConfiguration.Tracker(
      name: name, kind: kind, weight: script.weight, interval: .seconds(script.interval),
      timeout: script.timeout.map { .seconds($0) }, rise: script.rise, fall: script.fall)
  }

  private func tracker(of process: KeepalivedMeaning.Process) -> ClusterConfiguration.Tracker? {
    guard let name = TrackerName(cleaned(process.name)), let command = process.command.first else { return nil }
    let usesLine = process.isFullCommand || process.command.count > 1
    let match: ClusterConfiguration.ProcessCheck.Match =
      usesLine
      ? .commandLine(process.command.joined(separator: " "))
      : .name(String(command.split(separator: "/").last ?? Substring(command)))
    return ClusterConfiguration.Tracker(
      name: name, kind: .process(.init(match, minimumCount: process.quorum)), weight: process.weight)
  }

  private mutating func tracker(of file: KeepalivedMeaning.TrackFile) -> ClusterConfiguration.Tracker? {
    guard let name = TrackerName(cleaned(file.name)) else { return nil }
    if file.weight != 1 {
      remark(
        "weight \(file.weight): keepalived multiplies the file's number by it; here the number itself is added, so write"
          + " \(file.weight) times as much into the file", on: .tracker(name.rawValue), at: file.place)
    }
    return ClusterConfiguration.Tracker(name: name, kind: .file(.init(path: file.path, holdsWeight: true)))
  }

  private mutating func tracked(by router: Router, _ subject: Subject) -> [ClusterConfiguration.TrackedBy] {
    guard let meaning = hosts.first(where: { $0.name == router.members[0].host })?.meaning else { return [] }
    var tracks = router.first.tracks
    if let group = meaning.groups.first(where: { $0.members.contains(router.first.name) }) {
      let others = meaning.instances.filter { group.members.contains($0.name) }
      tracks += group.tracks + others.flatMap(\.tracks)
      remark(
        "of vrrp_sync_group \(group.name): it has the group's trackers, so that what fails moves all of its routers; they move"
          + " one by one", on: subject, at: group.place)
    }
    var result: [ClusterConfiguration.TrackedBy] = []
    for track in tracks {
      let known = cleaned(track.kind == .interface ? "link-\(track.name)" : track.name)
      guard let name = TrackerName(known), let own = weight(of: track, meaning) else {
        complain("\(track.name) is tracked, but not defined", at: track.place)
        continue
      }
      if !result.contains(where: { $0.tracker == name }) { result.append(.init(tracker: name, weight: own)) }
      if let weight = track.weight, weight != own {
        remark(
          "\(track.name) weighs \(weight) here with keepalived; a tracker has one weight: \(own)", on: subject,
          at: track.place)
      }
    }
    return result
  }

  private func weight(of track: KeepalivedMeaning.Track, _ meaning: KeepalivedMeaning) -> Int? {
    switch track.kind {
    case .script: meaning.scripts.first { $0.name == track.name }?.weight
    case .process: meaning.processes.first { $0.name == track.name }?.weight
    case .file: meaning.files.contains { $0.name == track.name } ? 0 : nil
    case .interface: track.weight ?? 0
    }
  }

  // MARK: Words

  /// A name as the cluster file takes it.
  private func cleaned(_ name: String) -> String {
    let plain = String(name.map { $0.isASCII && ($0.isLetter || $0.isNumber || ".-_".contains($0)) ? $0 : "-" })
    return plain.first.map { $0.isLetter || $0.isNumber } ?? false ? String(plain.prefix(64)) : "x" + plain.prefix(63)
  }

  private mutating func remark(_ words: String, on subject: Subject, at place: KeepalivedPlace? = nil) {
    if !comments[subject, default: []].contains(words) { comments[subject, default: []].append(words) }
    guard let place else { return }
    let finding = KeepalivedFinding(severity: .note, place: place, message: words)
    if !findings.contains(finding) { findings.append(finding) }
  }

  private mutating func complain(_ message: String, at place: KeepalivedPlace) {
    findings.append(KeepalivedFinding(severity: .error, place: place, message: message))
  }

  /// The cluster file with its comments, each before what it is about.
  func commented(_ text: String) -> String {
    var section = ""
    var lines: [String] = []
    for line in text.split(separator: "\n").map(String.init) {
      if !line.hasPrefix(" ") { section = String(line.prefix { $0 != ":" }) }
      for comment in remarks(before: line, in: section) { lines.append("  # \(comment)") }
      lines.append(line)
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private func remarks(before line: String, in section: String) -> [String] {
    for (subject, words) in comments {
      switch subject {
      case .node(let name) where section == "nodes" && line.hasPrefix("  - {name: \(name.yaml),"): return words
      case .tracker(let name) where section == "trackers" && line == "  \(name.yaml):": return words
      case .router(let name) where section == "virtual_routers" && line == "  - name: \(name.yaml)": return words
      case .node, .tracker, .router: continue
      }
    }
    return []
  }
}

/// The common ways to ask for a process, each of which only asks once a second.
private struct ProcessSearch {
  var name: String

  init?(_ command: [String]) {
    let program = command.first?.split(separator: "/").last.map(String.init) ?? ""
    let names = command.dropFirst().filter { !$0.hasPrefix("-") }
    let options = command.dropFirst().filter { $0.hasPrefix("-") }
    guard names.count == 1, let name = names.first,
      name.allSatisfy({ $0.isLetter || $0.isNumber || ".-_".contains($0) })
    else { return nil }
    switch (program, options) {
    case ("pidof", []), ("pgrep", ["-x"]), ("pgrep", []), ("killall", ["-0"]): self.name = name
    default: return nil
    }
  }
}

extension KeepalivedMeaning.Instance {
  var family: IPFamily { (addresses + excluded).first?.address.family ?? .ipv4 }
}

extension String {
  fileprivate var shellQuoted: String {
    let isPlain = !isEmpty && allSatisfy { $0.isLetter || $0.isNumber || "/._-=:,|&;<>$*?\"()[]+@%".contains($0) }
    return isPlain
      ? self : "'" + split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
  }
}
