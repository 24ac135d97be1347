// What a tracker looks at: exactly one of these.

extension ClusterConfiguration {
  public enum TrackerKind: Sendable, Hashable {
    case process(ProcessCheck)
    case script(ScriptCheck)
    case http(HTTPCheck)
    case tcp(Service)
    /// A systemd unit, which must have a process.
    case unit(String)
    case file(FileCheck)
    /// Another link of the node, which must have carrier.
    case interface(String)
    case docker(DockerCheck)
    case swarm(SwarmCheck)

    /// The key that the file names it by.
    public var key: String { fileKey.rawValue }

    var fileKey: TrackerKey {
      switch self {
      case .process: .process
      case .script: .script
      case .http: .http
      case .tcp: .tcp
      case .unit: .unit
      case .file: .file
      case .interface: .interface
      case .docker: .docker
      case .swarm: .swarm
      }
    }

    /// From one check to the next where the file does not say: a Swarm is asked seldom, since its managers have to work
    /// for the answer.
    public var standardInterval: Duration {
      switch self {
      case .swarm: .seconds(5)
      case .process, .script, .http, .tcp, .unit, .file, .interface, .docker: .seconds(1)
      }
    }

    /// Of the container engine that is asked; nil where none is.
    public var engineSocket: String? {
      switch self {
      case .docker(let check): check.socket
      case .swarm(let check): check.socket
      case .process, .script, .http, .tcp, .unit, .file, .interface: nil
      }
    }

    /// Whether a change is noticed when it happens. What is not is noticed by the next check.
    public var isToldAtOnce: Bool {
      switch self {
      case .process, .unit, .file, .interface: true
      case .script, .http, .tcp, .docker, .swarm: false
      }
    }
  }

  /// Good while enough such processes live.
  public struct ProcessCheck: Sendable, Hashable {
    public var match: Match
    /// At least 1.
    public var minimumCount: Int

    public enum Match: Sendable, Hashable {
      /// As in `ps -C NAME`: not a path, not empty.
      case name(String)
      /// A text in the command line, its words joined by blanks.
      case commandLine(String)
    }

    public init(_ match: Match, minimumCount: Int = 1) {
      self.match = match
      self.minimumCount = minimumCount
    }

    public init(name: String, minimumCount: Int = 1) { self.init(.name(name), minimumCount: minimumCount) }
  }

  /// Good while the command exits with status 0 in time.
  public struct ScriptCheck: Sendable, Hashable {
    public var command: Command

    public init(_ command: Command) { self.command = command }

    public enum Command: Sendable, Hashable {
      /// The program's absolute path and its arguments; never empty, and no shell looks at it.
      case program(path: String, arguments: [String])
      /// For `/bin/sh -c`, since the file says `shell: true`.
      case shell(String)
    }
  }

  /// Good while a web server answers as it should.
  public struct HTTPCheck: Sendable, Hashable {
    public var service: Service
    /// Asked through this Unix socket, in place of the service's address.
    public var socket: String?
    public var isSecure: Bool
    /// Whether the certificate is looked at.
    public var verifies = true
    /// Path and query; begins with a slash.
    public var target: String
    public var method = "GET"
    /// The Host header, and whom a certificate must be for; nil for the URL's.
    public var host: String?
    /// Never empty.
    public var statuses: [ClosedRange<Int>] = Self.standardStatuses
    /// What the answer must contain.
    public var body: String?

    public static let standardStatuses = [200...399]

    public init(_ service: Service, isSecure: Bool = false, target: String = "/") {
      self.service = service
      self.isSecure = isSecure
      self.target = target
    }
  }

  /// A host and a TCP port.
  public struct Service: Sendable, Hashable {
    /// A name, or an address without brackets.
    public var host: String
    public var port: UInt16

    public init(host: String, port: UInt16) {
      self.host = host
      self.port = port
    }
  }

  /// Good while the file exists, or holds a number.
  public struct FileCheck: Sendable, Hashable {
    /// Absolute.
    public var path: String
    /// Whether the number in the file is added to the priority, in place of a weight.
    public var holdsWeight: Bool

    public init(path: String, holdsWeight: Bool = false) {
      self.path = path
      self.holdsWeight = holdsWeight
    }
  }

  /// Good while the Engine answers and, where a service is named, one of its containers runs on the node.
  public struct DockerCheck: Sendable, Hashable {
    public var socket: String
    public var service: String?

    public static let standardSocket = "/run/docker.sock"

    public init(socket: String = Self.standardSocket, service: String? = nil) {
      self.socket = socket
      self.service = service
    }
  }

  /// Good while the node is a manager of a Swarm that has a quorum and gives it work.
  public struct SwarmCheck: Sendable, Hashable {
    public var socket: String
    /// For how long signs of a lost quorum are taken for an election.
    public var patience: Duration

    public static let standardPatience = Duration.seconds(30)

    public init(socket: String = DockerCheck.standardSocket, patience: Duration = Self.standardPatience) {
      self.socket = socket
      self.patience = patience
    }
  }
}

extension ClusterConfiguration.Service: CustomStringConvertible {
  public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

extension ClusterConfiguration.HTTPCheck {
  /// As the file writes it.
  public var url: String {
    let port: UInt16 = isSecure ? 443 : 80
    let shown = service.port == port ? String("\(service)".dropLast("\(service.port)".count + 1)) : "\(service)"
    return (isSecure ? "https://" : "http://") + shown + target
  }
}
