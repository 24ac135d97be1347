// The kinds `http` and `tcp`, against a server that does as it is told.

import Glibc
import Testing

@testable import HealthProbes

@Suite("Trackers of services")
struct ServiceTrackerTests {
  @Test("What is asked is what the check says")
  func request() async throws {
    let server = try await StandInServer { _ in .answer(200, "") }
    let check = HTTPCheck(server.endpoint, method: "HEAD", target: "/ping?x=1", host: "www.example.com")
    #expect(try await firstReport(.http(check)).isUp == true)
    #expect(server.requests == [.init(method: "HEAD", target: "/ping?x=1", host: "www.example.com")])
    try await server.close()
  }

  struct Answer: Sendable, CustomTestStringConvertible {
    let status: Int
    let body: String
    var statuses = HTTPCheck.goodStatuses
    var wanted: String?
    let isUp: Bool
    let detail: String
    var testDescription: String { "\(status) \(body) \(statuses) \(wanted ?? "")" }
  }

  @Test(
    "An answer is good by its status and its text",
    arguments: [
      Answer(status: 200, body: "OK", isUp: true, detail: "HTTP status 200"),
      Answer(status: 302, body: "", isUp: true, detail: "HTTP status 302"),
      Answer(status: 404, body: "", isUp: false, detail: "HTTP status 404"),
      Answer(status: 502, body: "Bad\u{1b}[31m Gateway\n\n", isUp: false, detail: "HTTP status 502: Bad Gateway"),
      Answer(status: 401, body: "", statuses: [200...200, 401...401], isUp: true, detail: "HTTP status 401"),
      Answer(status: 200, body: "all is well", wanted: "well", isUp: true, detail: "HTTP status 200"),
      Answer(
        status: 200, body: "maintenance", wanted: "well", isUp: false,
        detail: "HTTP status 200, but the answer does not contain \"well\""),
    ])
  func answers(_ example: Answer) async throws {
    let server = try await StandInServer { _ in .answer(example.status, example.body) }
    let report = try await firstReport(
      .http(HTTPCheck(server.endpoint, statuses: example.statuses, body: example.wanted)))
    #expect(report.isUp == example.isUp)
    #expect(report.detail == example.detail)
    try await server.close()
  }

  @Test("Over a Unix socket")
  func unixSocket() async throws {
    let directory = try TemporaryDirectory()
    let path = "\(directory.path)/proxy.sock"
    #expect(
      try await firstReport(.http(HTTPCheck(.unix(path: path)))).detail == "\(path): no such file or directory")
    let server = try await StandInServer(socket: path) { _ in .answer(200, "") }
    #expect(try await firstReport(.http(HTTPCheck(.unix(path: path)))).isUp == true)
    try await server.close()
  }

  @Test("A server that is not there, that speaks something else, or that ends in the middle has a reason each")
  func broken() async throws {
    let server = try await StandInServer { _ in .rupture }
    let port = server.port
    let half = try await firstReport(.http(HTTPCheck(server.endpoint)))
    #expect(half.detail == "127.0.0.1:\(port): the connection was closed before the answer was complete")
    #expect(try await firstReport(.tcp(server.endpoint)).detail == "127.0.0.1:\(port) accepts connections")
    try await server.close()
    // Bound, so that nobody else takes it, but not listening.
    let holder = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
    defer { close(holder) }
    let refusing = ServiceEndpoint.tcp(host: "127.0.0.1", port: try boundPort(of: holder))
    for kind in [TrackerDefinition.Kind.http(HTTPCheck(refusing)), .tcp(refusing)] {
      let report = try await firstReport(kind)
      #expect(report.isUp == false && report.detail == "\(refusing): connection refused")
    }
  }

  private func boundPort(of descriptor: CInt) throws -> UInt16 {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let code = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        bind(descriptor, address, size) == 0 ? getsockname(descriptor, address, &size) : -1
      }
    }
    try #require(code == 0)
    return UInt16(bigEndian: address.sin_port)
  }

  @Test("One that hangs has failed at the timeout; questions do not pile up, and it is up again when it answers")
  func hangs() async throws {
    let server = try await StandInServer { _ in .silence }
    let definition = TrackerDefinition(
      name: "test", kind: .http(HTTPCheck(server.endpoint)), interval: .milliseconds(20), timeout: .milliseconds(100))
    await withTracker(definition) { log in
      await log.wait(for: "five timeouts") { $0.timeouts >= 5 }
      #expect(log.last?.isUp == false)
      #expect(log.reports.contains { $0.detail.hasPrefix("no answer within ") })
      #expect(server.silenced <= 2)
      server.answer { _ in .answer(200, "") }
      await log.wait(for: "it is up") { $0.isUp == true }
    }
    try await server.close()
  }

  @Test("A proxy's death is seen within the interval and the timeout")
  func death() async throws {
    let server = try await StandInServer { _ in .answer(200, "") }
    let definition = TrackerDefinition(
      name: "test", kind: .http(HTTPCheck(server.endpoint)), interval: .milliseconds(100), timeout: .milliseconds(100))
    try await withTracker(definition) { log in
      await log.wait(for: "it is up") { $0.isUp == true }
      try await server.close()
      let before = log.reports.count
      await log.wait(for: "it is down") { $0.isUp == false }
      // The check that is under way may still tell of an answer; the next one cannot.
      let first = log.reports.firstIndex { $0.isUp == false } ?? .max
      #expect(first <= before + 1)
    }
  }
}
