// libyaml's events, made into a tree. Nothing of libyaml is seen outside this file.
//
// A cluster file needs little of YAML, and may come from anywhere (`vipctl check`), so the rest is refused in words:
// anchors and aliases (a few bytes could stand for gigabytes), tags, several documents, deep nesting.

import CLibyaml

enum YAMLParser {
  /// No cluster file is near either.
  static let maximumBytes = 256 << 10
  static let maximumDepth = 16

  /// The file's one document; nil where there is none or it can not be read, which `complaints` then tells.
  static func parse(_ source: SourceText, complaints: inout Complaints) -> YAMLNode? {
    guard source.bytes.count <= maximumBytes else {
      complaints.error("the file has more than \(maximumBytes) bytes", at: .start)
      return nil
    }
    if let flaw = source.flaw {
      switch flaw.kind {
      case .notUTF8: complaints.error("not UTF-8", at: flaw.position, hint: "save the file in UTF-8")
      case .forbidden(let scalar):
        complaints.error("the character \(scalar.displayed) does not belong in a text file", at: flaw.position)
      }
      return nil
    }
    do throws(YAMLProblem) {
      return try source.bytes.withUnsafeBufferPointer { (bytes) throws(YAMLProblem) in
        let events = try YAMLEvents(bytes)
        defer { events.free() }
        var composer = YAMLComposer(events: events, complaints: complaints)
        defer { complaints = composer.complaints }
        return try composer.document()
      }
    } catch {
      complaints.error(error.message(in: source), at: error.position, hint: error.hint(in: source))
      return nil
    }
  }
}

/// What ends the reading of a file at once.
private struct YAMLProblem: Error {
  /// libyaml's words.
  var text: String
  var position: SourcePosition
  /// What libyaml was reading, and where that began.
  var context: (text: String, position: SourcePosition)?

  func message(in source: SourceText) -> String {
    if source.scalar(at: position) == "\t" { return "a tab; YAML is indented with spaces" }
    guard let context else { return "this is not YAML: \(text)" }
    let begun = context.position.line == position.line ? "" : " that began on line \(context.position.line)"
    return "this is not YAML: \(text) (\(context.text)\(begun))"
  }

  func hint(in source: SourceText) -> String? {
    switch source.scalar(at: position) {
    case "\t": "replace each tab with spaces"
    case "@", "`", "%": "put the value in quotes"
    default: nil
    }
  }
}

/// Builds the tree.
private struct YAMLComposer {
  let events: YAMLEvents
  var complaints: Complaints

  mutating func document() throws(YAMLProblem) -> YAMLNode? {
    var root: YAMLNode?
    while true {
      let event = try events.next()
      switch event.kind {
      case .streamStart, .documentEnd:
        continue
      case .streamEnd:
        if root == nil { complaints.error("the file is empty", at: .start, hint: "begin with 'cluster: NAME'") }
        return root
      case .documentStart:
        guard root == nil else {
          complaints.error("a second document begins here; a cluster file holds one", at: event.position)
          return nil
        }
        root = try node(from: try events.next(), depth: 1)
      case .scalar, .alias, .sequenceStart, .sequenceEnd, .mappingStart, .mappingEnd:
        throw YAMLProblem(text: "unexpected content", position: event.position)
      }
    }
  }

  private mutating func node(from event: YAMLEvents.Event, depth: Int) throws(YAMLProblem) -> YAMLNode {
    guard depth <= YAMLParser.maximumDepth else {
      throw YAMLProblem(text: "nested more than \(YAMLParser.maximumDepth) levels deep", position: event.position)
    }
    refuseProperties(of: event)
    switch event.kind {
    case .scalar(let text, let isPlain):
      return YAMLNode(position: event.position, content: .scalar(text, isPlain: isPlain))
    case .alias:
      complaints.error(
        "aliases (*name) are not supported", at: event.position,
        hint: "write the value out; a text that begins with '*' goes in quotes")
      return YAMLNode(position: event.position, content: .unusable)
    case .sequenceStart:
      return YAMLNode(position: event.position, content: .sequence(try elements(depth: depth + 1)))
    case .mappingStart:
      return YAMLNode(position: event.position, content: .mapping(try entries(depth: depth + 1)))
    case .streamStart, .streamEnd, .documentStart, .documentEnd, .sequenceEnd, .mappingEnd:
      throw YAMLProblem(text: "unexpected end", position: event.position)
    }
  }

  private mutating func refuseProperties(of event: YAMLEvents.Event) {
    if event.hasAnchor {
      complaints.error(
        "anchors (&name) are not supported", at: event.position,
        hint: "write the value out where it is needed; a text that begins with '&' goes in quotes")
    }
    if event.hasTag {
      complaints.error(
        "tags (!name) are not supported", at: event.position,
        hint: "leave it out; a text that begins with '!' goes in quotes")
    }
  }

