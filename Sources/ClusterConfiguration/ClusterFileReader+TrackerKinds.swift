// What a tracker of the cluster file looks at.

import NetworkTypes
import VRRP

extension ClusterFileReader {
  /// Nil where the file names none, more than one, or one that cannot be.
  mutating func kind(of name: NameDraft, _ fields: Fields<TrackerKey>) -> ClusterConfiguration.TrackerKind? {
    let kinds = TrackerKey.kinds.compactMap { fields[$0] }.sorted { $0.keyPosition < $1.keyPosition }
    for extra in kinds.dropFirst() {
      complaints.error(
        "tracker \(name.text.quoted) has '\(kinds[0].key)' already; '\(extra.key)' is a second kind",
        at: extra.keyPosition, hint: "make a tracker of each, and let the virtual router track both")
    }
    guard kinds.count == 1, let entry = kinds.first, let key = TrackerKey(rawValue: entry.key) else {
      if kinds.isEmpty, fields.misspelt.isDisjoint(with: TrackerKey.kinds) {
        complaints.error(
          "tracker \(name.text.quoted) does not say what it looks at", at: name.position,
          hint: "give it one of \(TrackerKey.kinds.map { "'\($0.rawValue)'" }.joined(separator: ", "))")
      }
      return nil
    }
    if key != .script, let shell = fields[.shell] {
      complaints.error("'shell' belongs to a 'script'", at: shell.keyPosition)
    }
    switch key {
    case .process: return process(entry).map { .process($0) }
    case .script: return script(entry, shell: fields[.shell]).map { .script($0) }
    case .http: return http(entry).map { .http($0) }
    case .tcp: return service(entry).map { .tcp($0) }
    case .unit: return unit(entry).map { .unit($0) }
    case .file: return file(entry).map { .file($0) }
    case .interface: return interface(entry).map { .interface($0.value) }
    case .docker: return docker(entry).map { .docker($0) }
    case .swarm: return swarm(entry).map { .swarm($0) }
    case .shell, .weight, .interval, .timeout, .rise, .fall: return nil  // No kinds.
    }
  }

  private mutating func process(_ entry: YAMLEntry) -> ClusterConfiguration.ProcessCheck? {
    switch entry.value.content {
    case .scalar:
      return text(entry, example: TrackerKey.process.example).flatMap { processName($0) }
        .map { ClusterConfiguration.ProcessCheck(name: $0) }
    case .unusable:
      return nil
    case .sequence, .mapping:
      guard let fields = fields(of: entry.value, as: ProcessKey.self), let match = match(fields) else { return nil }
      var check = ClusterConfiguration.ProcessCheck(match)
      if let entry = fields[.count] {
        guard let count = integer(entry, in: 1...10_000, example: ProcessKey.count.example) else { return nil }
        check.minimumCount = count.value
      }
      return check
    }
  }

