// A real Docker Engine in a node: all that it writes lies in the node's own `/run`, its containers in control groups of
// their own, and nobody but the test talks to it. Asked over its API, so that any version of the client will do: none.

import FoundationEssentials
import Rehearsal
import Testing

final class DockerEngine: Sendable {
  let node: TestbedNode
  let process: NodeProcess

  private static let socket = "/run/docker.sock"
  /// How long dockerd may take to start, and a Swarm to do what it is told.
  static let patience = Duration.seconds(120)

  private init(on node: TestbedNode, _ process: NodeProcess) {
    self.node = node
    self.process = process
  }

  /// What starts dockerd in a node. Copies of a small image are better than a file system that not every machine can lay over
  /// another.
  static func command(on node: TestbedNode) throws -> [String] {
    [
      "dockerd", "--data-root", "/run/docker-data", "--exec-root", "/run/docker", "--pidfile", "/run/docker.pid",
      "--host", "unix://\(socket)", "--storage-driver", "vfs", "--exec-opt", "native.cgroupdriver=cgroupfs",
      "--cgroup-parent", try node.reserveControlGroup("containers"),
    ]
  }

  /// Starts dockerd, for the first time or again after it has died.
  static func start(on node: TestbedNode) async throws -> DockerEngine {
    let command = try command(on: node)
    let engine = DockerEngine(on: node, try node.spawn(command[0], Array(command.dropFirst())))
    try await eventually(within: patience, "dockerd answers on \(node.name)") {
      guard engine.process.isRunning else {
        throw TestbedError("dockerd on \(node.name)", cause: "has ended: \(engine.process.log.suffix(2000))")
      }
      return (try? node.ask("/_ping", socket: "docker.sock").status) == 200
    }
    return engine
  }

  /// Asks for something that must succeed.
  /// - Returns: the body of the answer.
  @discardableResult
  func ask(_ path: String, method: String = "GET", _ body: String? = nil, file: String? = nil) throws -> Data {
    let answer = "/run/answer"
    var arguments = [
      "--silent", "--show-error", "--max-time", "25", "--unix-socket", Self.socket, "--request", method,
      "--output", answer, "--write-out", "%{http_code}", "http://engine\(path)",
    ]
    if let body { arguments += ["--header", "Content-Type: application/json", "--data", body] }
    if let file { arguments += ["--header", "Content-Type: application/x-tar", "--data-binary", "@\(file)"] }
    let result = try node.run("curl", arguments)
    let text = try node.run("cat", [answer]).output
    guard result.status.isSuccess, result.output.hasPrefix("2") else {
      throw TestbedError("\(node.name): \(method) \(path)", cause: "\(result.output): \(text)")
    }
    return Data(text.utf8)
  }

  func decode<Value: Decodable>(_ type: Value.Type, _ path: String) throws -> Value {
    try JSONDecoder().decode(type, from: ask(path))
  }

  // MARK: Images and containers

  /// Makes an image of a tar in the node's `/run`.
  func load(_ file: String, as image: String) throws {
    try ask("/images/create?fromSrc=-&repo=\(image)", method: "POST", file: file)
  }

  /// The containers of a service that run here.
  func containers(of service: String) throws -> [String] {
    struct Container: Decodable { var Id: String }
    let filters = "%7B%22label%22%3A%5B%22com.docker.swarm.service.name%3D\(service)%22%5D%7D"
    return try decode([Container].self, "/containers/json?filters=\(filters)").map(\.Id)
  }

  func kill(container: String) throws { try ask("/containers/\(container)/kill", method: "POST") }

  // MARK: Swarm

  /// Begins a Swarm.
  /// - Returns: what other managers join with.
  func beginSwarm(at address: String) throws -> String {
    try ask(
      "/swarm/init", method: "POST",
      #"{"ListenAddr":"\#(address):2377","AdvertiseAddr":"\#(address)","DataPathAddr":"\#(address)"}"#)
    struct Swarm: Decodable {
      var JoinTokens: Tokens
      struct Tokens: Decodable { var Manager: String }
    }
    return try decode(Swarm.self, "/swarm").JoinTokens.Manager
  }

  func joinSwarm(of leader: String, token: String, at address: String) throws {
    try ask(
      "/swarm/join", method: "POST",
      #"{"ListenAddr":"\#(address):2377","AdvertiseAddr":"\#(address)","DataPathAddr":"\#(address)","#
        + #""RemoteAddrs":["\#(leader):2377"],"JoinToken":"\#(token)"}"#)
  }

  /// A network that containers on all nodes share.
  func makeOverlay(_ name: String) throws {
    try ask("/networks/create", method: "POST", #"{"Name":"\#(name)","Driver":"overlay","CheckDuplicate":true}"#)
  }

  /// A service with one container on each node.
  func makeService(_ name: String, image: String, _ command: [String], network: String, port: Int? = nil) throws {
    let words = command.map { "\"\($0)\"" }.joined(separator: ",")
    let ports =
      port.map { #"{"Protocol":"tcp","PublishMode":"host","TargetPort":\#($0),"PublishedPort":\#($0)}"# } ?? ""
    try ask(
      "/services/create", method: "POST",
      """
      {"Name":"\(name)","Mode":{"Global":{}},"EndpointSpec":{"Mode":"dnsrr","Ports":[\(ports)]},
       "TaskTemplate":{"ContainerSpec":{"Image":"\(image)","Command":[\(words)],"Env":["NODE={{.Node.Hostname}}"],
                                        "StopGracePeriod":1000000000},
                       "Networks":[{"Target":"\(network)"}],"RestartPolicy":{"Condition":"any","Delay":5000000000}}}
      """)
  }

  /// The containers of a service that the Swarm means to run and knows to run, on whatever node, in order.
  func runningContainersWanted(of service: String) throws -> [String] {
    struct Task: Decodable {
      var Status: Status
      struct Status: Decodable {
        var State: String
        var ContainerStatus: Container?
      }
      struct Container: Decodable { var ContainerID: String? }
    }
    let filters = "%7B%22service%22%3A%5B%22\(service)%22%5D%2C%22desired-state%22%3A%5B%22running%22%5D%7D"
    return try decode([Task].self, "/tasks?filters=\(filters)").filter { $0.Status.State == "running" }
      .compactMap(\.Status.ContainerStatus?.ContainerID).sorted()
  }

  /// `active`, `pause` or `drain`, asked of any manager.
  func setAvailability(_ availability: String, of host: TestbedNode) throws {
    struct Node: Decodable {
      var ID: String
      var Version: Index
      var Description: Host
      struct Index: Decodable { var Index: Int }
      struct Host: Decodable { var Hostname: String }
    }
    // The Swarm takes a change only for the version that was read, and changes the node itself whenever it hears of it.
    while true {
      let node = try #require(decode([Node].self, "/nodes").first { $0.Description.Hostname == host.name })
      do {
        try ask(
          "/nodes/\(node.ID)/update?version=\(node.Version.Index)", method: "POST",
          #"{"Role":"manager","Availability":"\#(availability)"}"#)
        return
      } catch let error as TestbedError where error.cause.contains("update out of sequence") {
        continue
      }
    }
  }
}
