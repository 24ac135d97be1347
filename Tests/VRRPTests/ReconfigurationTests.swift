// The file is read again: what a virtual router does about a change, in each of its states.

import NetworkTypes
import Testing
import VRRP

@Suite("A changed file")
struct ReconfigurationTests {
  private let files = [
    "same": configuration(),
    "renamed": configuration(name: "front"),
    "more": configuration(addresses: ["10.0.0.39/24", "10.0.0.40/24"]),
    "other": configuration(addresses: ["10.0.0.40/24"]),
    "wider": configuration(addresses: ["10.0.0.39/16"]),
    "faster": configuration(every: 10),
    "patient": configuration(preempt: .never),
  ]

  @Test("Active: what did not change is not touched", arguments: ["same", "renamed", "patient"])
  func untouched(file: String) {
    expectTranscript(
      of: configuration(), files: files,
      active
        + """
        4s reconfigure \(file)
          = active, Adver_Timer 4.609375s, announces 3.809375s
        """)
  }

  @Test("Active: an added address is advertised, installed and announced; the others are left alone")
  func added() {
    expectTranscript(
      of: configuration(), files: files,
      active
        + """
        4s reconfigure more
          send 100 every 1s of 10.0.0.39 10.0.0.40 to all
          install 10.0.0.40/24
          announce 10.0.0.40/24
          = active, Adver_Timer 5s, announces 4.2s
        4.2s deadline                                # all of them again
          announce 10.0.0.39/24 10.0.0.40/24
          = active, Adver_Timer 5s, announces 5.2s
        4.5s reconfigure same
          send 100 every 1s of 10.0.0.39 to all
          remove 10.0.0.40/24
          = active, Adver_Timer 5.5s, announces 5.2s
        """)
  }

  @Test(
    "Active: an address that is replaced is removed before the new one is installed", arguments: ["other", "wider"])
  func replaced(file: String) {
    let new = file == "other" ? "10.0.0.40/24" : "10.0.0.39/16"
    expectTranscript(
      of: configuration(), files: files,
      active
        + """
        4s reconfigure \(file)
          send 100 every 1s of \(new.dropLast(3)) to all
          remove 10.0.0.39/24
          install \(new)
          announce \(new)
          = active, Adver_Timer 5s, announces 4.2s
        """)
  }

  @Test("Active: an address that goes to another interface moves there")
  func otherInterface() {
    var moved = configuration()
    moved.families[0].addresses = [virtual("10.0.0.39/24", on: "eth1")]
    expectTranscript(
      of: configuration(), files: ["moved": moved],
      active
        + """
        4s reconfigure moved
          send 100 every 1s of 10.0.0.39 to all
          remove 10.0.0.39/24
          install 10.0.0.39/24@eth1
          announce 10.0.0.39/24@eth1
          = active, Adver_Timer 5s, announces 4.2s
        """)
  }

  @Test("Active: a changed interval is told at once and kept from then on")
  func interval() {
    expectTranscript(
      of: configuration(), files: files,
      active
        + """
        4s reconfigure faster
          send 100 every 100ms of 10.0.0.39 to all
          = active, Adver_Timer 4.1s, announces 3.809375s
        4.1s deadline
          send 100 every 100ms of 10.0.0.39 to all
          announce 10.0.0.39/24
          = active, Adver_Timer 4.2s, announces 5.1s
        """)
  }

  @Test("Backup: the Active Router's interval stands until it says another", arguments: ["same", "more", "faster"])
  func backup(file: String) {
    expectTranscript(
      of: configuration(), files: files,
      """
      0s startup
        initialize → backup: startup
        = backup, Active_Down_Timer 3.609375s at 1s
      1s hear 200 from high
        = backup, Active_Down_Timer 4.609375s at 1s
      2s reconfigure \(file)
        = backup, Active_Down_Timer 4.609375s at 1s
      """)
  }

  @Test("Backup: where none was heard, our own interval stands in for it, and so does a new one")
  func backupAlone() {
    expectTranscript(
      of: configuration(every: 1), files: files,
      """
      0s startup
        initialize → backup: startup
        = backup, Active_Down_Timer 0.03609375s at 10ms
      0.01s reconfigure same                         # to 1 s: an Active Router may need that long
        = backup, Active_Down_Timer 3.619375s at 1s
      """)
  }

  @Test("Backup: it becomes Active with the new addresses")
  func backupThenActive() {
    expectTranscript(
      of: configuration(), files: files,
      """
      0s startup
        initialize → backup: startup
        = backup, Active_Down_Timer 3.609375s at 1s
      2s reconfigure other
        = backup, Active_Down_Timer 3.609375s at 1s
      3.609375s deadline
        send 100 every 1s of 10.0.0.40 to all
        install 10.0.0.40/24
        announce 10.0.0.40/24
        backup → active: nobody heard
        = active, Adver_Timer 4.609375s, announces 3.809375s
      """)
  }

  @Test("Initialize: it starts with the new file")
  func initialize() {
    expectTranscript(
      of: configuration(), files: files,
      """
      0s reconfigure faster
        = initialize
      1s startup
        initialize → backup: startup
        = backup, Active_Down_Timer 1.3609375s at 100ms
      """)
  }

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
