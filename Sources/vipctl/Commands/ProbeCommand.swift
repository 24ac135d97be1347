// vipctl probe: one line and an exit code for Nagios, Icinga, and whoever else runs monitoring plugins.

import ArgumentParser
import ControlAPI

struct ProbeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "probe",
    abstract: "Check this node as a monitoring plugin does: one line, and an exit code.",
    discussion: """
      0 OK        this node is fit, and somebody holds each address
      1 WARNING   it is fit, but something is not as it should be
      2 CRITICAL  it is not fit, nobody is known to hold an address, or vipd does not answer
      3 UNKNOWN   this user may not ask, or the answer is not vipd's
      """)

  @OptionGroup var daemon: DaemonOptions

  func run() async throws {
    let result: ProbeResult
    do throws(ClientFailure) {
      result = ProbeResult(try await daemon.client.status())
    } catch {
      result = ProbeResult(error)
    }
    Terminal.write(result.line + "\n")
    throw ExitCode(result.verdict.rawValue)
  }
}
