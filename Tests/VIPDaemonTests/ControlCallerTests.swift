// Who may give commands. What the kernel says of a caller is tried with real accounts in SystemTests.

import Testing

@testable import VIPDaemon

@Suite("Who may give commands")
struct ControlCallerTests {
  struct Example: Sendable, CustomTestStringConvertible {
    var user: UInt32
    var groups: Set<UInt32>
    var owner: UInt32?
    /// Of the group of admins; nil where there is none.
    var admins: UInt32?
    var allowed: Bool
    var testDescription: String { "user \(user) in \(groups.sorted()), owner \(owner.map(String.init) ?? "none")" }
  }

  @Test(arguments: [
    Example(user: 0, groups: [0], admins: 900, allowed: true),
    Example(user: 0, groups: [0], admins: nil, allowed: true),
    Example(user: 1000, groups: [1000, 900], admins: 900, allowed: true),
    Example(user: 1000, groups: [900], admins: 900, allowed: true),
    Example(user: 1000, groups: [1000, 901], admins: 900, allowed: false),
    Example(user: 1000, groups: [1000], admins: nil, allowed: false),
    // A service's own user, which its scripts and hooks run as.
    Example(user: 999, groups: [999], owner: nil, admins: 900, allowed: false),
    // A person's own daemon.
    Example(user: 1000, groups: [1000], owner: 1000, admins: nil, allowed: true),
    Example(user: 1001, groups: [1000], owner: 1000, admins: nil, allowed: false),
  ])
  func authority(_ example: Example) {
    let authority = ControlAuthority(owner: example.owner) { example.admins }
    #expect(authority.allows(ControlCaller(user: example.user, groups: example.groups)) == example.allowed)
  }

  @Test("A refusal names who asked, what for, and what to do")
  func words() {
    let refusal = ControlAuthority.refusal(of: ControlCaller(user: 4_000_000_000, groups: []), to: "drain")
    #expect(
      refusal
        == "user 4000000000 may not drain: that is for root and the members of the group vipd-admin"
        + " (usermod -aG vipd-admin NAME, then log in again)")
  }
}
