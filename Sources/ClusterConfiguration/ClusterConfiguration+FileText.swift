// A configuration written back as a cluster file: what a tool that makes or changes one hands on. Defaults are left
// out, so that the text is also the shortest and the same for equal configurations.

import NetworkTypes
import VRRP

extension ClusterConfiguration {
  /// A cluster file that reads as this configuration. Ends with a newline.
  ///
  /// Weights that were left out stay so; priorities are written out.
  public var fileText: String {
    var lines = ["cluster: \(name.yaml)", "nodes:"]
    lines += nodes.map { node in
      "  - {name: \(node.name.rawValue.yaml), address: \(node.addresses.map(\.description.yaml).yamlList), "
        + "priority: \(node.priority)}"
    }
    if !trackers.isEmpty { lines.append("trackers:") }
    lines += trackers.flatMap(\.fileLines)
    lines.append("virtual_routers:")
    lines += virtualRouters.flatMap { fileLines(of: $0) }
    lines += control.fileLines
    return lines.joined(separator: "\n") + "\n"
  }

  private func fileLines(of router: VirtualRouter) -> [String] {
    let hasAllNodes = router.members == nodes.map { Member(node: $0.name, priority: $0.priority) }
    let keys: [(VirtualRouterKey, String?)] = [
      (.vrid, "\(router.vrid)"),
      (.addresses, router.addresses.map(\.fileText).yamlList),
      (.interval, router.interval == .oneSecond ? nil : "\(router.interval)"),
      (.track, router.trackers.isEmpty ? nil : router.trackers.map(\.tracker.rawValue.yaml).yamlList),
      (.nodes, hasAllNodes ? nil : router.members.map(\.node.rawValue.yaml).yamlList),
      (.interface, router.interface?.yaml),
      (.preempt, router.preemption.fileText),
      (.version, router.version == .v3 ? nil : "\(router.version.rawValue)"),
      (.password, router.password?.fileText),
      (.transport, router.transport == .unicast ? nil : "multicast"),
      (.checksum, router.checksum.fileText),
      (.minimumTTL, router.minimumHopLimit == 255 ? nil : "\(router.minimumHopLimit)"),
      (.lease, router.lease == .on ? nil : router.lease.rawValue),
      (.oneWay, router.oneWay == .yield ? nil : router.oneWay.rawValue),
      (.whenAllFail, router.whenAllFail == .keep ? nil : router.whenAllFail.rawValue),
      (.notify, router.notify.isEmpty ? nil : router.notify.map { $0.map(\.yaml).yamlList }.yamlList),
    ]
    return ["  - name: \(router.name.rawValue.yaml)"]
      + keys.compactMap { key, value in value.map { "    \(key.rawValue): \($0)" } }
  }
}

extension ClusterConfiguration.Tracker {
  fileprivate var fileLines: [String] {
    let standardTimeout = Self.standardTimeout(interval: interval)
    let keys: [(TrackerKey, String?)] =
      kind.fileKeys + [
        (.weight, weight.map(String.init)),
        (.interval, interval == kind.standardInterval ? nil : interval.written),
        (.timeout, timeout == standardTimeout ? nil : timeout.written),
        (.rise, rise == 1 ? nil : "\(rise)"),
        (.fall, fall == 1 ? nil : "\(fall)"),
      ]
    return ["  \(name.rawValue.yaml):"] + keys.compactMap { key, value in value.map { "    \(key.rawValue): \($0)" } }
  }
}

extension ClusterConfiguration.TrackerKind {
  fileprivate var fileKeys: [(TrackerKey, String?)] {
    switch self {
    case .process(let check):
      return [(.process, check.fileText)]
    case .script(let check):
      switch check.command {
      case .program(let path, let arguments): return [(.script, ([path] + arguments).map(\.yaml).yamlList)]
      case .shell(let text): return [(.script, text.yaml), (.shell, "true")]
      }
    case .http(let check): return [(.http, check.fileText)]
    case .tcp(let service): return [(.tcp, "\(service)".yaml)]
    case .unit(let name): return [(.unit, name.yaml)]
    case .file(let check):
      let path = check.path.yaml
      return [(.file, check.holdsWeight ? [(FileCheckKey.path, path), (.holds, "weight")].fileText() : path)]
    case .interface(let name): return [(.interface, name.yaml)]
    case .docker(let check):
      return [
        (
          .docker,
          [
            (DockerKey.socket, check.socket == Self.engineSocket ? nil : check.socket.yaml),
            (.service, check.service?.yaml),
          ].fileText()
        )
      ]
    case .swarm(let check):
      let patience = ClusterConfiguration.SwarmCheck.standardPatience
      return [
        (
          .swarm,
          [
            (SwarmKey.socket, check.socket == Self.engineSocket ? nil : check.socket.yaml),
            (.patience, check.patience == patience ? nil : check.patience.written),
          ].fileText()
        )
      ]
    }
  }

