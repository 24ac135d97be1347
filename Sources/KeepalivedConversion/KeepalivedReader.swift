// From statements to their meaning. Whatever is not understood is told; nothing is passed over in silence.

import ClusterConfiguration
import NetworkTypes

struct KeepalivedReader {
  private(set) var meaning = KeepalivedMeaning()
  private(set) var findings: [KeepalivedFinding]

  init(_ file: KeepalivedFile) {
    findings = file.findings
    for statement in file.statements { top(statement) }
  }

  // MARK: The top level

  private mutating func top(_ statement: KeepalivedStatement) {
    switch statement.keyword {
    case "global_defs": each(statement) { $0.global($1) }
    case "vrrp_script": script(statement)
    case "vrrp_track_process", "track_process": process(statement)
    case "vrrp_track_file", "track_file": file(statement)
    case "vrrp_sync_group": group(statement)
    case "vrrp_instance": instance(statement)
    default:
      other(
        statement, KeepalivedKeywords.top, in: "keepalived.conf",
        also: ["global_defs", "vrrp_script", "vrrp_track_process", "vrrp_sync_group", "vrrp_instance", "track_file"])
    }
  }

  private mutating func global(_ statement: KeepalivedStatement) {
    switch statement.keyword {
    // The host's name, which whoever names the hosts asks for.
    case "router_id": break
    case "vrrp_version": if let version = number(statement, 2...3) { meaning.version = version }
    case "vrrp_mcast_group4", "vrrp_mcast_group6":
      if let group = statement.arguments.first, !["224.0.0.18", "ff02::12"].contains(group) {
        complain("\(statement.keyword) \(group): only RFC 9568's groups are spoken; take unicast", at: statement.place)
      }
    default: other(statement, KeepalivedKeywords.global, in: "global_defs", also: ["router_id", "vrrp_version"])
    }
  }

  // MARK: Trackers

  private mutating func script(_ statement: KeepalivedStatement) {
    guard let name = name(of: statement) else { return }
    var script = KeepalivedMeaning.Script(name: name, place: statement.place)
    each(statement) { reader, line in
      switch line.keyword {
      case "script": script.command = reader.command(line)
      case "interval": script.interval = reader.number(line, 1...86_400) ?? script.interval
      case "timeout": script.timeout = reader.number(line, 1...86_400)
      case "weight": script.weight = reader.weight(line.arguments, at: line.place) ?? 0
      case "rise": script.rise = reader.number(line, 1...1_000_000) ?? 1
      case "fall": script.fall = reader.number(line, 1...1_000_000) ?? 1
      default:
        reader.other(
          line, KeepalivedKeywords.script, in: "vrrp_script",
          also: ["script", "interval", "timeout", "weight", "rise", "fall"])
      }
    }
    if script.command.isEmpty { complain("vrrp_script \(name) has no 'script'", at: statement.place) }
    meaning.scripts.append(script)
  }

  private mutating func process(_ statement: KeepalivedStatement) {
    guard let name = name(of: statement) else { return }
    var process = KeepalivedMeaning.Process(name: name, place: statement.place)
    each(statement) { reader, line in
      switch line.keyword {
      case "process": process.command = Array(line.arguments)
      case "full_command": process.isFullCommand = true
      case "weight": process.weight = reader.weight(line.arguments, at: line.place) ?? 0
      case "quorum": process.quorum = reader.number(line, 1...10_000) ?? 1
      default:
        reader.other(
          line, KeepalivedKeywords.process, in: "vrrp_track_process",
          also: ["process", "full_command", "weight", "quorum"])
      }
    }
    if process.command.isEmpty { complain("vrrp_track_process \(name) has no 'process'", at: statement.place) }
    meaning.processes.append(process)
  }

  private mutating func file(_ statement: KeepalivedStatement) {
    guard let name = name(of: statement) else { return }
    var file = KeepalivedMeaning.TrackFile(name: name, place: statement.place)
    each(statement) { reader, line in
      switch line.keyword {
      case "file": file.path = line.arguments.first ?? ""
      case "weight": file.weight = reader.weight(line.arguments, at: line.place) ?? 1
      default: reader.other(line, KeepalivedKeywords.file, in: "track_file", also: ["file", "weight"])
      }
    }
    if !file.path.hasPrefix("/") {
      complain("track_file \(name) has no 'file' with an absolute path", at: statement.place)
    }
    meaning.files.append(file)
  }

  /// A program and its arguments: one quoted text is cut at blanks, in which single quotes count.
  private mutating func command(_ statement: KeepalivedStatement) -> [String] {
    let words = Array(statement.arguments)
    guard words.count == 1, let only = words.first else { return words }
    return self.words(of: only)
  }

  private func words(of text: String) -> [String] {
    KeepalivedToken.all(of: text).map { token in
      switch token {
      case .word(let word): word
      case .open: "{"
      case .close: "}"
      }
    }
  }

  // MARK: Groups

