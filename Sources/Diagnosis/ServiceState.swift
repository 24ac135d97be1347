// Whether the service that is to run does: a vipd that is enabled and down is the first thing to know on a bad night.

enum ServiceState {
  static func findings(for patient: Patient) async -> [Finding] {
    guard patient.status == nil,
      let answer = await Programs.ask(
        "systemctl", ["show", "vipd.service", "--property=UnitFileState,ActiveState"]), answer.isSuccess
    else { return [] }
    return findings(in: answer.output)
  }

  /// - Parameter properties: as `systemctl show` prints them.
  static func findings(in properties: String) -> [Finding] {
    var values: [Substring: Substring] = [:]
    for line in properties.split(separator: "\n") {
      let parts = line.split(separator: "=", maxSplits: 1)
      if parts.count == 2 { values[parts[0]] = parts[1] }
    }
    guard values["UnitFileState"] == "enabled", let state = values["ActiveState"], state != "active" else { return [] }
    return [
      Finding(
        .daemon, state == "failed" ? .error : .warning, "vipd.service", seen: "it is enabled, and \(state)",
        why: "this node neither holds an address nor takes one over; `journalctl --unit vipd` says why it ended",
        mend: ["systemctl start vipd"])
    ]
  }
}
