// vipctl watch: on a terminal the status, live; elsewhere a line for each event. It outlives the daemon that it watches.

import ArgumentParser
import ControlAPI

struct WatchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "watch",
    abstract: "Show what happens while it happens, until interrupted.",
    discussion: """
      On a terminal: the status, redrawn at each event and every second. Elsewhere, or with --lines: one line for each \
      event. If vipd restarts, vipctl connects again and misses nothing that the new one has to tell.
      """)

  @Flag(help: "Print a line for each event, even on a terminal.")
  var lines = false

  @Flag(help: "Print each event as a line of JSON.")
  var json = false

  @OptionGroup var color: ColorOptions
  @OptionGroup var daemon: DaemonOptions

  func run() async throws {
    try await reportingFailure { () throws(ClientFailure) in
      if Terminal.isTerminal, !lines, !json {
        try await LiveView(daemon.client, color.style).run()
      } else {
        try await EventFeed(daemon.client).run { event in
          switch event {
          case .happened(let event): Terminal.write(line(for: event))
          case .lost(let reason): Terminal.complain("\(reason); trying again")
          case .connected: break
          }
        }
      }
    }
  }

  private func line(for event: ControlEvent) -> String {
    if json, let line = try? ControlJSON.compact(event) { return String(decoding: line, as: UTF8.self) + "\n" }
    return EventLine(event).text(color.style) + "\n"
  }
}

/// The daemon's events, across its restarts.
struct EventFeed: Sendable {
  enum News: Sendable {
    case connected
    case happened(ControlEvent)
    /// The connection, or the hope for one; in words. Told once until there is one again.
    case lost(String)
  }

  private let client: ControlClient

  init(_ client: ControlClient) { self.client = client }

  /// Never returns.
  ///
  /// - Throws: A failure that time does not mend: no permission, not vipd.
  func run(_ tell: (News) async -> Void) async throws(ClientFailure) {
    var lastEventID: String?
    var isLost = false
    while true {
      do throws(ClientFailure) {
        let stream = try await client.events(after: lastEventID)
        isLost = false
        await tell(.connected)
        try await follow(stream, &lastEventID, tell)
        throw ClientFailure.disconnected(client.endpoint)
      } catch {
        guard error.mayPass else { throw error }
        if !isLost { await tell(.lost(error.description)) }
        isLost = true
      }
      // To end at Ctrl-C needs no cancellation: the signal ends the process.
      try? await Task.sleep(for: .seconds(1))
    }
  }

  private func follow(_ stream: EventStream, _ lastEventID: inout String?, _ tell: (News) async -> Void)
    async throws(ClientFailure)
  {
    while let event = try await stream.next() {
      lastEventID = event.id ?? lastEventID
      guard let event = try? ControlJSON.decode(ControlEvent.self, from: event.data.utf8) else { continue }
      await tell(.happened(event))
    }
  }
}

/// The status on a terminal, redrawn as things happen.
struct LiveView: Sendable {
  private enum Trigger: Sendable {
    case tick
    case news(EventFeed.News)
    case failed(ClientFailure)
  }

  private let client: ControlClient
  private let style: TextStyle

  init(_ client: ControlClient, _ style: TextStyle) {
    self.client = client
    self.style = style
  }

  func run() async throws(ClientFailure) {
    let (triggers, trigger) = AsyncStream.makeStream(of: Trigger.self, bufferingPolicy: .bufferingNewest(64))
    let ticker = Task {
      while !Task.isCancelled {
        trigger.yield(.tick)
        try? await Task.sleep(for: .seconds(1))
      }
    }
    let feed = Task {
      do throws(ClientFailure) {
        try await EventFeed(client).run { trigger.yield(.news($0)) }
      } catch {
        trigger.yield(.failed(error))
      }
    }
    defer {
      ticker.cancel()
      feed.cancel()
    }
    Terminal.write(Self.clear)
    var recent: [ControlEvent] = []
    for await next in triggers {
      switch next {
      case .tick, .news(.connected), .news(.lost): break
      case .news(.happened(let event)): recent = (recent + [event]).suffix(5)
      case .failed(let failure): throw failure
      }
      await draw(recent)
    }
  }

  private func draw(_ recent: [ControlEvent]) async {
    var text: String
    do throws(ClientFailure) {
      text = StatusPage(try await client.status(), width: Terminal.columns, style: style).text
    } catch {
      text = style.red("\(error)") + "\n"
    }
    if !recent.isEmpty {
      text += "\n" + style.dim("LATEST EVENTS") + "\n"
      for event in recent { text += EventLine(event).text(style) + "\n" }
    }
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).prefix(Terminal.rows - 1)
    // Overwritten in place, each line's rest and the rest below erased: no flicker.
    Terminal.write(Self.home + lines.map { $0 + "\u{1b}[K" }.joined(separator: "\n") + "\u{1b}[J")
  }

  private static let home = "\u{1b}[H"
  private static let clear = "\u{1b}[2J\u{1b}[H"
}
