// When single results make a tracker go up or down. A pure value.

/// Decides up or down from a run of results: the first one decides at once, since a daemon that starts has nothing
/// better to go by; after that `fall` failures in a row bring it down and `rise` successes in a row bring it up.
struct Hysteresis: Sendable, Hashable {
  let rise: Int
  let fall: Int
  /// Nil before the first result.
  private(set) var isUp: Bool?
  private(set) var successes = 0
  private(set) var failures = 0

  init(rise: Int, fall: Int) {
    precondition(rise >= 1 && fall >= 1, "TrackerDefinition lets nothing below 1 through")
    self.rise = rise
    self.fall = fall
  }

  /// Takes in one result. Returns whether `isUp` changed.
  mutating func record(success: Bool) -> Bool {
    successes = success ? successes + 1 : 0
    failures = success ? 0 : failures + 1
    let before = isUp
    switch before {
    case nil: isUp = success
    case true?: if failures >= fall { isUp = false }
    case false?: if successes >= rise { isUp = true }
    }
    return isUp != before
  }
}
