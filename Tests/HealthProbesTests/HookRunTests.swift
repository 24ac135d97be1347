// One run of a hook: what it finds, what its end means, and that none outlives its time.

import Glibc
import Testing

@testable import HealthProbes

@Suite("Runs of hooks")
struct HookRunTests {
  private let host = TrackerHost(descriptors: PollWaiter.shared)

  @Test("It finds its words, its environment and its input")
  func input() async throws {
    let directory = try TemporaryDirectory()
    let program = try directory.file(
      "hook", "#!/bin/sh\nprintf '%s|' \"$1\" \"$VIPD_STATE\" >\(directory.path)/heard; cat >>\(directory.path)/heard\n"
    )
    let hook = Hook([program, "a b"], environment: ["VIPD_STATE": "active"], input: Array("{}\n".utf8))
    #expect(await host.run(hook, timeout: .seconds(60)) == nil)
    #expect(directory.text("heard") == "a b|active|{}\n")
  }

  @Test("One that reads nothing of a long input does no harm")
  func unread() async throws {
    let hook = Hook(["/bin/true"], input: [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20))
    #expect(await host.run(hook, timeout: .seconds(60)) == nil)
  }

  @Test("What goes wrong, in words")
  func failures() async throws {
    #expect(await host.run(Hook(["/bin/sh", "-c", "echo oh; exit 2"]), timeout: .seconds(60)) == "exit status 2: oh")
    #expect(
      await host.run(Hook(["/nowhere/hook"]), timeout: .seconds(60))?.contains("no such file") ?? false)
    let slow = await host.run(Hook(["/bin/sh", "-c", "echo waiting; sleep 1000"]), timeout: .seconds(5))
    #expect(slow?.hasPrefix("timed out after 5s, process group killed") ?? false, "\(slow ?? "nothing")")
  }
}
