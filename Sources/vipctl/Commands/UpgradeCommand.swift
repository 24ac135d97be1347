// vipctl upgrade: have the running daemon go on as the program that is installed now.

import ArgumentParser
import ControlAPI

struct UpgradeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "upgrade",
    abstract: "Have vipd go on as the program that is installed now.",
    discussion: """
      Reads the cluster file again, tries the new program on the side, and then replaces the running one in its own \
      process: no address moves, and no peer misses an advertisement. A file with errors, or a program that does not \
      start, leaves the running one as it is.

      Exit codes: 0 the new program runs; 1 it does not.
      """)

  @OptionGroup var daemon: DaemonOptions

  func run() async throws {
    try await reportingFailure { () throws(ClientFailure) in
      let before = try await daemon.client.status()
      let answer = try await daemon.client.upgrade()
      try await succession(after: before)
      Terminal.write(printable(answer) + "\n")
    }
  }

  /// Waits until the new program answers.
  private func succession(after before: NodeStatus) async throws(ClientFailure) {
    let clock = ContinuousClock()
    let limit = clock.now + Self.patience
    var lastFailure: ClientFailure?
    while clock.now < limit {
      do throws(ClientFailure) {
        if try await daemon.client.status().upgrades ?? 0 > before.upgrades ?? 0 { return }
      } catch {
        // The server of the one has closed, that of the other has not begun.
        lastFailure = error
      }
      try? await Task.sleep(for: .milliseconds(10))
    }
    throw lastFailure ?? ClientFailure.failed(daemon.client.endpoint, "the program that ran goes on; its log says why")
  }

  private static let patience = Duration.seconds(10)
}
