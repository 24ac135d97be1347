// The scenarios' line language, read. One statement a line; `#` begins a comment; durations are 3s, 2.5s, 20ms, 300us.
//
//   seed 7
//   node swarm1 10.0.10.31,fd10::31
//   router ingress vrid 12 addresses 10.0.10.39/24 members swarm1:200,swarm2:150 interval 1s preempt true track docker:-120
//   client laptop
//   at 10s: crash swarm1
//     expect swarm2 active for ingress within 3.4s
//   end 20s
//
// Incidents are said as `Incident.description` says them. `preempt` is true, false, rfc or a delay.

import FailoverSimulation
import NetworkTypes
import VRRP

/// What cannot be understood, and in which line.
struct ScenarioError: Error, CustomStringConvertible {
  var line: Int
  var words: String
  var description: String { "line \(line): \(words)" }
}

extension Scenario {
  package init(text: String) throws {
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      let statement = line.prefix { $0 != "#" }
      var words = Words(statement, line: index + 1)
      if !words.isEmpty { try read(&words) }
    }
  }

  private mutating func read(_ words: inout Words) throws {
    switch try words.next() {
    case "seed": seed = UInt64(try words.number())
    case "node": blueprint.nodes.append(Blueprint.Node(name: try words.next(), addresses: try words.list()))
    case "router": blueprint.routers.append(try words.router())
    case "client": blueprint.clients.append(try words.next())
    case "at":
      let time = try words.duration()
      // `start swarm1 swarm2` is two incidents, and so on.
      for happening in try words.happenings() { script.append(Entry(time: time, happening: happening)) }
    case "expect":
      guard !script.isEmpty else { throw words.error("nothing has happened yet") }
      script[script.count - 1].expectations.append(try words.expectation())
    case "end": end = try words.duration()
    case let other: throw words.error("\(other) begins no statement")
    }
    try words.finish()
  }
}

/// The words of one line, taken one after the other.
private struct Words {
  private var rest: ArraySlice<Substring>
  private let line: Int

  init(_ text: Substring, line: Int) {
    rest = text.split(whereSeparator: { $0 == " " })[...]
    self.line = line
  }

  var isEmpty: Bool { rest.isEmpty }

  func error(_ words: String) -> ScenarioError { ScenarioError(line: line, words: words) }

  func finish() throws { if let extra = rest.first { throw error("\(extra) is one word too many") } }

  /// Without a colon at its end.
  mutating func next() throws -> String {
    guard let word = rest.popFirst() else { throw error("a word is missing") }
    return String(word.last == ":" ? word.dropLast() : word)
  }

  mutating func take(_ word: String) -> Bool {
    guard let first = rest.first, first == word else { return false }
    rest.removeFirst()
    return true
  }

  mutating func expect(_ phrase: String) throws {
    for word in phrase.split(separator: " ") where !take(String(word)) { throw error("\(word) is missing") }
  }

  mutating func number() throws -> Int {
    let word = try next()
    guard let number = Int(word) else { throw error("\(word) is no number") }
    return number
  }

  mutating func duration() throws -> Duration {
    let word = try next()
    let units: [(String, Int)] = [("us", 1), ("ms", 1000), ("s", 1_000_000)]
    guard let (unit, microseconds) = units.first(where: { word.hasSuffix($0.0) }),
      let value = Double(word.dropLast(unit.count))
    else { throw error("\(word) is no duration") }
    return .microseconds(Int((value * Double(microseconds)).rounded()))
  }

  mutating func list<Element>() throws -> [Element] where Element: ReadFromText {
    try next().split(separator: ",").map { text in
      guard let element = Element(text) else { throw error("\(text) is no address") }
      return element
    }
  }

  mutating func vrid() throws -> VRID {
    guard let vrid = UInt8(exactly: try number()).flatMap(VRID.init) else { throw error("a VRID is 1 to 255") }
    return vrid
  }

  mutating func priority(_ text: some StringProtocol) throws -> Priority {
    guard let priority = UInt8(text).flatMap(Priority.init) else { throw error("\(text) is no priority") }
    return priority
  }

  mutating func interval() throws -> AdvertisementInterval {
    let duration = try duration()
    guard let interval = AdvertisementInterval(centiseconds: Int(duration / .milliseconds(10))) else {
      throw error("an interval is 10ms to 40.95s")
    }
    return interval
  }

  mutating func preemption() throws -> Preemption {
    if take("true") { return .immediate }
    if take("false") { return .never }
    if take("rfc") { return .rfc }
    return .after(try duration())
  }

  mutating func version() throws -> VRRPVersion {
    if take("2") { return .v2 }
    try expect("3")
    return .v3
  }

  mutating func transport() throws -> Transport {
    if take("multicast") { return .multicast }
    try expect("unicast")
    return .unicast
  }

  /// `docker:-120`
  mutating func pair() throws -> (Substring, Substring) {
    guard let word = rest.popFirst() else { throw error("a word is missing") }
    let parts = word.split(separator: ":")
    guard parts.count == 2 else { throw error("\(word) should be two words with a colon between") }
    return (parts[0], parts[1])
  }
}

private protocol ReadFromText { init?(_ text: Substring) }
extension IPAddress: ReadFromText {}
extension InterfaceAddress: ReadFromText {}

// MARK: - Statements