  private mutating func group(_ statement: KeepalivedStatement) {
    guard let name = name(of: statement) else { return }
    var group = KeepalivedMeaning.Group(name: name, place: statement.place)
    each(statement) { reader, line in
      switch line.keyword {
      case "group": group.members += (line.block ?? []).flatMap(\.words)
      case "sync_group_tracking_weight": group.keepsWeights = true
      case "track_script", "track_process", "track_file", "track_interface":
        group.tracks += reader.tracks(line)
      case let keyword where keyword.hasPrefix("notify") && keyword != "notify_priority_changes":
        if let hook = reader.hook(line) { group.hooks.append(hook) }
      default:
        reader.other(
          line, KeepalivedKeywords.group, in: "vrrp_sync_group",
          also: [
            "group", "track_script", "track_interface", "track_process", "track_file", "sync_group_tracking_weight",
          ])
      }
    }
    meaning.groups.append(group)
  }

  /// Those that a hook can stand in for.
  private static let hooks = ["notify", "notify_master", "notify_backup", "notify_fault", "notify_stop"]

  private mutating func hook(_ statement: KeepalivedStatement) -> KeepalivedMeaning.Hook? {
    guard Self.hooks.contains(statement.keyword) else {
      note(
        "'\(statement.keyword)' is not carried over: `notify:` tells of transitions alone; see `vipctl watch --json`",
        at: statement.place)
      return nil
    }
    guard let first = statement.arguments.first else { return nil }
    if statement.arguments.count > 1 {
      note(
        "\(statement.keyword): it runs as vipd's user, not as \(statement.arguments.dropFirst().joined(separator: ":"))",
        at: statement.place)
    }
    return KeepalivedMeaning.Hook(keyword: statement.keyword, command: words(of: first), place: statement.place)
  }

  fileprivate mutating func tracks(_ statement: KeepalivedStatement) -> [KeepalivedMeaning.Track] {
    let kind: KeepalivedMeaning.Track.Kind =
      switch statement.keyword {
      case "track_script": .script
      case "track_process": .process
      case "track_file": .file
      default: .interface
      }
    return (statement.block ?? []).map { line in
      let options = line.arguments
      let weight = options.first == "weight" ? weight(options.dropFirst(), at: line.place) : nil
      if let first = options.first, first != "weight" {
        complain("'\(first)' behind \(line.keyword) is not known (nearest: weight)", at: line.place)
      }
      return KeepalivedMeaning.Track(kind: kind, name: line.keyword, weight: weight, place: line.place)
    }
  }

  // MARK: Instances

  private mutating func instance(_ statement: KeepalivedStatement) {
    guard let name = name(of: statement) else { return }
    var instance = KeepalivedMeaning.Instance(name: name, place: statement.place)
    each(statement) { reader, line in
      if !reader.elected(line, &instance) { reader.carried(line, &instance) }
    }
    if instance.vrid == nil { complain("vrrp_instance \(name) has no 'virtual_router_id'", at: statement.place) }
    if instance.addresses.isEmpty, instance.excluded.isEmpty {
      complain("vrrp_instance \(name) has no virtual address", at: statement.place)
    }
    meaning.instances.append(instance)
  }

  /// What decides who is elected.
  private mutating func elected(_ line: KeepalivedStatement, _ instance: inout KeepalivedMeaning.Instance) -> Bool {
    switch line.keyword {
    case "state": instance.isInitialMaster = line.arguments.first == "MASTER"
    case "interface": instance.interface = line.arguments.first
    case "virtual_router_id": instance.vrid = number(line, 1...255)
    case "priority": instance.priority = number(line, 1...255)
    case "advert_int": instance.interval = decimal(line, 0.01...255) ?? 1
    case "version": instance.version = number(line, 2...3)
    case "nopreempt": instance.preempts = false
    case "preempt_delay": instance.preemptDelay = decimal(line, 0...1000) ?? 0
    case "authentication":
      for entry in line.block ?? [] {
        switch entry.keyword {
        case "auth_type": instance.authenticationType = entry.arguments.first
        case "auth_pass": instance.password = entry.arguments.first
        default: other(entry, [:], in: "authentication", also: ["auth_type", "auth_pass"])
        }
      }
    default: return false
    }
    return true
  }

  private mutating func carried(_ line: KeepalivedStatement, _ instance: inout KeepalivedMeaning.Instance) {
    switch line.keyword {
    case "unicast_src_ip", "mcast_src_ip": instance.source = address(line)
    case "unicast_peer":
      instance.isUnicast = true
      for peer in line.block ?? [] {
        if let address = IPAddress(peer.keyword) {
          instance.peers.append(address)
        } else {
          complain("unicast_peer \(peer.keyword) is no address", at: peer.place)
        }
        if !peer.arguments.isEmpty {
          note("unicast_peer \(peer.keyword): bounds of TTL: see minimum_ttl", at: peer.place)
        }
      }
    case "old_unicast_checksum": instance.usesOldChecksum = line.arguments.first != "never"
    case "track_script", "track_process", "track_file", "track_interface": instance.tracks += tracks(line)
    case "virtual_ipaddress": instance.addresses += (line.block ?? []).compactMap { virtualAddress($0) }
    case "virtual_ipaddress_excluded": instance.excluded += (line.block ?? []).compactMap { virtualAddress($0) }
    case let keyword where keyword.hasPrefix("notify") && keyword != "notify_priority_changes":
      if let hook = hook(line) { instance.hooks.append(hook) }
    default:
      other(
        line, KeepalivedKeywords.instance, in: "vrrp_instance",
        also: [
          "state", "interface", "virtual_router_id", "priority", "advert_int", "version", "nopreempt", "preempt_delay",
          "authentication", "unicast_src_ip", "mcast_src_ip", "unicast_peer", "old_unicast_checksum", "track_script",
          "track_process", "track_file", "track_interface", "virtual_ipaddress", "virtual_ipaddress_excluded", "notify",
          "notify_master", "notify_backup", "notify_fault", "notify_stop",
        ])
    }
  }

