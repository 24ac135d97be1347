// RFC 9568 §6.4, row by row (FSM-1 … FSM-12), and then every pair of state and event.
//
// We have priority 100 unless said otherwise: Skew_Time is (256 - 100) × 1 s / 256 = 0.609375 s, and
// Active_Down_Interval is 3.609375 s.

import NetworkTypes
import Testing
import VRRP

@Suite("The state machine")
struct StateMachineTests {
  @Test("FSM-1: the address owner becomes Active at startup")
  func startupOfOwner() {
    expectTranscript(
      of: configuration(priority: 255),
      """
      0s startup
        send 255 every 1s of 10.0.0.39 to all
        install 10.0.0.39/24
        announce 10.0.0.39/24
        initialize → active: address owner
        = active, Adver_Timer 1s, announces 0.2s
      """)
  }

  @Test("FSM-2: anyone else waits for Active_Down_Interval at startup")
  func startupOfBackup() {
    expectTranscript(
      of: configuration(),
      """
      0s startup
        initialize → backup: startup
        = backup, Active_Down_Timer 3.609375s at 1s
      """)
  }

  @Test("FSM-3: a Backup that is shut down leaves without a word")
  func shutdownOfBackup() {
    expectTranscript(
      of: configuration(),
      """
      0s startup
        initialize → backup: startup
        = backup, Active_Down_Timer 3.609375s at 1s
      1s shutdown
        backup → initialize: stopped
        = initialize
      """)
  }

  @Test("FSM-4: Active_Down_Timer fires; it advertises, installs, announces")
  func activeDownTimer() {
    expectTranscript(
      of: configuration(),
      """
      10s startup
        initialize → backup: startup
        = backup, Active_Down_Timer 13.609375s at 1s
      13.609375s deadline
        send 100 every 1s of 10.0.0.39 to all
        install 10.0.0.39/24
        announce 10.0.0.39/24
        backup → active: nobody heard
        = active, Adver_Timer 14.609375s, announces 13.809375s
      """)
  }

  @Test("FSM-4: the reason names the Active Router that fell silent")
  func silence() {
    expectTranscript(
      of: configuration(),
      """
      0s startup
        initialize → backup: startup
        = backup, Active_Down_Timer 3.609375s at 1s
      2s hear 200 from high
        = backup, Active_Down_Timer 5.609375s at 1s
      5.609375s deadline
        send 100 every 1s of 10.0.0.39 to all
        install 10.0.0.39/24
        announce 10.0.0.39/24
        backup → active: silence of high (200) since 2s
        = active, Adver_Timer 6.609375s, announces 5.809375s
      """)
  }

  @Test("FSM-5: priority 0 leaves Skew_Time to wait")
  func relinquished() {
    expectTranscript(
      of: configuration(),
      """
      0s startup
        initialize → backup: startup
        = backup, Active_Down_Timer 3.609375s at 1s
      1s hear 200 every 100ms from high
        = backup, Active_Down_Timer 1.3609375s at 100ms
      1.1s hear 0 every 100ms from high              # (256 - 100) × 100 ms / 256
        = backup, Active_Down_Timer 1.1609375s at 100ms, high relinquished
      1.1609375s deadline
        send 100 every 1s of 10.0.0.39 to all        # our own interval from here
        forward connections to 10.0.0.39/24 to high
        install 10.0.0.39/24
        announce 10.0.0.39/24
        backup → active: relinquished by high (0)
        = active, Adver_Timer 2.1609375s, announces 1.3609375s
      """)
  }

  @Test("FSM-5: priority 0 from another router than the one that is followed is none of our business")
  func anotherRelinquishes() {
    expectTranscript(
      of: configuration(),
      """
      0s startup
        initialize → backup: startup
        = backup, Active_Down_Timer 3.609375s at 1s
      1s hear 200 from high
        = backup, Active_Down_Timer 4.609375s at 1s
      1.1s hear 0 from low                           # a third router, which did not hear high, lets go
        = backup, Active_Down_Timer 4.609375s at 1s
      2s hear 0 from high
        = backup, Active_Down_Timer 2.609375s at 1s, high relinquished
      2.1s hear 0 from low                           # now any will do
        = backup, Active_Down_Timer 2.709375s at 1s, low relinquished
      """)
  }

  @Test("FSM-6: a better or equal priority re-arms the timer, with the sender's interval")
  func adoption() {
    expectTranscript(
      of: configuration(),
      """
      0s startup
        initialize → backup: startup
        = backup, Active_Down_Timer 3.609375s at 1s
      1s hear 101 every 2s from low                  # 3 × 2 s + 156/256 × 2 s
        = backup, Active_Down_Timer 8.21875s at 2s
      2s hear 100 every 500ms from low               # equal is enough, whatever the address
        = backup, Active_Down_Timer 3.8046875s at 500ms
      3s hear 255 every 500ms from high
        = backup, Active_Down_Timer 4.8046875s at 500ms
      """)
  }

