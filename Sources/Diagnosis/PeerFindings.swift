// Whether all nodes run the same file: each vipd tells the digest of its own, and the examination asks those that can be
// asked. Pure: it is given their answers.

import ClusterConfiguration
import ControlAPI
import NetworkTypes

/// What came of asking a peer's vipd.
public enum PeerAnswer: Sendable {
  case status(NodeStatus)
  /// Why there is none.
  case silence(String)
}

struct PeerFindings: Sendable {
  let patient: Patient
  /// By node; empty where nobody was asked.
  let answers: [NodeName: PeerAnswer]

  var findings: [Finding] {
    var findings: [Finding] = []
    for peer in patient.peers {
      switch answers[peer.name] {
      case nil: break
      case .silence(let reason)?:
        findings.append(
          Finding(
            .notExamined, .note, peer.name.rawValue, seen: "its vipd cannot be asked for its file: \(reason)",
            why: "that the nodes' files differ would go unnoticed",
            mend: ["ssh \(peer.addresses[0]) sha256sum \(patient.file.path.shellWord)"]))
      case .status(let status)?: findings += file(of: peer, status)
      }
    }
    return findings
  }

  private func file(of peer: ClusterConfiguration.Node, _ status: NodeStatus) -> [Finding] {
    guard let theirs = status.configuration, theirs.digest != patient.file.digest else { return [] }
    // Where this node has it, and not where the peer says that its own is: anybody may answer there.
    let path = patient.file.path.shellWord
    let address = peer.addresses[0]
    return [
      Finding(
        .filesDiffer, .error, peer.name.rawValue,
        seen: "its cluster file (digest \(theirs.digest)) is not this node's (\(patient.file.path), digest "
          + "\(patient.file.digest))",
        why:
          "nodes that do not go by one file disagree on who comes next, or on the addresses. Which of the two is right you "
          + "have to say (`ssh \(address) cat \(path) | diff - \(path)`): this takes the other's, and keeps yours as .old",
        mend: patient.commands(
          "scp \(address.inBrackets):\(path) \(path).new && cp -p \(path) \(path).old && mv \(path).new \(path)"))
    ]
  }
}

extension IPAddress {
  /// As scp(1) takes it.
  fileprivate var inBrackets: String { family == .ipv6 ? "[\(self)]" : description }
}
