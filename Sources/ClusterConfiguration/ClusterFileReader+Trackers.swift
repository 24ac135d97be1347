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
    var namesLaterKind = false
    let fields = fields(of: entry.value, as: TrackerKey.self) { other in
      guard UnsupportedYet.trackerKinds.contains(other.key) else { return false }
      namesLaterKind = true
      return true
    }
    guard let fields else { return draft }
    if namesLaterKind { refuseLaterKinds(in: entry.value) }
    draft.kind = kind(of: name, fields, isComplete: !namesLaterKind)
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

  private mutating func refuseLaterKinds(in node: YAMLNode) {
    guard case .mapping(let entries) = node.content else { return }
    for entry in entries where UnsupportedYet.trackerKinds.contains(entry.key) {
      complaints.error(
        "trackers of the kind '\(entry.key)' are not supported yet by this version", at: entry.keyPosition,
        hint:
          "the kinds are \(TrackerKey.kinds.map(\.rawValue).joined(separator: " and ")); a script can check most things"
      )
    }
  }

  private mutating func kind(of name: NameDraft, _ fields: Fields<TrackerKey>, isComplete: Bool)
    -> ClusterConfiguration.TrackerKind?
  {
    let kinds = TrackerKey.kinds.compactMap { fields[$0] }.sorted { $0.keyPosition < $1.keyPosition }
    for extra in kinds.dropFirst() {
      complaints.error(
        "tracker \(name.text.quoted) has '\(kinds[0].key)' already; '\(extra.key)' is a second kind",
        at: extra.keyPosition, hint: "make a tracker of each, and let the virtual router track both")
    }
    guard kinds.count == 1 else {
      if kinds.isEmpty, isComplete, fields.misspelt.isDisjoint(with: TrackerKey.kinds) {
        complaints.error(
          "tracker \(name.text.quoted) does not say what it looks at", at: name.position,
          hint: "give it one of \(TrackerKey.kinds.map { "'\($0.rawValue)'" }.joined(separator: ", "))")
      }
      return nil
    }
    if let entry = fields[.process] {
      if let shell = fields[.shell] {
        complaints.error("'shell' belongs to a 'script'", at: shell.keyPosition)
      }
      return process(entry).map(ClusterConfiguration.TrackerKind.process)
    }
    return fields[.script].flatMap { script($0, shell: fields[.shell]) }.map(ClusterConfiguration.TrackerKind.script)
  }

  // MARK: The kinds

  private mutating func process(_ entry: YAMLEntry) -> ClusterConfiguration.ProcessCheck? {
    switch entry.value.content {
    case .scalar:
      return text(entry, example: TrackerKey.process.example).flatMap { processName($0) }
        .map { ClusterConfiguration.ProcessCheck(name: $0) }
    case .unusable:
      return nil
    case .sequence, .mapping:
      guard let fields = fields(of: entry.value, as: ProcessKey.self),
        let nameEntry = required(.name, in: fields),
        let name = text(nameEntry, example: ProcessKey.name.example).flatMap({ processName($0) })
      else { return nil }
      var check = ClusterConfiguration.ProcessCheck(name: name)
      if let entry = fields[.count] {
        guard let count = integer(entry, in: 1...10_000, example: ProcessKey.count.example) else { return nil }
        check.minimumCount = count.value
      }
      return check
    }
  }

  private mutating func processName(_ text: Located<String>) -> String? {
    guard !text.value.contains("/") else {
      let name = text.value.split(separator: "/").last.map(String.init) ?? "dockerd"
      complaints.error(
        "\(text.value.quoted) is a path; 'process' wants the process's name", at: text.position,
        hint: "write '\(name)'")
      return nil
    }
    guard !text.value.unicodeScalars.contains(where: \.properties.isWhitespace) else {
      complaints.error(
        "\(text.value.quoted) is more than a process's name", at: text.position,
        hint: "the name alone, as 'ps -A' shows it, without arguments")
      return nil
    }
    return text.value
  }

  private mutating func script(_ entry: YAMLEntry, shell shellEntry: YAMLEntry?) -> ClusterConfiguration.ScriptCheck? {
    var usesShell = false
    if let shellEntry {
      guard let shell = boolean(shellEntry) else { return nil }
      usesShell = shell.value
    }
    switch entry.value.content {
    case .sequence(let elements):
      guard !usesShell else {
        complaints.error(
          "with 'shell: true' the script is one text, not a list", at: entry.value.position,
          hint: "leave 'shell' out to run the program directly")
        return nil
      }
      guard let words = command(elements, of: entry), let path = words.first else { return nil }
      return ClusterConfiguration.ScriptCheck(.program(path: path, arguments: Array(words.dropFirst())))
    case .scalar(let text, _):
      guard !text.allSatisfy(\.isWhitespace), !entry.value.isEmpty else {
        complaints.error(
          "'script' is empty", at: position(of: entry), hint: "for example: \(TrackerKey.script.example)")
        return nil
      }
      guard usesShell else {
        let words = text.split(whereSeparator: \.isWhitespace).joined(separator: ", ")
        complaints.error(
          "'script' is a list of the program and its arguments, not one text", at: entry.value.position,
          hint: "write [\(words.prefix(80))], or add 'shell: true' to hand the text to /bin/sh")
        return nil
      }
      guard holdsNoNull(text, at: entry.value.position) else { return nil }
      return ClusterConfiguration.ScriptCheck(.shell(text))
    case .mapping:
      complaints.error(
        "'script' is a list of the program and its arguments, not \(entry.value.description)", at: entry.value.position,
        hint: "for example: \(TrackerKey.script.example)")
      return nil
    case .unusable:
      return nil
    }
  }

  private mutating func warnOfLongTimeout(_ tracker: TrackerDraft) {
    guard let timeout = tracker.timeout else { return }
    let interval = tracker.interval?.value ?? ClusterConfiguration.Tracker.standardInterval
    guard timeout.value > interval else { return }
    complaints.warn(
      "the timeout of \(timeout.value.written) is longer than the interval of \(interval.written)",
      at: timeout.position,
      hint: "a check that hangs delays the next ones; \(interval.written) or less tells it sooner")
  }
}
