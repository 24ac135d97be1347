// Each kind of tracker, as the file may write it: read, told in words, written back, and refused where it cannot be meant.

import ClusterConfiguration
import Testing

@Suite("Tracker kinds in the file")
struct TrackerKindTests {
  private typealias Kind = ClusterConfiguration.TrackerKind

  private func kind(_ lines: String...) throws -> ClusterConfiguration.Tracker {
    let outcome = ClusterFile.parse(text: withTracker(lines), fileName: "f")
    let configuration = try #require(outcome.configuration, "\(outcome.diagnostics.map { $0.rendered() })")
    let again = ClusterFile.parse(text: configuration.fileText, fileName: "again")
    #expect(again.configuration == configuration, "\(configuration.fileText)")
    return try #require(configuration.trackers.first)
  }

  @Test("process: by its name or by its command line")
  func process() throws {
    #expect(try kind("process: dockerd").kind == .process(.init(name: "dockerd")))
    #expect(
      try kind("process: {command_line: java -jar proxy.jar, count: 2}").kind
        == .process(.init(.commandLine("java -jar proxy.jar"), minimumCount: 2)))
  }

  @Test("http: a URL, or all that there is to say")
  func http() throws {
    let service = ClusterConfiguration.Service(host: "127.0.0.1", port: 8080)
    #expect(
      try kind("http: http://127.0.0.1:8080/ping?x=1").kind == .http(.init(service, target: "/ping?x=1")))
    #expect(
      try kind("http: 'https://[::1]'").kind
        == .http(.init(ClusterConfiguration.Service(host: "::1", port: 443), isSecure: true)))
    var all = ClusterConfiguration.HTTPCheck(service, isSecure: true, target: "/")
    all.socket = "/run/proxy.sock"
    all.method = "HEAD"
    all.host = "www.example.com"
    all.verifies = false
    all.statuses = [200...204, 301...301]
    all.body = "all: well"
    #expect(
      try kind(
        "http: {url: 'https://127.0.0.1:8080', socket: /run/proxy.sock, method: HEAD, host: www.example.com,",
        "  verify: false, status: [200-204, 301], body: 'all: well'}"
      ).kind == .http(all))
  }

  @Test("tcp, unit, file, interface")
  func plain() throws {
    #expect(try kind("tcp: 443").kind == .tcp(.init(host: "127.0.0.1", port: 443)))
    #expect(try kind("tcp: '[fd00::1]:53'").kind == .tcp(.init(host: "fd00::1", port: 53)))
    #expect(try kind("tcp: db.example:5432").kind == .tcp(.init(host: "db.example", port: 5432)))
    #expect(try kind("unit: docker.service").kind == .unit("docker.service"))
    #expect(try kind("file: /run/in-service").kind == .file(.init(path: "/run/in-service")))
    #expect(
      try kind("file: {path: /run/load, holds: weight}").kind == .file(.init(path: "/run/load", holdsWeight: true)))
    #expect(try kind("interface: eth1").kind == .interface("eth1"))
  }

  @Test("docker and swarm: on, a socket, or more; a Swarm is asked seldom")
  func engine() throws {
    #expect(try kind("docker: on").kind == .docker(.init()))
    #expect(try kind("docker: /run/user/1000/docker.sock").kind == .docker(.init(socket: "/run/user/1000/docker.sock")))
    #expect(try kind("docker: {service: proxy}").kind == .docker(.init(service: "proxy")))
    let swarm = try kind("swarm: on")
    #expect(swarm.kind == .swarm(.init()))
    #expect(swarm.interval == .seconds(5))
    #expect(try kind("swarm: {patience: 1m}").kind == .swarm(.init(patience: .seconds(60))))
    #expect(try kind("swarm: on", "interval: 2s").interval == .seconds(2))
  }

  @Test(arguments: [
    Case(withTracker("http:"), "7:5: error: 'http' has no value"),
    Case(
      withTracker("http: 127.0.0.1:80"), "7:11: error: '127.0.0.1:80' is no URL: it begins with http:// or https://"),
    Case(withTracker("http: http://"), "7:11: error: 'http://' has no host and port that could be meant"),
    Case(withTracker("http: http://a:b/"), "7:11: error: 'http://a:b/' has no host and port that could be meant"),
    Case(withTracker("http: http://u@a/"), "7:11: error: 'http://u@a/' names a user, which is not supported"),
    Case(withTracker("http: 'http://a/b c'"), "7:11: error: 'http://a/b c' holds blanks or control characters"),
    Case(withTracker("http: {socket: /run/x}"), "7:11: error: 'http' needs 'url'"),
    Case(
      withTracker("http: {url: http://a, method: get}"), "7:35: error: 'method' is 'get', which is no HTTP method"),
    Case(withTracker("http: {url: http://a, status: 99}"), "7:35: error: 'status' is '99', which is no HTTP status"),
    Case(
      withTracker("http: {url: http://a, status: [300-200]}"),
      "7:36: error: 'status' is '300-200', which is no HTTP status"),
    Case(withTracker("http: {url: http://a, host: 'a b'}"), "7:33: error: 'host' is 'a b', which is no host's name"),
    Case(
      withTracker("http: {url: http://a, verify: false}"), "7:27: warning: 'verify' means nothing to plain http"),
    Case(withTracker("http: {url: http://a, timeouts: 1s}"), "7:27: error: unknown key 'timeouts'"),
    Case(withTracker("tcp: 0"), "7:10: error: 'tcp' is '0', which is no host and port"),
    Case(withTracker("tcp: example.com"), "7:10: error: 'tcp' is 'example.com', which is no host and port"),
    Case(withTracker("tcp: a:65536"), "7:10: error: 'tcp' is 'a:65536', which is no host and port"),
    Case(withTracker("unit: docker"), "7:11: error: 'unit' is 'docker', which does not say what kind of unit"),
    Case(withTracker("unit: a/b.service"), "7:11: error: 'unit' is 'a/b.service', which is no unit's name"),
    Case(withTracker("file: run/x"), "7:11: error: 'file' is 'run/x', which is no absolute path"),
    Case(
      withTracker("file: {path: /run/x, holds: number}"), "7:33: error: 'holds' must be 'weight', not 'number'"),
    Case(
      withTracker("docker: maybe"),
      "7:13: error: 'docker' must be 'on' or the path of the Engine's socket, not 'maybe'"),
    Case(
      withTracker("docker: {service: 'a b'}"),
      "7:23: error: the service's name 'a b' holds ' '; use letters, digits, '.', '_' and '-'"),
    Case(withTracker("swarm: {patience: soon}"), "7:23: error: 'patience' must be a duration, not 'soon'"),
    Case(
      withTracker("process: {name: a, command_line: b}"),
      "7:15: error: 'name' and 'command_line' are two ways to say the same"),
    Case(withTracker("tcp: 80", "shell: true"), "8:5: error: 'shell' belongs to a 'script'"),
  ]) func refusals(_ example: Case) {
    #expect(complaints(about: example.text) == example.expected)
  }
}
