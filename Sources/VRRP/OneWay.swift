// A link that is deaf in one direction: we hear a rival that does not hear us. FSM-12 has us answer it for ever, and
// clients find two holders. RFC 9568 has no remedy; ours is that the one who can know, the one who hears, gives way.

import NetworkTypes

/// Another Active Router, weaker than this one, that goes on though it was answered.
public struct Rivalry: Sendable, Hashable, Codable {
  public var rival: ActiveRouter
  public var began: Instant
  /// How many of its advertisements were heard.
  public var heard: Int
  /// The greater of its interval and ours.
  var distance: Duration

  /// So many distances a rival may take to hear us: as long as it takes to be missed. RFC 9568 §6.1
  private static let patience = 3

  init(_ rival: ActiveRouter, distance: Duration) {
    self.rival = rival
    self.distance = distance
    began = rival.heard
    heard = 1
  }

  func goesOn(at now: Instant) -> Bool { now - rival.heard < distance * Self.patience }

  /// Whether it would have yielded by its last advertisement, had it heard any of our answers.
  var isDeaf: Bool { heard > Self.patience && rival.heard - began >= distance * Self.patience }
}

/// Given way to a rival that does not hear us.
public struct Deference: Sendable, Hashable, Codable {
  public var rival: ActiveRouter
  /// Until then nobody is preempted: the rival would go on all the same.
  public var until: Instant
  /// Doubled each time that it turns out to be as deaf as before.
  public var pause: Duration
  /// When it was asked, after that time, whether it hears us by now.
  var asked: Instant?
  /// This node became Active again; what is left is a memory, in case of another time.
  var isOver = false

  public func isInForce(at now: Instant) -> Bool { !isOver && now < until }
}

extension VirtualRouter {
  private static let shortestPause = Duration.seconds(10)
  private static let longestPause = Duration.seconds(300)

  /// What is known of a rival's deafness with one more of its advertisements.
  func rivalry(_ active: ActiveState, with received: ReceivedAdvertisement, at now: Instant) -> Rivalry {
    let rival = ActiveRouter(
      address: primaryAddress(ofSenderOf: received), priority: received.advertisement.priority, heard: now)
    let distance = max(received.advertisement.interval, configuration.interval).duration
    guard var known = active.rivalry, known.rival.address == rival.address, known.goesOn(at: now) else {
      return Rivalry(rival, distance: distance)
    }
    known.distance = distance
    known.rival = rival
    known.heard += 1
    return known
  }

  /// The Active Router that does not hear this one, as far as is known at `now`.
  public func deafRival(at now: Instant) -> ActiveRouter? {
    switch state {
    case .initialize: nil
    case .backup: deference.flatMap { $0.isOver ? nil : $0.rival }
    case .active(let active): active.rivalry.flatMap { $0.isDeaf && $0.goesOn(at: now) ? $0.rival : nil }
    }
  }

  /// Steps back from a holder's role that nobody else gives up. In silence: a farewell would have others take over who
  /// are weaker than both.
  mutating func giveWay(to received: ReceivedAdvertisement, _ rivalry: Rivalry, at now: Instant) -> [Action] {
    let isRepeated = deference.map { now < $0.until + $0.pause } ?? false
    let first = max(Self.shortestPause, configuration.interval.duration * 10)
    let pause = isRepeated ? min((deference?.pause ?? first) * 2, max(first, Self.longestPause)) : first
    deference = Deference(rival: rivalry.rival, until: now + pause, pause: pause)
    let interval = received.advertisement.interval
    let backup = BackupState(
      activeDownTimer: now + activeDownInterval(interval), activeAdverInterval: interval, expectation: .silence)
    let told = become(.backup(backup), because: .unheard(rivalry.rival, for: pause))
    activeRouter = rivalry.rival
    return [
      .removeAddresses(configuration.addresses), .commendAddresses(configuration.addresses, at: rivalry.rival.address),
    ] + told
  }

  /// When the pause is over, a rival is asked before anything is taken from it: an advertisement for it alone. One that
  /// hears it yields, and its last word (see ``farewell(_:to:)``) comes back at once. One that does not goes on as before,
  /// and nobody but us has noticed.
  mutating func askAgain(
    _ received: ReceivedAdvertisement, _ sender: ActiveRouter, _ backup: BackupState, _ known: Deference,
    at now: Instant
  ) -> [Action] {
    let interval = received.advertisement.interval.duration
    var next = backup
    var deference = known
    var told: [Action] = []
    next.activeAdverInterval = received.advertisement.interval
    if let asked = known.asked {
      // Its other family's advertisement comes with the one that was answered.
      guard received.source.family == known.rival.address.family else { return [] }
      if now - asked < interval / 2 { return becomeActive(because: .preemption(sender), at: now) }
      deference.pause = min(known.pause * 2, max(known.pause, Self.longestPause))
      deference.until = now + deference.pause
      deference.asked = nil
      next.activeDownTimer = now + activeDownInterval(received.advertisement.interval)
      next.expectation = .silence
    } else {
      deference.asked = now
      deference.rival = sender
      deference.rival.address = received.source
      told = farewell(.contending(priority), to: received.source)
      // One of another make may yield without a word.
      next.activeDownTimer = now + interval * 3 / 2 + skewTime(received.advertisement.interval)
      next.expectation = .preemption(sender)
    }
    self.deference = deference
    activeRouter = sender
    state = .backup(next)
    return told
  }
}
