// What a terminal shows, to the letter.

import ClusterConfiguration
import Testing

@Suite struct RenderingTests {
  private func report(_ text: String) -> CheckReport {
    CheckReport(ClusterFile.parse(text: text, fileName: "vipd.yaml"))
  }

  @Test func errors() {
    let text = report(
      clusterFile(
        nodes: "nodes:\n  - {name: a, address: 10.0.0.1}\n  - {name: b, adress: 10.0.0.2}",
        more: "    intervall: 1s")
    ).text()
    #expect(
      text == """
        vipd.yaml:4:15: error: unknown key 'adress'
         4 |   - {name: b, adress: 10.0.0.2}
           |               ^
           = hint: did you mean 'address'?

        vipd.yaml:13:5: error: unknown key 'intervall'
         13 |     intervall: 1s
            |     ^
            = hint: did you mean 'interval'?

        vipd.yaml: refused, 2 errors

        """)
  }

  @Test func theDesignsFile() throws {
    #expect(
      CheckReport(try load(fixture: "design")).text().replacing(packageRoot, with: "").replacing(
        "/Tests/ClusterConfigurationTests/Fixtures/", with: "") == """
          cluster swarm-prod
            swarm1  10.0.10.31  priority 200
            swarm2  10.0.10.32  priority 150
            swarm3  10.0.10.33  priority 100

          virtual router ingress: 10.0.10.39/24
            VRID 12, advertised every 1s
            held by swarm1 (200), then swarm2 (150), then swarm3 (100)
            tracks docker: process dockerd, weight -120
              docker fails on swarm1: 200 → 80, swarm2 (150) takes over
              docker fails on swarm2 (swarm1 away): 150 → 30, swarm3 (100) takes over
            tracks proxy: script /usr/lib/vipd/check-proxy --port 443 every 1s, good after 2, weight -101, computed
              proxy fails on swarm1: 200 → 99, swarm2 (150) takes over
              proxy fails on swarm2 (swarm1 away): 150 → 49, swarm3 (100) takes over

          design.yaml: good

          """)
  }

  @Test func coloursOnlyOnRequest() {
    let bad = report("cluster: [x]\n")
    #expect(!bad.text().contains("\u{1b}"))
    #expect(bad.text(inColour: true).contains("\u{1b}[1;31merror:\u{1b}[0m"))
    #expect(bad.text(inColour: true).contains("\u{1b}[1;31m^\u{1b}[0m"))
    #expect(report(clusterFile()).text(inColour: true).hasSuffix("\u{1b}[1;32mvipd.yaml: good\u{1b}[0m\n"))
  }

  @Test func aLongLineIsCutAroundThePlace() {
    let long = Diagnostic(
      severity: .error, file: "f", position: SourcePosition(line: 7, column: 301), message: "m",
      sourceLine: String(repeating: "a", count: 300) + "X" + String(repeating: "b", count: 300))
    let lines = long.rendered().split(separator: "\n").map(String.init)
    #expect(lines[1] == " 7 | …" + String(repeating: "a", count: 55) + "X" + String(repeating: "b", count: 54) + "…")
    #expect(lines[2].count == lines[1].prefix(while: { $0 != "X" }).count + 1)
  }

  @Test func tabsKeepTheCaretInPlaceAndControlsAreNotPrinted() {
    let diagnostic = Diagnostic(
      severity: .warning, file: "f", position: SourcePosition(line: 1, column: 4), message: "m",
      sourceLine: "\ta\u{1b}b\u{202e}")
    #expect(diagnostic.rendered() == "f:1:4: warning: m\n 1 | \ta\u{fffd}b\u{fffd}\n   | \t  ^")
  }

  @Test func oneLineForALog() {
    #expect(
      report(clusterFile(routerKey: "intervall: 1s")).diagnostics.map(\.description)
        == ["vipd.yaml:13:5: error: unknown key 'intervall' (did you mean 'interval'?)"])
  }

  @Test func exitCodes() {
    let good = report(clusterFile())
    let warned = report(clusterFile(trackerKey: "timeout: 2s"))
    let bad = report("")
    #expect([good, warned, bad].map { $0.exitCode() } == [0, 0, 1])
    #expect([good, warned, bad].map { $0.exitCode(strict: true) } == [0, 1, 1])
  }

  @Test func json() {
    #expect(
      report(clusterFile(trackerKey: "weight: -5")).json() == """
        {
          "cluster" : {
            "name" : "test",
            "nodes" : [
              {
                "addresses" : [
                  "10.0.0.1"
                ],
                "name" : "a",
                "priority" : 250
              },
              {
                "addresses" : [
                  "10.0.0.2"
                ],
                "name" : "b",
                "priority" : 240
              }
            ],
            "virtual_routers" : [
              {
                "addresses" : [
                  "10.0.0.9/24"
                ],
                "interval_ms" : 1000,
                "name" : "web",
                "prospects" : [
                  {
                    "holder" : "a",
                    "next" : "b",
                    "next_priority" : 240,
                    "priority" : 250,
                    "trackers" : [
                      {
                        "computed" : false,
                        "moves" : false,
                        "name" : "docker",
                        "priority_after" : 245,
                        "weight" : -5
                      }
                    ]
                  },
                  {
                    "holder" : "b",
                    "priority" : 240,
                    "trackers" : [
                      {
                        "computed" : false,
                        "moves" : false,
                        "name" : "docker",
                        "priority_after" : 235,
                        "weight" : -5
                      }
                    ]
                  }
                ],
                "vrid" : 12
              }
            ]
          },
          "diagnostics" : [
            {
              "column" : 5,
              "details" : [
                "while all is well a has 250 and holds the address; b is next with 240",
                "docker fails on a: 250 → 245, b (240) does not take over"
              ],
              "hint" : "a weight that would work: docker -11; or leave 'weight' out, and vipd finds what works",
              "line" : 13,
              "message" : "virtual router 'web': as written, no failure of a check can move the address",
              "severity" : "warning"
            }
          ],
          "errors" : 0,
          "file" : "vipd.yaml",
          "ok" : true,
          "warnings" : 1
        }

        """)
  }
}