  @Test("FSM-6: with Preempt_Mode false a lower priority does the same")
  func adoptionWithoutPreemption() {
    expectTranscript(
      of: configuration(preempt: .never),
      """
      0s startup
        initialize → backup: startup
        = backup, Active_Down_Timer 3.609375s at 1s
      1s hear 1 every 500ms from low
        = backup, Active_Down_Timer 2.8046875s at 500ms
      """)
  }

  @Test("FSM-7: to the letter, a lower priority is discarded")
  func discardedByTheLetter() {
    expectTranscript(
      of: configuration(preempt: .rfc),
      """
      0s startup
        initialize → backup: startup
        = backup, Active_Down_Timer 3.609375s at 1s
      3s hear 99 every 2s from high                  # neither timer nor interval change
        = backup, Active_Down_Timer 3.609375s at 1s, will preempt high
      3.609375s deadline
        send 100 every 1s of 10.0.0.39 to all
        forward connections to 10.0.0.39/24 to high
        install 10.0.0.39/24
        announce 10.0.0.39/24
        backup → active: preemption of high (99)
        = active, Adver_Timer 4.609375s, announces 3.809375s
      """)
  }

  @Test("FSM-7: with fast preemption a lower priority leaves at most Skew_Time to wait")
  func fastPreemption() {
    expectTranscript(
      of: configuration(),
      """
      0s startup
        initialize → backup: startup
        = backup, Active_Down_Timer 3.609375s at 1s
      1s hear 99 every 2s from high                  # its interval is not adopted
        = backup, Active_Down_Timer 1.609375s at 1s, will preempt high
      1.5s hear 99 every 2s from high                # nor the timer put off
        = backup, Active_Down_Timer 1.609375s at 1s, will preempt high
      1.609375s deadline
        send 100 every 1s of 10.0.0.39 to all
        forward connections to 10.0.0.39/24 to high
        install 10.0.0.39/24
        announce 10.0.0.39/24
        backup → active: preemption of high (99)
        = active, Adver_Timer 2.609375s, announces 1.809375s
      """)
  }

  @Test("FSM-8: an Active Router that is shut down says priority 0, then removes the addresses")
  func shutdownOfActive() {
    expectTranscript(
      of: configuration(priority: 255),
      """
      0s startup
        send 255 every 1s of 10.0.0.39 to all
        install 10.0.0.39/24
        announce 10.0.0.39/24
        initialize → active: address owner
        = active, Adver_Timer 1s, announces 0.2s
      0.5s lose eth0
        send 0 every 1s of 10.0.0.39 to all
        remove 10.0.0.39/24
        active → initialize: eth0 is down
        = initialize
      """)
  }

  @Test("FSM-9: Adver_Timer fires; it advertises and re-arms")
  func adverTimer() {
    expectTranscript(
      of: configuration(priority: 255),
      """
      0s startup
        send 255 every 1s of 10.0.0.39 to all
        install 10.0.0.39/24
        announce 10.0.0.39/24
        initialize → active: address owner
        = active, Adver_Timer 1s, announces 0.2s
      0.2s deadline
        announce 10.0.0.39/24
        = active, Adver_Timer 1s, announces 1.2s
      1s deadline
        send 255 every 1s of 10.0.0.39 to all
        = active, Adver_Timer 2s, announces 1.2s
      """)
  }

  @Test("FSM-10: a rival's priority 0 is answered at once, and Adver_Timer re-armed")
  func rivalRelinquishes() {
    expectTranscript(
      of: configuration(),
      active
        + """
        4s hear 0 from low
          send 100 every 1s of 10.0.0.39 to all
          announce 10.0.0.39/24                      # ours: the rival may have announced itself
          = active, Adver_Timer 5s, announces 4.2s
        """)
  }

  @Test("FSM-11: a greater priority takes over; its interval is adopted")
  func superseded() {
    expectTranscript(
      of: configuration(),
      active
        + """
        4s hear 101 every 500ms from low
          retire 10.0.0.39/24
          send 100 every 1s of 10.0.0.39 to low at 10.0.0.1   # ours: so that it announces again, once we let go
          active → backup: superseded by low (101)
          = backup, Active_Down_Timer 5.8046875s at 500ms
        """)
  }

  @Test("FSM-11: an equal priority takes over where its primary address is greater")
  func supersededByAddress() {
    expectTranscript(
      of: configuration(),
      active
        + """
        4s hear 100 from high
          retire 10.0.0.39/24
          send 100 every 1s of 10.0.0.39 to high at 10.0.0.3
          active → backup: superseded by high (100)
          = backup, Active_Down_Timer 7.609375s at 1s
        """)
  }

