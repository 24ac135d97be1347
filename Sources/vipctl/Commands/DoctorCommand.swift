// vipctl doctor: what is wrong with this host and its network, why it matters, and what mends it.

import ArgumentParser
import ClusterConfiguration
import ControlAPI
import Diagnosis
import Glibc
import NetworkTypes

struct DoctorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Look for what keeps addresses from moving as they should, and say what mends it.",
    discussion: """
      Looks at capabilities, kernel settings, the firewall, networkd and NetworkManager, listens on the network for other users \
      of the cluster's VRIDs and for peers that are set up otherwise, and asks vipd, where it runs, and those peers that \
      listen on the network (control.listen). Works before vipd is set up, and changes nothing, but that the interface is promiscuous while it listens. As root it \
      sees most.

      Exit codes: 0 nothing to mend, though there may be notes; 1 the examination failed; 2 something may fail (warnings); \
      3 something does not work (errors); 64 wrong usage.
      """)

  @Option(
    help: ArgumentHelp(
      "The cluster file.", discussion: "Left out: the running vipd's, or \(ClusterFile.standardPath).",
      valueName: "file"),
    completion: .file(extensions: ["yaml", "yml"]))
  var config: String?

  @Option(help: ArgumentHelp("Which node of the cluster this host is.", valueName: "name"))
  var node: String?

  @Option(
    help: ArgumentHelp("Listen on the network for this long; 0 for not at all.", valueName: "seconds"))
  var listen: Double?

  @Option(
    help: ArgumentHelp(
      "How far back what has passed still counts.", discussion: "A step of the clock, say.", valueName: "hours"))
  var memory: Double = 24

  @Flag(help: "Print JSON instead.")
  var json = false

  @OptionGroup var color: ColorOptions
  @OptionGroup var daemon: DaemonOptions

  mutating func validate() throws {
    guard listen.map({ (0...3600).contains($0) }) ?? true else {
      throw ValidationError("--listen must be a number of seconds from 0 to 3600")
    }
    guard (0...87_600).contains(memory) else { throw ValidationError("--memory must be a number of hours, 0 or more") }
  }

  func run() async throws {
    let (status, silence) = await askDaemon()
    let path = config ?? status?.configuration?.file ?? ClusterFile.standardPath
    let findings = silence + (try await examine(path, status))
    show(findings, path, status)
    if findings.exitCode != 0 { throw ExitCode(findings.exitCode) }
  }

  /// What vipd says, and what it means where it says nothing: that none runs is no finding.
  private func askDaemon() async -> (NodeStatus?, [Finding]) {
    do throws(ClientFailure) {
      return (try await daemon.client.status(), [])
    } catch {
      switch error {
      case .unreachable(_, code: ENOENT): return (nil, [])
      case .unreachable(_, code: EACCES), .unreachable(_, code: EPERM):
        let finding = Finding(
          .notExamined, .note, "vipd", seen: error.description, why: "what vipd itself knows was not looked at",
          mend: ["sudo vipctl doctor"])
        return (nil, [finding])
      default:
        let finding = Finding(
          .daemon, .error, "vipd", seen: error.description,
          why: "a vipd that does not answer may not take part; its addresses go to another node",
          mend: ["systemctl restart vipd"])
        return (nil, [finding])
      }
    }
  }

  private func examine(_ path: String, _ status: NodeStatus?) async throws -> [Finding] {
    let text: String
    do throws(UnreadableFile) {
      text = try ClusterFile.text(ofFileAt: path)
    } catch {
      return [
        Finding(
          .clusterFile, .error, path, seen: "it cannot be read: \(error)",
          why: "without a cluster file vipd does not start, and there is nothing to hold this host against",
          mend: [Self.remedy(forUnreadable: path)])
      ]
    }
    let outcome = ClusterFile.parse(text: text, fileName: path)
    guard let configuration = outcome.configuration else {
      let first = outcome.diagnostics.first { $0.severity == .error }
      return [
        Finding(
          .clusterFile, .error, path, seen: first.map { "\($0)" } ?? "it has errors", why: "vipd refuses it",
          mend: ["vipctl check \(path)"])
      ]
    }
    let interfaces = HostInterface.all()
    let found: ClusterConfiguration.Node
    do {
      found = try which(configuration, interfaces, status)
    } catch {
      return [
        Finding(
          .clusterFile, .error, path, seen: "\(error)",
          why: "vipd does not start on a host that it cannot find in its file",
          mend: ["ip -brief address"])
      ]
    }
    let patient = Patient(
      configuration: configuration, file: ClusterFileText(path: path, text: text, digest: outcome.digest), node: found,
      interfaces: interfaces, status: status)
    let doctor = Doctor(
      patient, memory: .seconds(Int64(memory * 3600)), listening: listen.map { .milliseconds(Int64($0 * 1000)) },
      user: Self.hasUser("vipd") ? "vipd" : nil)
    if isatty(STDERR_FILENO) == 1, doctor.listening > .zero {
      Terminal.complain("listening on the network for \(Double(doctor.listening.milliseconds) / 1000) s …")
    }
    return await doctor.findings(peers: await ask(patient))
  }

  private func which(
    _ configuration: ClusterConfiguration, _ interfaces: [HostInterface], _ status: NodeStatus?
  ) throws -> ClusterConfiguration.Node {
    if let name = node ?? status?.node {
      guard let found = configuration.nodes.first(where: { $0.name.rawValue == name }) else {
        throw ControlFailure(
          "the file has no node \(name), but \(configuration.nodes.map(\.name.rawValue).joined(separator: ", "))")
      }
      return found
    }
    return try configuration.node(holding: Set(interfaces.flatMap { $0.addresses.map(\.address) }))
  }

  /// Those peers whose vipd listens on the network, for what `PeerFindings` holds against this node's file.
  private func ask(_ patient: Patient) async -> [NodeName: PeerAnswer] {
    guard let listen = patient.configuration.control.listen, !listen.address.isLoopback else { return [:] }
    var answers: [NodeName: PeerAnswer] = [:]
    for peer in patient.configuration.nodes where peer.name != patient.node.name {
      let address = peer.addresses.first { $0.family == listen.address.family } ?? peer.addresses[0]
      let host = address.family == .ipv6 ? "[\(address)]" : address.description
      guard let url = HTTPURL(argument: "http://\(host):\(listen.port)") else { continue }
      do throws(ClientFailure) {
        answers[peer.name] = .status(
          try await ControlClient(.tcp(url), timeout: .milliseconds(Int64(daemon.timeout * 1000))).status())
      } catch {
        answers[peer.name] = .silence(error.description)
      }
    }
    return answers
  }

  /// Never one that would overwrite a file.
  private static func remedy(forUnreadable path: String) -> String {
    if access(path, F_OK) != 0, errno == ENOENT {
      return "cp -n /usr/share/doc/vipd/examples/swarm.yaml \(path.shellWord)"
    }
    return geteuid() == 0 ? "ls -l \(path.shellWord)" : "sudo vipctl doctor --config \(path.shellWord)"
  }

  private static func hasUser(_ name: String) -> Bool { getpwnam(name) != nil }

  private func show(_ findings: [Finding], _ path: String, _ status: NodeStatus?) {
    if json, let bytes = try? ControlJSON.pretty(findings) {
      return Terminal.write(String(decoding: bytes, as: UTF8.self) + "\n")
    }
    Terminal.write(
      DoctorPage(findings, file: path, hasDaemon: status != nil, width: Terminal.columns, style: color.style).text)
  }
}
