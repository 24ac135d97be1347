// The status page, letter by letter, in the situations that an admin meets.

import ControlAPI
import Testing

@testable import vipctl

@Suite struct StatusPageTests {
  private static func page(_ status: NodeStatus, width: Int = 80, isColored: Bool = false) -> String {
    StatusPage(status, width: width, style: TextStyle(isColored: isColored)).text
  }

  @Test func allIsWell() {
    #expect(
      Self.page(.fine) == """
        swarm-prod / swarm1: OK, holds ingress
        vipd 0.1.0, up 4m 12s; /etc/vipd/vipd.yaml loaded 4m 12s ago

        VIRTUAL ROUTER  STATE   SINCE   HOLDER     PRIORITY
        ingress         ACTIVE  4m 11s  this node  200
          why: no other node has advertised a higher priority
          installed: 10.0.10.39/24, 203.0.113.9/28 on eth1
          VRID 12, IPv4 on eth0

        TRACKER  KIND     STATE  SINCE   WEIGHT  DETAIL
        docker   process  up     4m 12s  −120    pid 812
        proxy    script   up     4m 10s  −120    exit status 0

        PEER    ADDRESS     LAST HEARD
        swarm2  10.0.10.32  never
        swarm3  10.0.10.33  3m 21s ago, its farewell

        """)
  }

  @Test func failedOver() {
    #expect(
      Self.page(.failedOver) == """
        swarm-prod / swarm1: NOT FIT, swarm2 holds ingress
          docker is down: no process of the name dockerd
        vipd 0.1.0, up 4m 12s; /etc/vipd/vipd.yaml loaded 4m 12s ago

        VIRTUAL ROUTER  STATE   SINCE  HOLDER        PRIORITY
        ingress         backup  9.8s   swarm2 (150)  80 (200 − 120 docker)
          why not me: swarm2 advertises priority 150, which is above 80
          not here: 10.0.10.39/24, 203.0.113.9/28 on eth1
          VRID 12, IPv4 on eth0
          discarded: 12 peer, 3 ttl

        TRACKER  KIND     STATE  SINCE   WEIGHT  DETAIL
        docker   process  DOWN   10s     −120    no process of the name dockerd
        proxy    script   up     4m 10s  −120    exit status 0

        PEER    ADDRESS     LAST HEARD
        swarm2  10.0.10.32  0.4s ago, priority 150, checksum pseudo_header
        swarm3  10.0.10.33  3m 21s ago, its farewell

        """)
  }

  @Test func interfaceMissing() {
    #expect(
      Self.page(.interfaceMissing) == """
        swarm-prod / swarm1: ADDRESS MISSING of ingress (IPv6), NOT FIT, holds ingress
          (IPv6)
          ingress (ipv4) takes no part: no interface holds 10.0.10.31: plug it in, or
            correct the node's address
          ingress: fd10::39/64 is not installed
          proxy is down: exit status 1
          the last reload was refused: vipd.yaml:3:5: unknown key "nods"; did you mean
            "nodes"?
        vipd 0.1.0, up 4m 12s; /etc/vipd/vipd.yaml loaded 4m 12s ago

        VIRTUAL ROUTER  STATE       SINCE   HOLDER     PRIORITY
        ingress (IPv4)  initialize  2h 5m   unknown    200
          takes no part: no interface holds 10.0.10.31: plug it in, or correct the
            node's address
          not here: 10.0.10.39/24 on eth0, 203.0.113.9/28 on eth1
          VRID 12, IPv4 on no interface
        ingress (IPv6)  ACTIVE      3d 11h  this node  210 (200 + 10 docker)
          why: no other node has advertised a higher priority
          installed: fe80::c/64
          NOT INSTALLED: fd10::39/64: cannot be added: operation not permitted (needs
            CAP_NET_ADMIN)
          VRID 12, IPv6 on eth0

        TRACKER  KIND     STATE  SINCE   WEIGHT   DETAIL
        docker   process  up     4m 12s  −120     pid 812
        proxy    script   DOWN   1m 1s   release  exit status 1
          says: curl: (7) Failed to connect to 127.0.0.1 port 443 [2J after 0 ms:
            Couldn't connect to server

        PEER    ADDRESS     LAST HEARD
        swarm2  10.0.10.32  never
        swarm3  10.0.10.33  3m 21s ago, its farewell

        """)
  }

  @Test func nothingHeard() {
    #expect(
      Self.page(.nothingHeard) == """
        swarm-prod / swarm1: NOBODY IS KNOWN TO HOLD ingress
        vipd 0.1.0, up 1.2s

        VIRTUAL ROUTER  STATE   SINCE  HOLDER        PRIORITY
        ingress         backup  1.1s   nobody known  200
          why not me: waiting for Active_Down_Interval to pass without an
            advertisement
          not here: 10.0.10.39/24
          VRID 12, IPv4 on eth0

        TRACKER  KIND     STATE    SINCE  WEIGHT   DETAIL
        docker   process  pending  1.1s   several  not yet known

        PEER    ADDRESS     LAST HEARD
        swarm2  10.0.10.32  never
        swarm3  10.0.10.33  never

        """)
  }

  /// Both families are one line where they say the same, and two where they do not.
  @Test func showsFamiliesAsOneWhereTheyAgree() {
    var status = NodeStatus.fine
    var second = status.virtualRouters[0]
    second.family = .ipv6
    second.since = .seconds(251)
    second.addresses = [VirtualAddressStatus(address: "fd10::39/64", installed: true)]
    status.virtualRouters.append(second)
    let page = Self.page(status)
    #expect(page.contains("OK, holds ingress\n"))
    #expect(page.contains("installed: 10.0.10.39/24, 203.0.113.9/28 on eth1, fd10::39/64\n"))
    #expect(page.contains("VRID 12, IPv4 + IPv6 on eth0"))
    status.virtualRouters[1].effectivePriority = 199
    #expect(Self.page(status).contains("holds ingress (IPv4), ingress (IPv6)"))
  }

  @Test func saysWhoHoldsWhat() {
    var status = NodeStatus.fine
    for (name, holder) in [("web", "swarm3"), ("db", "swarm2"), ("mail", "swarm3")] {
      var router = NodeStatus.failedOver.virtualRouters[0]
      router.name = name
      router.activeRouter?.node = holder
      status.virtualRouters.append(router)
    }
    #expect(NodeVerdict(status).headline == "OK, holds ingress, swarm3 holds web, mail, swarm2 holds db")
    status.virtualRouters = []
    #expect(NodeVerdict(status).headline == "OK, takes part in no virtual router")
  }

  @Test(arguments: [60, 80, 132])
  func fitsTheTerminal(width: Int) {
    for status in [NodeStatus.fine, .failedOver, .interfaceMissing, .nothingHeard] {
      for line in Self.page(status, width: width).split(separator: "\n") {
        #expect(line.displayWidth <= width, "\(line)")
      }
    }
  }

  @Test func colorsChangeNothingElse() {
    for status in [NodeStatus.fine, .failedOver, .interfaceMissing, .nothingHeard] {
      let colored = Self.page(status, isColored: true)
      #expect(colored.contains("\u{1b}["))
      #expect(colored.replacing(/\u{1b}\[[0-9;]*m/, with: "") == Self.page(status))
    }
  }

  /// Texts from elsewhere reach the terminal as text only.
  @Test func letsNoControlCharacterThrough() {
    let evil = "\u{1b}[31m\r\n\u{7}\u{9b}2J\u{202e}\u{0}x"
    var status = NodeStatus.interfaceMissing
    status.cluster = evil
    status.node = evil
    status.version = evil
    status.virtualRouters[0].name = evil
    status.virtualRouters[0].reason = evil
    status.virtualRouters[0].interface = evil
    status.virtualRouters[0].discarded = [evil: 1]
    status.virtualRouters[0].addresses[0].address = evil
    status.trackers[1].output = evil
    status.trackers[1].detail = evil
    status.peers[0].node = evil
    status.configuration?.refused = evil
    let text =
      Self.page(status) + ProbeResult(status).line
      + EventLine(ControlEvent(time: evil, kind: .link, message: evil))
      .text(TextStyle(isColored: false))
    for scalar in text.unicodeScalars where scalar != "\n" {
      #expect(scalar.properties.generalCategory != .control)
      #expect(scalar != "\u{202e}")
    }
  }

  @Test func livesWithAnyNumbers() {
    var status = NodeStatus.failedOver
    status.virtualRouters[0].priority = .min
    status.virtualRouters[0].effectivePriority = .max
    status.virtualRouters[0].adjustments = [.init(tracker: "a", amount: .min), .init(tracker: "b", amount: .max)]
    status.virtualRouters[0].since = .seconds(-5)
    status.trackers[0].weight = .min
    _ = Self.page(status)
    _ = ProbeResult(status)
    status.virtualRouters[0].priority = 100
    status.virtualRouters[0].effectivePriority = 1
    status.virtualRouters[0].adjustments = [.init(tracker: "docker", amount: -120)]
    #expect(Self.page(status, width: 132).contains("1 (100 − 120 docker, kept within 1–254)"))
  }

  @Test func alignsWideCharacters() {
    var status = NodeStatus.fine
    status.trackers[0].name = "コンテナ"
    status.trackers[1].name = "cafe\u{301}🚀"
    let rows = Self.page(status).split(separator: "\n").filter { $0.contains("process") || $0.contains("script") }
    #expect(
      rows.map(String.init) == [
        "コンテナ  process  up     4m 12s  −120    pid 812",
        "cafe\u{301}🚀    script   up     4m 10s  −120    exit status 0",
      ])
  }
}