  private mutating func virtualAddress(_ line: KeepalivedStatement) -> KeepalivedMeaning.Address? {
    let bits = IPAddress(line.keyword)?.family.addressBits
    guard let address = InterfaceAddress(bits.map { "\(line.keyword)/\($0)" } ?? line.keyword) else {
      complain("\(line.keyword) is no address", at: line.place)
      return nil
    }
    if bits != nil {
      note("\(line.keyword) has no prefix length, which means /\(address.prefixLength)", at: line.place)
    }
    var result = KeepalivedMeaning.Address(address: address, interface: nil, place: line.place)
    var words = line.arguments
    while let word = words.popFirst() {
      if word == "dev" {
        result.interface = words.popFirst()
      } else if let known = KeepalivedKeywords.address[word] {
        words = words.dropFirst(known.count)
        note("\(line.keyword): '\(word)' is not carried over: \(known.advice)", at: line.place)
      } else {
        unknown(word, among: Array(KeepalivedKeywords.address.keys) + ["dev"], in: "an address", at: line.place)
      }
    }
    return result
  }

  // MARK: Values

  private mutating func each(
    _ statement: KeepalivedStatement, _ body: (inout KeepalivedReader, KeepalivedStatement) -> Void
  ) {
    for line in statement.block ?? [] { body(&self, line) }
  }

  private mutating func name(of statement: KeepalivedStatement) -> String? {
    if let name = statement.arguments.first { return name }
    complain("\(statement.keyword) has no name", at: statement.place)
    return nil
  }

  fileprivate mutating func number(_ line: KeepalivedStatement, _ range: ClosedRange<Int>) -> Int? {
    if let number = line.arguments.first.flatMap({ Int($0) }), range.contains(number) { return number }
    complain(
      "\(line.keyword) \(line.arguments.first ?? ""): must be a number from \(range.lowerBound) to \(range.upperBound)",
      at: line.place)
    return nil
  }

  private mutating func decimal(_ line: KeepalivedStatement, _ range: ClosedRange<Double>) -> Double? {
    if let number = line.arguments.first.flatMap({ Double($0) }), range.contains(number) { return number }
    complain(
      "\(line.keyword) \(line.arguments.first ?? ""): must be seconds, at most \(range.upperBound)", at: line.place)
    return nil
  }

  fileprivate mutating func weight(_ words: ArraySlice<String>, at place: KeepalivedPlace) -> Int? {
    guard let weight = words.first.flatMap({ Int($0) }), (-254...254).contains(weight) else {
      complain("weight \(words.first ?? ""): must be a number from -254 to 254", at: place)
      return nil
    }
    if words.dropFirst().first == "reverse" {
      complain("weight \(weight) reverse: a check that is good when it fails: turn its exit status around", at: place)
    }
    return weight
  }

  private mutating func address(_ line: KeepalivedStatement) -> IPAddress? {
    if let address = line.arguments.first.flatMap({ IPAddress($0) }) { return address }
    complain("\(line.keyword) \(line.arguments.first ?? ""): no address", at: line.place)
    return nil
  }

  // MARK: Findings

  /// A keyword that the reader does not take.
  fileprivate mutating func other(
    _ statement: KeepalivedStatement, _ advice: [String: String], in place: String, also known: [String]
  ) {
    guard let words = advice[statement.keyword] else {
      return unknown(statement.keyword, among: Array(advice.keys) + known, in: place, at: statement.place)
    }
    note("'\(statement.keyword)' is not carried over: \(words)", at: statement.place)
  }

  private mutating func unknown(_ word: String, among known: [String], in where_: String, at place: KeepalivedPlace) {
    let nearest = NearestWord.to(word, among: known.sorted()).map { "; '\($0)' was meant?" } ?? ""
    complain("'\(word)' is no keyword of \(where_)\(nearest)", at: place)
  }

  private mutating func complain(_ message: String, at place: KeepalivedPlace) {
    findings.append(KeepalivedFinding(severity: .error, place: place, message: message))
  }

  fileprivate mutating func note(_ message: String, at place: KeepalivedPlace) {
    findings.append(KeepalivedFinding(severity: .note, place: place, message: message))
  }
}
