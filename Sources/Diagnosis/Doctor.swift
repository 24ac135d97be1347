// The examination as a whole: looks at this host, listens to its network for a while, and says what is wrong, what is most
// urgent first. Nothing is changed; everything that is looked at is there before vipd is set up, or vipd is asked for it.

import ClusterConfiguration
import ControlAPI
import NetworkTypes
import VRRP
import VRRPWire

public struct Doctor: Sendable {
  public let patient: Patient
  /// For how long events of the past count.
  public var memory: Duration
  /// How long to listen on the network; zero for not at all.
  public var listening: Duration
  /// The user that vipd runs as.
  public var user: String?

  /// - Parameter listening: nil for as long as it takes to hear each Active Router, ten seconds at most.
  public init(_ patient: Patient, memory: Duration, listening: Duration? = nil, user: String? = nil) {
    self.patient = patient
    self.memory = memory
    self.user = user
    let longest = patient.routers.map(\.interval.duration).max() ?? .seconds(1)
    self.listening = listening ?? min(.seconds(10), longest * 2 + .milliseconds(500))
  }

  /// What is wrong, the worst first.
  ///
  /// - Parameter peers: what the peers' vipds answered, where they were asked.
  public func findings(peers: [NodeName: PeerAnswer] = [:]) async -> [Finding] {
    var findings = Privileges.ofThisProcess()?.findings ?? []
    findings += HostFindings.interfaces(of: patient) + HostFindings.scripts(of: patient)
    findings += HostFindings.keepalived(beside: patient)
    findings += await ServiceState.findings(for: patient)
    findings += KernelSettings().findings(for: patient)
    findings += NetworkManagers().findings(for: patient)
    let mayLook = Privileges.ofThisProcess()?.mayListen ?? true
    if mayLook { findings += await Firewall.ofThisHost().findings(for: patient) }
    var observations: [Observation] = []
    if mayLook, listening > .zero { findings += wire(&observations) }
    let advertised = listening > .zero ? Set(observations.compactMap { $0.advertisement?.vrid.rawValue }) : nil
    if mayLook { findings += Neighbors(patient: patient, advertised: advertised).findings() }
    findings += PeerFindings(patient: patient, answers: peers).findings
    if let status = patient.status {
      findings += DaemonFindings(patient: patient, status: status, memory: memory, user: user).findings
    }
    return Self.sorted(findings)
  }

  /// The worst first, and otherwise as they were found.
  private static func sorted(_ findings: [Finding]) -> [Finding] {
    let order: [Finding.Severity] = [.error, .warning, .note]
    return order.flatMap { severity in findings.filter { $0.severity == severity } }
  }

  private func wire(_ observations: inout [Observation]) -> [Finding] {
    var recordings: [PacketRecording] = []
    var findings: [Finding] = []
    for interface in patient.vrrpInterfaces where interface.isUp {
      do throws(RecordingFailure) {
        recordings.append(try PacketRecording(listeningOn: interface.name))
      } catch {
        findings.append(
          Finding(
            .notExamined, .note, interface.name, seen: error.description,
            why: "another cluster with our VRID would go unnoticed", mend: ["sudo vipctl doctor"]))
      }
    }
    observations = listen(to: recordings)
    return findings + WireFindings(patient: patient, observations: observations).findings
  }

  private func listen(to recordings: [PacketRecording]) -> [Observation] {
    let clock = ContinuousClock()
    let end = clock.now + listening
    var judge = CaptureJudge()
    var observations: [Observation] = []
    var recordings = recordings
    while clock.now < end, !recordings.isEmpty {
      for (index, recording) in recordings.enumerated().reversed() {
        guard let next = try? recording.next() else {
          // The interface has gone.
          recordings.remove(at: index)
          continue
        }
        guard case .frame(let frame) = next, let packet = ObservedPacket(frame: frame.bytes, kind: recording.kind)
        else {
          continue
        }
        observations.append(judge.judge(packet, at: frame.time))
      }
    }
    return observations
  }
}