@Suite struct ProbeResultTests {
  @Test func hasTheExitCodesOfAMonitoringPlugin() {
    var warned = NodeStatus.fine
    warned.health = NodeHealth(fit: true, problems: ["ingress: swarm2 advertises other addresses"])
    var refused = NodeStatus.fine
    refused.configuration?.refused = "vipd.yaml:1:1: empty"
    let cases: [(NodeStatus, Int32)] = [
      (.fine, 0), (warned, 1), (refused, 1), (.failedOver, 2), (.interfaceMissing, 2), (.nothingHeard, 2),
    ]
    for (status, code) in cases { #expect(ProbeResult(status).verdict.rawValue == code) }
  }

  @Test func isOneLineWithPerformanceData() {
    #expect(
      ProbeResult(.fine).line == """
        VIPD OK - swarm1: OK, holds ingress | 'ingress_ipv4_active'=1;;;0;1 'ingress_ipv4_priority'=200;;;0;255 \
        'ingress_ipv4_transitions'=1c trackers_down=0;;;0;2
        """)
    var status = NodeStatus.fine
    status.virtualRouters[0].name = "a|b'c=d\ne"
    #expect(ProbeResult(status).line.split(separator: "|").count == 2)
    #expect(!ProbeResult(status).line.contains("\n"))
  }