  @Test("FSM-11: in a group the loser's last word goes to all")
  func supersededInGroup() {
    expectTranscript(
      of: configuration(transport: .multicast),
      active
        + """
        4s hear 101 from low
          retire 10.0.0.39/24
          send 100 every 1s of 10.0.0.39 to all
          active → backup: superseded by low (101)
          = backup, Active_Down_Timer 7.609375s at 1s
        """)
  }

  @Test("FSM-12: any other advertisement is answered at once; Adver_Timer is as before", arguments: [99, 1])
  func lowerRival(priority: Int) {
    expectTranscript(
      of: configuration(),
      active
        + """
        4s hear \(priority) every 500ms from high
          send 100 every 1s of 10.0.0.39 to all
          announce 10.0.0.39/24
          = active, Adver_Timer 4.609375s, announces 4.2s
        """)
  }

  @Test("FSM-12: one answer does for all that is heard within 10 ms, and the last of them is answered too")
  func answersInHaste() {
    expectTranscript(
      of: configuration(),
      active
        + """
        4s hear 99 from high
          send 100 every 1s of 10.0.0.39 to all
          announce 10.0.0.39/24
          = active, Adver_Timer 4.609375s, announces 4.2s
        4.001s hear 99 from high
          = active, Adver_Timer 4.01s, announces 4.05s
        4.002s hear 0 from low                       # FSM-10 alike
          = active, Adver_Timer 4.01s, announces 4.05s
        4.01s deadline
          send 100 every 1s of 10.0.0.39 to all
          = active, Adver_Timer 5.01s, announces 4.05s
        4.011s hear 99 from high                     # that was an answer as well
          = active, Adver_Timer 4.02s, announces 4.05s
        """)
  }

  @Test("FSM-12: at short intervals answers may follow sooner: a tenth of the interval apart")
  func answersAtShortIntervals() {
    expectTranscript(
      of: configuration(every: 1),
      """
      0s startup
        initialize → backup: startup
        = backup, Active_Down_Timer 0.03609375s at 10ms
      0.03609375s deadline
        send 100 every 10ms of 10.0.0.39 to all
        install 10.0.0.39/24
        announce 10.0.0.39/24
        backup → active: nobody heard
        = active, Adver_Timer 0.04609375s, announces 0.23609375s
      0.037s hear 99 every 10ms from high
        send 100 every 10ms of 10.0.0.39 to all
        = active, Adver_Timer 0.04609375s, announces 0.08609375s
      0.0375s hear 99 every 10ms from high
        = active, Adver_Timer 0.038s, announces 0.08609375s
      """)
  }

  @Test("FSM-12: an equal priority with the lesser primary address is any other advertisement")
  func equalRival() {
    expectTranscript(
      of: configuration(),
      active
        + """
        4s hear 100 from low
          send 100 every 1s of 10.0.0.39 to all
          announce 10.0.0.39/24
          = active, Adver_Timer 4.609375s, announces 4.2s
        """)
  }

  /// How priority 100 becomes Active at 3.609375 s.
  private let active = """
    0s startup
      initialize → backup: startup
      = backup, Active_Down_Timer 3.609375s at 1s
    3.609375s deadline
      send 100 every 1s of 10.0.0.39 to all
      install 10.0.0.39/24
      announce 10.0.0.39/24
      backup → active: nobody heard
      = active, Adver_Timer 4.609375s, announces 3.809375s

    """
}

