// Rules as nft and iptables print them, and what becomes of an advertisement under them.

import NetworkTypes
import Testing

@testable import Diagnosis

@Suite("Firewalls")
struct FirewallTests {
  static let incoming = FirewallPacket(
    direction: .incoming, interface: "eth0", source: IPAddress("10.0.10.32")!, destination: IPAddress("10.0.10.31")!)
  static let outgoing = FirewallPacket(
    direction: .outgoing, interface: "eth0", source: IPAddress("10.0.10.31")!, destination: IPAddress("10.0.10.32")!)
  static let sixth = FirewallPacket(
    direction: .incoming, interface: "eth0", source: IPAddress("fd10::32")!, destination: IPAddress("fd10::31")!)

  /// One base chain with these rules, each the JSON of its statements.
  static func table(
    _ rules: [String], family: String = "inet", hook: String = "input", policy: String = "accept", more: [String] = []
  ) throws -> NFTables {
    let chain =
      #"{"chain":{"family":"\#(family)","table":"t","name":"c","handle":1,"type":"filter","hook":"\#(hook)","prio":0,"policy":"\#(policy)"}}"#
    let items = rules.enumerated().map { index, rule in
      #"{"rule":{"family":"\#(family)","table":"t","chain":"c","handle":\#(index + 10),"expr":[\#(rule)]}}"#
    }
    return try NFTables(
      json: #"{"nftables":[\#(([#"{"metainfo":{}}"#, chain] + items + more).joined(separator: ","))]}"#)
  }

  static func match(_ left: String, _ right: String, _ op: String = "==") -> String {
    #"{"match":{"op":"\#(op)","left":\#(left),"right":\#(right)}}"#
  }

  static let l4proto = #"{"meta":{"key":"l4proto"}}"#
  static let ipProtocol = #"{"payload":{"protocol":"ip","field":"protocol"}}"#
  static let source = #"{"payload":{"protocol":"ip","field":"saddr"}}"#
  static let accept = #"{"accept":null}"#
  static let drop = #"{"drop":null}"#

  struct Row: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var rules: [String]
    var policy = "accept"
    /// Nil where it comes through; otherwise the rule's handle, 0 for the policy.
    var droppedBy: Int?
    var isCertain = true
  }

