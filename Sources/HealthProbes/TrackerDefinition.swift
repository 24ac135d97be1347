// What a tracker watches and how it judges: the plain values that the cluster file's `trackers` section comes down to.

/// One tracker.
public struct TrackerDefinition: Sendable, Hashable {
  /// The name that the cluster file gives it. Scripts see it as `VIPD_TRACKER`.
  public let name: String
  public let kind: Kind
  /// From the start of one check to the start of the next. At least a millisecond.
  public let interval: Duration
  /// How long one check may take before it counts as failed. Process trackers need none.
  public let timeout: Duration
  /// Consecutive successes that bring a tracker up which was down. At least 1.
  public let rise: Int
  /// Consecutive failures that bring a tracker down which was up. At least 1.
  public let fall: Int

  public init(
    name: String, kind: Kind, interval: Duration = .seconds(1), timeout: Duration = .seconds(1), rise: Int = 1,
    fall: Int = 1
  ) {
    self.name = name
    self.kind = kind
    self.interval = max(interval, .milliseconds(1))
    self.timeout = max(timeout, .milliseconds(1))
    self.rise = max(rise, 1)
    self.fall = max(fall, 1)
  }

  public enum Kind: Sendable, Hashable {
    /// At least `count` processes of that name run, stopped ones (SIGSTOP) and zombies not among them.
    ///
    /// The name is the kernel's, as `pgrep -x` and `ps -C` know it: 15 bytes. Of a process that is to have a longer name
    /// these must agree, and so must the base name of its executable, of `argv[0]`, or of `argv[1]` (a script's, where
    /// an interpreter runs it). Processes in containers count where this process's /proc shows them.
    case process(name: String, count: Int = 1)
    /// The same of processes whose command line, its words joined by blanks, contains a text.
    case commandLine(String, count: Int = 1)
    /// A program that says by its exit status whether all is well: 0 is success, everything else is failure, and so is
    /// one that cannot be started. It gets a process group of its own, of which nothing outlives it.
    case script(Script)
    /// A web server that answers as it should.
    case http(HTTPCheck)
    /// A service that accepts connections.
    case tcp(ServiceEndpoint)
    /// A systemd unit that has a process.
    case unit(String)
    case file(FileCheck)
    /// Another link that has carrier.
    case interface(String)
    /// A container engine that answers.
    case docker(DockerCheck)
    /// A Swarm's manager that can manage.
    case swarm(SwarmCheck)
  }

  public struct Script: Sendable, Hashable {
    public var command: Command
    /// The account to run as. Nil: the one that this process has. Others than one's own take root.
    public var account: Account?

    public init(_ command: Command, account: Account? = nil) {
      self.command = command
      self.account = account
    }
  }

  public enum Command: Sendable, Hashable {
    /// A program with its arguments, started without a shell. A program without a slash is looked up in
    /// ``TrackerDefinition/searchPath``; a relative path with one fails.
    case program(String, arguments: [String] = [])
    /// A line for `/bin/sh -c`.
    case shell(String)
  }

  /// A user and its group. Supplementary groups are dropped.
  public struct Account: Sendable, Hashable {
    public var userID: UInt32
    public var groupID: UInt32

    public init(userID: UInt32, groupID: UInt32) {
      self.userID = userID
      self.groupID = groupID
    }
  }
}

extension TrackerDefinition {
  /// The `PATH` of scripts, and where a program without a slash is looked up.
  public static let searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
}

extension TrackerDefinition.Kind {
  /// The key of the cluster file.
  public var keyword: String {
    switch self {
    case .process, .commandLine: "process"
    case .script: "script"
    case .http: "http"
    case .tcp: "tcp"
    case .unit: "unit"
    case .file: "file"
    case .interface: "interface"
    case .docker: "docker"
    case .swarm: "swarm"
    }
  }
}