  private mutating func elements(depth: Int) throws(YAMLProblem) -> [YAMLNode] {
    var elements: [YAMLNode] = []
    while true {
      let event = try events.next()
      if case .sequenceEnd = event.kind { return elements }
      elements.append(try node(from: event, depth: depth))
    }
  }

  private mutating func entries(depth: Int) throws(YAMLProblem) -> [YAMLEntry] {
    var entries: [YAMLEntry] = []
    var lines: [String: Int] = [:]
    while true {
      let event = try events.next()
      if case .mappingEnd = event.kind { return entries }
      let key = try node(from: event, depth: depth)
      let value = try node(from: try events.next(), depth: depth)
      switch key.content {
      case .scalar(let text, _):
        if let line = lines[text] {
          complaints.error(
            "duplicate key \(text.quoted)", at: key.position, hint: "it is on line \(line) already; keep one of the two"
          )
        } else {
          lines[text] = key.position.line
          entries.append(YAMLEntry(key: text, keyPosition: key.position, value: value))
        }
      case .sequence, .mapping:
        complaints.error("a key must be a word, not \(key.description)", at: key.position)
      case .unusable:
        break
      }
    }
  }
}

/// libyaml's parser, and its events as Swift values.
private struct YAMLEvents {
  private let parser: UnsafeMutablePointer<yaml_parser_t>

  struct Event {
    let kind: Kind
    let position: SourcePosition
    var hasAnchor = false
    var hasTag = false

    enum Kind {
      case streamStart
      case streamEnd
      case documentStart
      case documentEnd
      case alias
      case scalar(String, isPlain: Bool)
      case sequenceStart
      case sequenceEnd
      case mappingStart
      case mappingEnd
    }
  }

  /// `bytes` must outlive this value; call `free` at the end.
  init(_ bytes: UnsafeBufferPointer<UInt8>) throws(YAMLProblem) {
    parser = .allocate(capacity: 1)
    guard yaml_parser_initialize(parser) == 1 else {
      parser.deallocate()
      throw YAMLProblem(text: "out of memory", position: .start)
    }
    yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
    yaml_parser_set_input_string(parser, bytes.baseAddress, bytes.count)
  }

  func free() {
    yaml_parser_delete(parser)
    parser.deallocate()
  }

  func next() throws(YAMLProblem) -> Event {
    var event = yaml_event_t()
    guard yaml_parser_parse(parser, &event) == 1 else { throw problem }
    defer { yaml_event_delete(&event) }
    let position = SourcePosition(event.start_mark)
    switch event.type {
    case YAML_STREAM_START_EVENT: return Event(kind: .streamStart, position: position)
    case YAML_DOCUMENT_START_EVENT: return Event(kind: .documentStart, position: position)
    case YAML_DOCUMENT_END_EVENT: return Event(kind: .documentEnd, position: position)
    case YAML_ALIAS_EVENT: return Event(kind: .alias, position: position)
    case YAML_SEQUENCE_END_EVENT: return Event(kind: .sequenceEnd, position: position)
    case YAML_MAPPING_END_EVENT: return Event(kind: .mappingEnd, position: position)
    case YAML_SEQUENCE_START_EVENT:
      let start = event.data.sequence_start
      return Event(
        kind: .sequenceStart, position: position, hasAnchor: start.anchor != nil, hasTag: start.tag != nil)
    case YAML_MAPPING_START_EVENT:
      let start = event.data.mapping_start
      return Event(
        kind: .mappingStart, position: position, hasAnchor: start.anchor != nil, hasTag: start.tag != nil)
    case YAML_SCALAR_EVENT:
      let scalar = event.data.scalar
      let text = String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
      return Event(
        kind: .scalar(text, isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE), position: position,
        hasAnchor: scalar.anchor != nil, hasTag: scalar.tag != nil)
    default:
      // The end of the stream, and YAML_NO_EVENT, which libyaml gives for ever after it.
      return Event(kind: .streamEnd, position: position)
    }
  }

  private var problem: YAMLProblem {
    let state = parser.pointee
    guard let text = state.problem else { return YAMLProblem(text: "out of memory", position: .start) }
    var problem = YAMLProblem(text: String(cString: text), position: SourcePosition(state.problem_mark))
    if let context = state.context {
      problem.context = (String(cString: context), SourcePosition(state.context_mark))
    }
    return problem
  }
}

extension SourcePosition {
  /// libyaml counts from 0.
  fileprivate init(_ mark: yaml_mark_t) { self.init(line: Int(mark.line) + 1, column: Int(mark.column) + 1) }
}