  @Test(arguments: [
    Row(testDescription: "no rules", rules: []),
    Row(testDescription: "a policy alone", rules: [], policy: "drop", droppedBy: 0),
    Row(testDescription: "accepted by name", rules: [match(l4proto, #""vrrp""#) + "," + accept], policy: "drop"),
    Row(testDescription: "accepted by number", rules: [match(ipProtocol, "112") + "," + accept], policy: "drop"),
    Row(testDescription: "another protocol", rules: [match(ipProtocol, #""tcp""#) + "," + drop]),
    Row(testDescription: "not tcp", rules: [match(l4proto, #""tcp""#, "!=") + "," + drop], droppedBy: 10),
    Row(testDescription: "in a set", rules: [match(ipProtocol, #"{"set":["ah","vrrp"]}"#) + "," + drop], droppedBy: 10),
    Row(
      testDescription: "established is no answer to us",
      rules: [match(#"{"ct":{"key":"state"}}"#, #"["established","related"]"#, "in") + "," + accept], policy: "drop",
      droppedBy: 0),
    Row(
      testDescription: "from a network",
      rules: [match(source, #"{"prefix":{"addr":"10.0.10.0","len":24}}"#) + "," + drop], droppedBy: 10),
    Row(
      testDescription: "from a range that ends before it",
      rules: [match(source, #"{"range":["10.0.10.1","10.0.10.31"]}"#) + "," + drop]),
    Row(
      testDescription: "on another interface", rules: [match(#"{"meta":{"key":"iifname"}}"#, #""eth1""#) + "," + drop]),
    Row(
      testDescription: "on interfaces like ours",
      rules: [match(#"{"meta":{"key":"iifname"}}"#, #""eth*""#) + "," + drop],
      droppedBy: 10),
    Row(
      testDescription: "a port is no part of it",
      rules: [match(#"{"payload":{"protocol":"tcp","field":"dport"}}"#, "22") + "," + drop]),
    Row(testDescription: "the first that holds counts", rules: [accept, drop]),
    Row(
      testDescription: "an extension may accept it",
      rules: [#"{"xt":{"type":"match","name":"addrtype"}},"# + accept, drop],
      droppedBy: 11, isCertain: false),
    Row(testDescription: "an extension may drop it", rules: [#"{"xt":{"type":"match","name":"addrtype"}},"# + drop]),
    Row(
      testDescription: "a comment drops nothing less", rules: [#"{"xt":{"type":"match","name":"comment"}},"# + drop],
      droppedBy: 10),
    Row(
      testDescription: "a limit and a counter",
      rules: [#"{"limit":{"rate":4}},{"counter":{"packets":0}},{"reject":null}"#],
      droppedBy: 10),
    Row(
      testDescription: "a map of what cannot be known",
      rules: [
        #"{"vmap":{"key":{"meta":{"key":"mark"}},"data":{"set":[[1,{"drop":null}],[2,{"accept":null}]]}}}"#
      ], policy: "drop", droppedBy: 0, isCertain: false),
    Row(
      testDescription: "a map that is not there",
      rules: [#"{"vmap":{"key":{"meta":{"key":"iifname"}},"data":"@zones"}}"#], policy: "drop", droppedBy: 0,
      isCertain: false),
    Row(
      testDescription: "over a limit, which advertisements are not",
      rules: [#"{"limit":{"rate":4,"inv":true}},{"drop":null}"#]),
    Row(
      testDescription: "an extension without a word", rules: [#"{"xt":null},"# + accept, drop], droppedBy: 11,
      isCertain: false),
    Row(
      testDescription: "a verdict map",
      rules: [
        #"{"vmap":{"key":{"ct":{"key":"state"}},"data":{"set":[["established",{"accept":null}],["new",{"drop":null}]]}}}"#
      ], droppedBy: 10),
  ])
  func rules(_ row: Row) throws {
    let found = try Self.table(row.rules, policy: row.policy).drop(of: Self.incoming)
    let place = FirewallChain.nftables(family: "inet", table: "t", name: "c")
    let rule = row.droppedBy.flatMap { $0 == 0 ? nil : "the rule with handle \($0)" }
    #expect(found == row.droppedBy.map { _ in FirewallDrop(chain: place, rule: rule, isCertain: row.isCertain) })
  }

  @Test("Other chains, named sets, directions and families")
  func surroundings() throws {
    let set =
      #"{"set":{"family":"inet","table":"t","name":"peers","elem":["10.0.10.32",{"elem":{"val":"10.0.10.40"}}]}}"#
    let known = try Self.table([Self.match(Self.source, #""@peers""#) + "," + Self.accept], policy: "drop", more: [set])
    #expect(known.drop(of: Self.incoming) == nil)
    #expect(known.drop(of: Self.sixth) != nil)
    #expect(known.drop(of: Self.outgoing) == nil)

    let zones =
      #"{"map":{"family":"inet","table":"t","name":"zones","elem":[["eth0",{"accept":null}],["eth1",{"drop":null}]]}}"#
    let byZone = #"{"vmap":{"key":{"meta":{"key":"iifname"}},"data":"@zones"}}"#
    #expect(try Self.table([byZone], policy: "drop", more: [zones]).drop(of: Self.incoming) == nil)

    let inner =
      #"{"rule":{"family":"inet","table":"t","chain":"guard","handle":20,"expr":[\#(Self.drop)]}}"#
    #expect(
      try Self.table([#"{"jump":{"target":"guard"}}"#], more: [inner]).drop(of: Self.incoming)?.rule?.hasSuffix("20")
        == true)
    // A chain that leads to itself ends all the same.
    #expect(try Self.table([#"{"jump":{"target":"c"}}"#]).drop(of: Self.incoming) == nil)

    let old = try Self.table([Self.drop], family: "ip", hook: "output")
    #expect(old.drop(of: Self.outgoing) != nil && old.drop(of: Self.sixth) == nil)
    #expect(throws: (any Error).self) { try NFTables(json: "nothing") }
    #expect(try NFTables(json: "[]").drop(of: Self.incoming) == nil)
  }

  @Test("What lets VRRP through again, by the program that made the rules")
  func remedies() {
    let peers = [IPAddress("10.0.10.32")!, IPAddress("fd10::32")!]
    #expect(
      FirewallChain.nftables(family: "inet", table: "filter", name: "input").commands(
        letting: peers, .incoming, on: "eth0") == [
          "nft insert rule inet filter input ip saddr '{ 10.0.10.32 }' meta l4proto 112 accept",
          "nft insert rule inet filter input ip6 saddr '{ fd10::32 }' meta l4proto 112 accept",
        ])
    #expect(
      FirewallChain.iptables(command: "iptables", table: "filter", name: "OUTPUT").commands(
        letting: [peers[0]], .outgoing, on: "eth0")
        == ["iptables -t filter -I OUTPUT -p 112 -d 10.0.10.32 -j ACCEPT"])
    #expect(FirewallChain.firewalld(name: "filter_INPUT").commands(letting: peers, .incoming, on: "eth0").count == 2)
  }

  @Test(
    "Legacy iptables",
    arguments: [
      ("*filter\n:INPUT ACCEPT [0:0]\nCOMMIT", nil),
      ("*filter\n:INPUT DROP [0:0]\nCOMMIT", "policy"),
      ("*filter\n:INPUT DROP [0:0]\n-A INPUT -p vrrp -j ACCEPT\nCOMMIT", nil),
      ("*filter\n:INPUT DROP [0:0]\n-A INPUT -p 112 -s 10.0.10.0/24 -i eth+ -j ACCEPT\nCOMMIT", nil),
      ("*filter\n:INPUT DROP [0:0]\n-A INPUT ! -p tcp -j ACCEPT\nCOMMIT", nil),
      ("*filter\n:INPUT DROP [0:0]\n-A INPUT ! -s 10.0.10.0/24 -j ACCEPT\nCOMMIT", "policy"),
      ("*filter\n:INPUT DROP [0:0]\n-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\nCOMMIT", "policy"),
      ("*filter\n:INPUT DROP [0:0]\n-A INPUT -m conntrack --ctstate NEW -j ACCEPT\nCOMMIT", nil),
      ("*filter\n:INPUT DROP [0:0]\n-A INPUT -m addrtype --dst-type LOCAL -j ACCEPT\nCOMMIT", "policy?"),
      (
        "*filter\n:INPUT ACCEPT [0:0]\n:g - [0:0]\n-A INPUT -j g\n-A g -m comment --comment \"all else\" -j REJECT\nCOMMIT",
        "rule"
      ),
      ("*filter\n:INPUT ACCEPT [0:0]\n:g - [0:0]\n-A INPUT -j g\n-A INPUT -j DROP\n-A g -j RETURN\nCOMMIT", "rule"),
      ("*raw\n:PREROUTING DROP [0:0]\nCOMMIT\n*filter\n:INPUT ACCEPT [0:0]\nCOMMIT", "policy"),
      ("*filter\n:OUTPUT DROP [0:0]\nCOMMIT", nil),
    ] as [(String, String?)])
  func legacy(_ saved: String, _ expected: String?) {
    let drop = IPTables(command: "iptables-legacy", saved: saved).drop(of: Self.incoming)
    let found = drop.map { ($0.rule == nil ? "policy" : "rule") + ($0.isCertain ? "" : "?") }
    #expect(found == expected)
  }
}