  private static let engineSocket = ClusterConfiguration.DockerCheck.standardSocket
}

extension ClusterConfiguration.ProcessCheck {
  fileprivate var fileText: String {
    let count = minimumCount == 1 ? nil : "\(minimumCount)"
    switch match {
    case .name(let name) where count == nil: return name.yaml
    case .name(let name): return [(ProcessKey.name, name.yaml), (.count, count)].fileText()
    case .commandLine(let text): return [(ProcessKey.commandLine, text.yaml), (.count, count)].fileText()
    }
  }
}

extension ClusterConfiguration.HTTPCheck {
  fileprivate var fileText: String {
    let ranges = statuses.map {
      $0.lowerBound == $0.upperBound ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)"
    }
    let keys: [(HTTPKey, String?)] = [
      (.url, url.yaml), (.socket, socket?.yaml), (.method, method == "GET" ? nil : method.yaml), (.host, host?.yaml),
      (.verify, verifies ? nil : "false"), (.status, statuses == Self.standardStatuses ? nil : ranges.yamlList),
      (.body, body?.yaml),
    ]
    return keys.dropFirst().allSatisfy { $0.1 == nil } ? url.yaml : keys.fileText()
  }
}

extension Array {
  /// What a mapping in one line says; `on` where it says nothing.
  fileprivate func fileText<Key: SchemaKey>() -> String where Element == (Key, String?) {
    let said = compactMap { key, value in value.map { "\(key.rawValue): \($0)" } }
    return said.isEmpty ? "on" : "{\(said.joined(separator: ", "))}"
  }
}

extension ClusterConfiguration.Control {
  fileprivate var fileLines: [String] {
    var lines: [String] = []
    if socket != Self.standardSocket { lines.append("  socket: \(socket.yaml)") }
    if listen != .standard { lines.append("  listen: \((listen?.description ?? "off").yaml)") }
    return lines.isEmpty ? [] : ["control:"] + lines
  }
}

extension VirtualAddress {
  fileprivate var fileText: String {
    guard let interface else { return address.description.yaml }
    return "{address: \(address.description.yaml), interface: \(interface.yaml)}"
  }
}

extension Preemption {
  /// Nil for the default.
  fileprivate var fileText: String? {
    switch self {
    case .immediate: nil
    case .rfc: "rfc"
    case .never: "false"
    case .after(let delay): "{after: \(delay.written)}"
    }
  }
}

extension ChecksumPreference {
  /// Nil for the default.
  fileprivate var fileText: String? {
    switch self {
    case .auto: nil
    case .rfc9568: "rfc9568"
    case .pseudoHeader: "pseudo_header"
    }
  }
}

extension String {
  /// As a YAML scalar: itself where that is safe, else in double quotes.
  package var yaml: String {
    let isPlain = utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "-"):
        true
      default: false
      }
    }
    if isPlain, let first, first != "-", self != "null" { return self }
    return "\"" + unicodeScalars.map(\.yamlEscaped).joined() + "\""
  }
}

extension Unicode.Scalar {
  /// YAML 1.1 §5.6
  fileprivate var yamlEscaped: String {
    switch self {
    case "\"": return "\\\""
    case "\\": return "\\\\"
    case "\n": return "\\n"
    case "\t": return "\\t"
    default:
      guard !isASCII || value < 0x20 || value == 0x7f else { return String(self) }
      let hex = String(value, radix: 16)
      return "\\U" + String(repeating: "0", count: 8 - hex.count) + hex
    }
  }
}

extension [String] {
  fileprivate var yamlList: String { "[" + joined(separator: ", ") + "]" }
}

extension ClusterConfiguration.Password {
  fileprivate var fileText: String {
    switch self {
    case .text(let password): password.text.yaml
    case .credential(let name): [(PasswordKey.credential, name.yaml)].fileText()
    }
  }
}
