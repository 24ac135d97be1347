// `trackers:` of the cluster file.

import NetworkTypes
import VRRP

extension ClusterFileReader {
  mutating func trackers(_ entry: YAMLEntry) -> [TrackerDraft] {
    switch entry.value.content {
    case .mapping(let entries):
      return entries.compactMap { tracker($0) }
    case .scalar where entry.value.isEmpty:
      return []
    case .unusable:
      return []
    case .scalar, .sequence:
      complaints.error(
        "'trackers' is written as names with their checks, not \(entry.value.description)", at: entry.value.position,
        hint: "for example: \(FileKey.trackers.example)")
      return []
    }
  }

  private mutating func tracker(_ entry: YAMLEntry) -> TrackerDraft? {
    let name = name(Located(entry.key, at: entry.keyPosition), of: "tracker")
    var draft = TrackerDraft(name: name)
    guard !entry.value.isEmpty else {
      complaints.error(
        "tracker \(entry.key.quoted) is empty", at: entry.keyPosition,
        hint: "say what it looks at, for example: \(TrackerKey.process.example)")
      return draft
    }
    guard let fields = fields(of: entry.value, as: TrackerKey.self) else { return draft }
    draft.kind = kind(of: name, fields)
    if let entry = fields[.weight] {
      draft.weight = integer(
        entry, in: PriorityRules.weights, example: TrackerKey.weight.example,
        hint: "priorities go from 1 to 254, so more could not count; left out, vipd finds a weight that works")
    }
    if let entry = fields[.interval] {
      draft.interval = duration(entry, in: Self.checkTimes, example: TrackerKey.interval.example)
    }
    if let entry = fields[.timeout] {
      draft.timeout = duration(entry, in: Self.checkTimes, example: TrackerKey.timeout.example)
    }
    if let entry = fields[.rise] {
      draft.rise = integer(entry, in: 1...1000, example: TrackerKey.rise.example)?.value
    }
    if let entry = fields[.fall] {
      draft.fall = integer(entry, in: 1...1000, example: TrackerKey.fall.example)?.value
    }
    warnOfLongTimeout(draft)
    return draft
  }

  private mutating func warnOfLongTimeout(_ tracker: TrackerDraft) {
    guard let timeout = tracker.timeout else { return }
    guard let interval = tracker.interval?.value ?? tracker.kind?.standardInterval, timeout.value > interval else {
      return
    }
    complaints.warn(
      "the timeout of \(timeout.value.written) is longer than the interval of \(interval.written)",
      at: timeout.position,
      hint: "a check that hangs delays the next ones; \(interval.written) or less tells it sooner")
  }
}