  private mutating func match(_ fields: Fields<ProcessKey>) -> ClusterConfiguration.ProcessCheck.Match? {
    guard let entry = fields[.commandLine] else {
      guard let entry = required(.name, in: fields) else { return nil }
      return text(entry, example: ProcessKey.name.example).flatMap { processName($0) }.map { .name($0) }
    }
    if let name = fields[.name] {
      complaints.error("'name' and 'command_line' are two ways to say the same", at: name.keyPosition)
      return nil
    }
    return text(entry, example: ProcessKey.commandLine.example).map { .commandLine($0.value) }
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
}

// MARK: - Services

extension ClusterFileReader {
  private mutating func http(_ entry: YAMLEntry) -> ClusterConfiguration.HTTPCheck? {
    guard case .mapping = entry.value.content else {
      return text(entry, example: TrackerKey.http.example).flatMap { url($0) }
    }
    guard let fields = fields(of: entry.value, as: HTTPKey.self), let urlEntry = required(.url, in: fields),
      var check = text(urlEntry, example: HTTPKey.url.example).flatMap({ url($0) })
    else { return nil }
    if let entry = fields[.socket] { check.socket = absolutePath(entry, example: HTTPKey.socket.example) }
    if let entry = fields[.method] {
      guard let method = text(entry, example: HTTPKey.method.example) else { return nil }
      guard method.value.utf8.allSatisfy({ (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }) else {
        complaints.error(
          "'method' is \(method.value.quoted), which is no HTTP method", at: method.position,
          hint: "for example: \(HTTPKey.method.example)")
        return nil
      }
      check.method = method.value
    }
    if let entry = fields[.host] {
      guard let host = text(entry, example: HTTPKey.host.example) else { return nil }
      guard isHeaderText(host.value), !host.value.contains(where: \.isWhitespace) else {
        complaints.error("'host' is \(host.value.quoted), which is no host's name", at: host.position)
        return nil
      }
      check.host = host.value
    }
    if let entry = fields[.verify] {
      guard let verify = boolean(entry) else { return nil }
      if !check.isSecure { complaints.warn("'verify' means nothing to plain http", at: entry.keyPosition) }
      check.verifies = verify.value
    }
    if let entry = fields[.status] {
      guard let statuses = statuses(entry) else { return nil }
      check.statuses = statuses
    }
    if let entry = fields[.body] {
      guard let body = text(entry, example: HTTPKey.body.example) else { return nil }
      check.body = body.value
    }
    return check
  }

  /// `http://HOST[:PORT][/PATH]`
  private mutating func url(_ text: Located<String>) -> ClusterConfiguration.HTTPCheck? {
    func refuse(_ problem: String) -> ClusterConfiguration.HTTPCheck? {
      complaints.error(
        "\(text.value.quoted) \(problem)", at: text.position, hint: "for example: http://127.0.0.1:8080/ping")
      return nil
    }
    guard let scheme = ["http://", "https://"].first(where: { text.value.lowercased().hasPrefix($0) }) else {
      return refuse("is no URL: it begins with http:// or https://")
    }
    let rest = text.value.dropFirst(scheme.count)
    let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
    let target = rest[authority.endIndex...].prefix { $0 != "#" }
    guard isHeaderText(text.value), !text.value.contains(where: \.isWhitespace) else {
      return refuse("holds blanks or control characters")
    }
    guard !authority.contains("@") else { return refuse("names a user, which is not supported") }
    let isSecure = scheme == "https://"
    guard let service = Self.service(authority, standardPort: isSecure ? 443 : 80) else {
      return refuse("has no host and port that could be meant")
    }
    let path = target.hasPrefix("/") ? String(target) : "/" + target
    return ClusterConfiguration.HTTPCheck(service, isSecure: isSecure, target: path)
  }

  /// One status, or a list of statuses and ranges.
  private mutating func statuses(_ entry: YAMLEntry) -> [ClosedRange<Int>]? {
    let nodes: [YAMLNode]
    if case .sequence = entry.value.content {
      guard let elements = list(entry, example: HTTPKey.status.example), !elements.isEmpty else { return nil }
      nodes = elements
    } else {
      nodes = [entry.value]
    }
    var ranges: [ClosedRange<Int>] = []
    for node in nodes {
      guard let text = text(node, "'status'", example: HTTPKey.status.example) else { return nil }
      let bounds = text.value.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
      guard let low = bounds.first ?? nil, let high = bounds.last ?? nil, bounds.count <= 2, low <= high,
        (100...599).contains(low), (100...599).contains(high)
      else {
        complaints.error(
          "'status' is \(text.value.quoted), which is no HTTP status", at: text.position,
          hint: "for example: 200, or [200-299, 401]")
        return nil
      }
      ranges.append(low...high)
    }
    return ranges
  }

  /// `HOST:PORT`, or a port on this host.
  private mutating func service(_ entry: YAMLEntry) -> ClusterConfiguration.Service? {
    guard let text = text(entry, example: TrackerKey.tcp.example) else { return nil }
    if let port = UInt16(text.value), port > 0 { return ClusterConfiguration.Service(host: "127.0.0.1", port: port) }
    if isHeaderText(text.value), let service = Self.service(text.value[...], standardPort: nil) { return service }
    complaints.error(
      "'tcp' is \(text.value.quoted), which is no host and port", at: text.position,
      hint: "for example: \(TrackerKey.tcp.example), or [::1]:443")
    return nil
  }

  private static func service(_ text: Substring, standardPort: UInt16?) -> ClusterConfiguration.Service? {
    let host: Substring
    let rest: Substring
    if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
      host = text[text.index(after: text.startIndex)..<end]
      rest = text[text.index(after: end)...]
      guard IPAddress(String(host))?.family == .ipv6 else { return nil }
    } else {
      host = text.prefix { $0 != ":" }
      rest = text[host.endIndex...]
    }
    guard !host.isEmpty, !host.contains(where: { $0.isWhitespace || $0 == "/" }) else { return nil }
    guard !rest.isEmpty else { return standardPort.map { ClusterConfiguration.Service(host: String(host), port: $0) } }
    guard rest.hasPrefix(":"), let port = UInt16(rest.dropFirst()), port > 0 else { return nil }
    return ClusterConfiguration.Service(host: String(host), port: port)
  }