  @Test func tellsADeadDaemonFromAForbiddenOne() {
    let endpoint = ControlEndpoint.unix("/run/vipd/vipd.sock")
    #expect(ProbeResult(ClientFailure.unreachable(endpoint, code: 2)).verdict == .critical)
    #expect(ProbeResult(ClientFailure.timeout(endpoint, seconds: "2")).verdict == .critical)
    #expect(ProbeResult(ClientFailure.unreachable(endpoint, code: 13)).verdict == .unknown)
    #expect(ProbeResult(ClientFailure.notVipd(endpoint, "x")).verdict == .unknown)
  }
}

@Suite struct TextTests {
  @Test(arguments: [
    (0, "0.0s"), (49, "0.0s"), (400, "0.4s"), (9_999, "9.9s"), (10_000, "10s"), (59_999, "59s"), (60_000, "1m 0s"),
    (252_000, "4m 12s"), (3_599_999, "59m 59s"), (3_600_000, "1h 0m"), (86_399_000, "23h 59m"), (86_400_000, "1d 0h"),
    (8_640_000_000, "100d 0h"), (-5_000, "0.0s"),
  ])
  func saysDurationsAsPeopleDo(milliseconds: Int, text: String) {
    #expect(Duration.milliseconds(milliseconds).human == text)
  }

  @Test func wraps() {
    #expect("one two three".wrapped(to: 7) == ["one two", "three"])
    #expect("a sentencewithoutspaces b".wrapped(to: 8) == ["a", "sentence", "withouts", "paces b"])
    #expect("".wrapped(to: 8) == [""])
    #expect("コンテナ".wrapped(to: 3) == ["コ", "ン", "テ", "ナ"])
    #expect("コ".wrapped(to: 1) == ["コ"])
  }

  @Test func truncates() {
    #expect("swarm1".truncated(to: 6) == "swarm1")
    #expect("swarm1".truncated(to: 5) == "swar…")
    #expect("コンテナ".truncated(to: 4) == "コ…")
    #expect("x".truncated(to: 0) == "")
  }

  @Test(arguments: [
    ("http://127.0.0.1:9112", "127.0.0.1", 9112), ("http://127.0.0.1", "127.0.0.1", 9112),
    ("http://[::1]:80/", "::1", 80), ("http://[::1]", "::1", 9112), ("http://node1:1", "node1", 1),
  ])
  func readsURLs(text: String, host: String, port: Int) {
    let url = HTTPURL(argument: text)
    #expect(url?.host == host)
    #expect(url?.port == port)
  }

  @Test(arguments: [
    "", "127.0.0.1:9112", "https://127.0.0.1", "http://", "http://:1", "http://h:0", "http://h:65536", "http://h:x",
    "http://h/v1/status", "http://u@h", "http://h:1:2x",
  ])
  func refusesOtherURLs(text: String) {
    #expect(HTTPURL(argument: text) == nil)
  }
}