extension Words {
  mutating func router() throws -> Blueprint.Router {
    let name = try next()
    try expect("vrid")
    var router = Blueprint.Router(name: name, vrid: try vrid(), addresses: [], members: [])
    while !isEmpty {
      switch try next() {
      case "addresses": router.addresses = try list()
      case "members":
        router.members = try members()
      case "interval": router.interval = try interval()
      case "preempt": router.preemption = try preemption()
      case "track":
        let (tracker, weight) = try pair()
        router.trackers.append(TrackerWeight(tracker: String(tracker), weight: Int(weight) ?? 0))
      case "transport":
        router.transport = try transport()
      case "one_way":
        try expect("hold")
        router.givesWay = false
      case "when_all_fail":
        try expect("release")
        router.releasesWhenUnfit = true
      case "version":
        router.version = try version()
      case "password":
        router.password = SimplePassword(try next())
      case let other: throw error("\(other) says nothing of a virtual router")
      }
    }
    return router
  }

  /// `swarm1:200,swarm2:150`
  private mutating func members() throws -> [Blueprint.Member] {
    try next().split(separator: ",").map { text in
      let parts = text.split(separator: ":")
      guard parts.count == 2 else { throw error("\(text) should be NODE:PRIORITY") }
      return Blueprint.Member(node: String(parts[0]), priority: try priority(parts[1]))
    }
  }

  mutating func happenings() throws -> [Scenario.Happening] {
    let verb = try next()
    switch verb {
    case "start", "crash", "kill", "stop", "resume", "upgrade", "freeze", "thaw":
      var incidents: [Scenario.Happening] = []
      repeat { incidents.append(.incident(try incident(verb, try next()))) } while !isEmpty
      return incidents
    case "stall": return [.incident(.stall(try next(), try duration()))]
    case "link":
      let node = try next()
      return [.incident(try isUp() ? .linkUp(node) : .linkDown(node))]
    case "tracker":
      let tracker = try next()
      try expect("on")
      let node = try next()
      return [.incident(.tracker(tracker, on: node, isUp: try isUp()))]
    case "reload": return [.reload(try next(), router: try next(), try change())]
    case "cut":
      let from = try next()
      try expect(">")
      let to = try next()
      let family = isEmpty ? nil : IPFamily(rawValue: try next())
      return [.incident(.cut(from: from, to: to, family))]
    case "partition":
      var groups: [[String]] = [[]]
      while !isEmpty {
        if take("|") { groups.append([]) } else { groups[groups.count - 1].append(try next()) }
      }
      return [.incident(.partition(groups))]
    case "drain": return [.incident(.drain(try next(), isForced: take("forced")))]
    case "heal": return [.incident(.heal)]
    case "network": return [.incident(try network())]
    default: throw error("\(verb) is nothing that happens")
    }
  }

  private func incident(_ verb: String, _ node: String) throws -> Incident {
    switch verb {
    case "start": .start(node)
    case "crash": .crash(node)
    case "kill": .kill(node)
    case "stop": .stop(node)
    case "resume": .resume(node)
    case "upgrade": .upgrade(node)
    case "freeze": .freeze(node)
    case "thaw": .thaw(node)
    default: throw error("\(verb) is nothing that happens to a node")
    }
  }

  private mutating func isUp() throws -> Bool {
    if take("up") { return true }
    try expect("down")
    return false
  }

  private mutating func network() throws -> Incident {
    let first = try next()
    var link: (from: String, to: String)?
    if take(">") { link = (first, try next()) } else { rest = [Substring(first)] + rest }
    var quality = LinkQuality()
    while !isEmpty {
      switch try next() {
      case "latency": quality.latency = try duration()
      case "jitter": quality.jitter = try duration()
      case "loss": quality.lossPerMille = try perMille()
      case "duplication": quality.duplicationPerMille = try perMille()
      case "reordering":
        quality.reorderingPerMille = try perMille()
        try expect("by")
        quality.reorderingDelay = try duration()
      case let other: throw error("\(other) says nothing of a network")
      }
    }
    return link.map { .linkQuality(quality, from: $0.from, to: $0.to) } ?? .quality(quality)
  }

  /// `30%` or `300/1000`.
  private mutating func perMille() throws -> Int {
    let word = try next()
    if word.hasSuffix("%"), let percent = Int(word.dropLast()) { return percent * 10 }
    if word.hasSuffix("/1000"), let share = Int(word.dropLast(5)) { return share }
    throw error("\(word) is no share: 30% or 300/1000")
  }

  private mutating func change() throws -> Scenario.Change {
    switch try next() {
    case "interval": return .interval(try interval())
    case "preempt": return .preemption(try preemption())
    case "addresses": return .addresses(try list())
    case "priorities": return .priorities(try members())
    case "version": return .version(try version())
    case "transport": return .transport(try transport())
    case "priority": return .priority(try priority(try next()))
    case "track":
      let (tracker, weight) = try pair()
      return .weight(tracker: String(tracker), Int(weight) ?? 0)
    case "removed": return .removal
    case let other: throw error("\(other) is nothing that a reload changes")
    }
  }

  mutating func expectation() throws -> Scenario.Expectation {
    let first = try next()
    if take("keeps") { return .kept(by: first, router: try next()) }
    if take("finds") {
      let router = try next()
      try expect("at")
      let node = try next()
      try expect("within")
      return .found(client: first, router: router, at: node, within: try duration())
    }
    if take("unheld") {
      try expect("for at most")
      return .unheld(router: first, atMost: try duration())
    }
    if take("held") {
      try expect("twice for at most")
      return .contested(router: first, atMost: try duration())
    }
    var nodes = first == "nobody" ? [] : [first]
    while take("and") { nodes.append(try next()) }
    try expect("active for")
    let router = try next()
    try expect("within")
    return .held(by: nodes, router: router, within: try duration())
  }
}