@Suite("Every state with every event")
struct StateEventTableTests {
  /// Each row happens at 5 s to a fresh copy of the router in that state: priority 100, interval 1 s, Preempt_Mode true
  /// and fast preemption. A Backup follows `high` (200), last heard at 4 s; an Active Router has been one since 3.609 s.
  private static let table = """
    state      | event                | what happens
    initialize | startup              | initialize → backup: startup; = backup, Active_Down_Timer 8.609375s at 1s
    initialize | shutdown             | = initialize
    initialize | deadline             | = initialize
    initialize | hear 0 from high     | = initialize
    initialize | hear 50 from high    | = initialize
    initialize | hear 100 from high   | = initialize
    initialize | hear 200 from high   | = initialize
    initialize | priority 80          | = initialize
    initialize | reconfigure same     | = initialize
    backup     | startup              | = backup, Active_Down_Timer 7.609375s at 1s
    backup     | shutdown             | backup → initialize: stopped; = initialize
    backup     | deadline             | = backup, Active_Down_Timer 7.609375s at 1s
    backup     | hear 0 from high     | = backup, Active_Down_Timer 5.609375s at 1s, high relinquished
    backup     | hear 50 from high    | = backup, Active_Down_Timer 5.609375s at 1s, will preempt high
    backup     | hear 100 from high   | = backup, Active_Down_Timer 8.609375s at 1s
    backup     | hear 200 from high   | = backup, Active_Down_Timer 8.609375s at 1s
    backup     | priority 80          | = backup, Active_Down_Timer 7.6875s at 1s
    backup     | reconfigure same     | = backup, Active_Down_Timer 7.609375s at 1s
    active     | startup              | = active, Adver_Timer 5.609375s, announces 9.809375s
    active     | shutdown             | send 0 to all; = active, leaves at 6.02s
    active     | lose eth0            | send 0 to all; remove; active → initialize: eth0 is down; = initialize
    backup     | contest              | = backup, Active_Down_Timer 7.609375s at 1s
    active     | contest              | announce; = active, Adver_Timer 5.609375s, announces 5.2s
    leaving    | startup              | send 100 to all; announce; = active, Adver_Timer 6s, announces 5.2s
    leaving    | shutdown             | = active, leaves at 5.9s
    leaving    | lose eth0            | send 0 to all; remove; active → initialize: eth0 is down; = initialize
    leaving    | deadline             | = active, leaves at 5.9s
    leaving    | hear 0 from high     | = active, leaves at 5.9s
    leaving    | hear 50 from high    | retire; send 0 to high; active → initialize: stopped; = initialize
    leaving    | hear 200 from high   | retire; send 0 to high; active → initialize: stopped; = initialize
    leaving    | priority 80          | = active, leaves at 5.9s
    leaving    | reconfigure same     | = active, leaves at 5.9s
    active     | deadline             | = active, Adver_Timer 5.609375s, announces 9.809375s
    active     | hear 0 from high     | send 100 to all; announce; = active, Adver_Timer 6s, announces 5.2s
    active     | hear 50 from high    | send 100 to all; announce; = active, Adver_Timer 5.609375s, announces 5.2s
    active     | hear 100 from low    | send 100 to all; announce; = active, Adver_Timer 5.609375s, announces 5.2s
    active     | hear 100 from high   | retire; send 100 to high; yields; = backup, Active_Down_Timer 8.609375s at 1s
    active     | hear 200 from high   | retire; send 100 to high; yields; = backup, Active_Down_Timer 8.609375s at 1s
    active     | priority 80          | send 80 to all; = active, Adver_Timer 6s, announces 9.809375s
    active     | reconfigure same     | = active, Adver_Timer 5.609375s, announces 9.809375s
    """

  private static let preludes: [String: [String]] = [
    "initialize": [],
    "backup": ["0s startup", "4s hear 200 from high"],
    "active": [
      "0s startup", "3.609375s deadline", "3.809375s deadline", "4.609375s deadline", "4.809375s deadline",
    ],
    "leaving": [
      "0s startup", "3.609375s deadline", "3.809375s deadline", "4.609375s deadline", "4.809375s deadline",
      "4.88s shutdown",
    ],
  ]

  @Test("FSM-1 … FSM-12: the whole table", arguments: rows(of: table))
  func row(_ row: Row) throws {
    let own = configuration()
    var player = TranscriptPlayer(router: VirtualRouter(configuration: own), files: ["same": own])
    for line in try #require(Self.preludes[row.state]) { _ = player.play(line) }
    #expect(player.router.state.name.rawValue == (row.state == "leaving" ? "active" : row.state))
    let before = player.router

    let happened = player.play("5s \(row.event)").map(shortened).joined(separator: "; ")

    #expect(happened == row.outcome)
    if row.outcome.hasPrefix("="), row.event == "startup" || row.event == "deadline" || row.event == "reconfigure same"
    {
      #expect(player.router == before, "harmless: the whole value is as before")
    }
  }

  /// A row says no addresses and intervals, which the transcripts above do.
  private func shortened(_ line: String) -> String {
    if line.hasPrefix("send") {
      let words = line.split(separator: " ")
      let recipient = words.firstIndex(of: "to").map { words[$0 + 1] } ?? "?"
      return "send \(words[1]) to \(recipient)"
    }
    if line.contains(": superseded by") { return "yields" }
    for verb in ["install", "remove", "retire", "announce"] where line.hasPrefix(verb) { return verb }
    return line
  }
}

/// One line of a table in a test.
struct Row: Sendable, CustomTestStringConvertible {
  var columns: [String]
  var state: String { columns[0] }
  var event: String { columns[1] }
  var outcome: String { columns[2] }
  var testDescription: String { columns.dropLast().joined(separator: " + ") }
}

/// The rows below the heading.
func rows(of table: String) -> [Row] {
  table.split(separator: "\n").dropFirst().map { line in
    Row(columns: line.split(separator: "|").map { $0.split(separator: " ").joined(separator: " ") })
  }
}