  private func isHeaderText(_ text: String) -> Bool {
    text.utf8.allSatisfy { (0x20..<0x7f).contains($0) }
  }
}

// MARK: - What else is on the node

extension ClusterFileReader {
  private mutating func unit(_ entry: YAMLEntry) -> String? {
    guard let text = text(entry, example: TrackerKey.unit.example) else { return nil }
    guard !text.value.contains(where: { $0 == "/" || $0.isWhitespace }) else {
      complaints.error("'unit' is \(text.value.quoted), which is no unit's name", at: text.position)
      return nil
    }
    let kinds = [".service", ".scope", ".slice", ".socket", ".mount", ".swap"]
    guard kinds.contains(where: { text.value.hasSuffix($0) && text.value != $0 }) else {
      complaints.error(
        "'unit' is \(text.value.quoted), which does not say what kind of unit", at: text.position,
        hint: "write '\(text.value).service'")
      return nil
    }
    return text.value
  }

  private mutating func file(_ entry: YAMLEntry) -> ClusterConfiguration.FileCheck? {
    guard case .mapping = entry.value.content else {
      return absolutePath(entry, example: TrackerKey.file.example).map { ClusterConfiguration.FileCheck(path: $0) }
    }
    guard let fields = fields(of: entry.value, as: FileCheckKey.self), let pathEntry = required(.path, in: fields),
      let path = absolutePath(pathEntry, example: FileCheckKey.path.example)
    else { return nil }
    var check = ClusterConfiguration.FileCheck(path: path)
    if let entry = fields[.holds] {
      guard choice(entry, [("weight", true)]) != nil else { return nil }
      check.holdsWeight = true
    }
    return check
  }

  private mutating func docker(_ entry: YAMLEntry) -> ClusterConfiguration.DockerCheck? {
    var check = ClusterConfiguration.DockerCheck()
    guard case .mapping = entry.value.content else {
      guard let socket = socket(entry, example: TrackerKey.docker.example) else { return nil }
      check.socket = socket
      return check
    }
    guard let fields = fields(of: entry.value, as: DockerKey.self) else { return nil }
    if let entry = fields[.socket] {
      guard let path = absolutePath(entry, example: DockerKey.socket.example) else { return nil }
      check.socket = path
    }
    if let entry = fields[.service] {
      guard let service = name(entry, of: "service", example: DockerKey.service.example), service.isGood else {
        return nil
      }
      check.service = service.text
    }
    return check
  }

  private mutating func swarm(_ entry: YAMLEntry) -> ClusterConfiguration.SwarmCheck? {
    var check = ClusterConfiguration.SwarmCheck()
    guard case .mapping = entry.value.content else {
      guard let socket = socket(entry, example: TrackerKey.swarm.example) else { return nil }
      check.socket = socket
      return check
    }
    guard let fields = fields(of: entry.value, as: SwarmKey.self) else { return nil }
    if let entry = fields[.socket] {
      guard let path = absolutePath(entry, example: SwarmKey.socket.example) else { return nil }
      check.socket = path
    }
    if let entry = fields[.patience] {
      guard let patience = duration(entry, in: .zero ... .seconds(3600), example: SwarmKey.patience.example) else {
        return nil
      }
      check.patience = patience.value
    }
    return check
  }

  /// `on` for the usual socket, or its path.
  private mutating func socket(_ entry: YAMLEntry, example: String) -> String? {
    guard let text = text(entry, example: example) else { return nil }
    if ["on", "true", "yes"].contains(text.value.lowercased()) {
      return ClusterConfiguration.DockerCheck.standardSocket
    }
    if isAbsolutePath(text.value) { return text.value }
    complaints.error(
      "'\(entry.key)' must be 'on' or the path of the Engine's socket, not \(text.value.quoted)", at: text.position,
      hint: "for example: \(example)")
    return nil
  }

  private mutating func absolutePath(_ entry: YAMLEntry, example: String) -> String? {
    guard let text = text(entry, example: example) else { return nil }
    guard isAbsolutePath(text.value) else {
      complaints.error(
        "'\(entry.key)' is \(text.value.quoted), which is no absolute path", at: text.position,
        hint: "for example: \(example)")
      return nil
    }
    return text.value
  }
}
