// What the documentation shows is what happens: each command of each page is typed in on the hosts that the page speaks of, in
// the order of the page, and what it prints is compared.
//
// The hosts are a test bed's, so what belongs to a whole machine has stand-ins: `systemctl` starts the real daemons, and
// `apt-get` and `adduser` do nothing. BootedHostsTests has those for real.

import FoundationEssentials
import Rehearsal
import Testing

@Suite("The documentation", .sharesTheMachineForMinutes)
struct DocumentationTests {
  @Test("Each command that a page shows does what the page says", arguments: try DocumentationPage.all())
  func commands(_ page: DocumentationPage) async throws {
    guard page.steps.contains(where: { if case .command = $0 { true } else { false } }) else { return }
    let hosts = TestbedLayout(
      nodes: (1...3).map { TestbedLayout.Node("swarm\($0)", [.init(addresses: ["10.0.10.3\($0)/24"])]) },
      client: TestbedLayout.Node("laptop", [.init(addresses: ["10.0.10.250/24"])]))
    try await Testbed.with(hosts) { testbed in
      let reader = try PageReader(testbed, page)
      try await reader.prepare()
      for step in page.steps { try await reader.take(step) }
    }
  }

  @Test("Each alert has a chapter in the page on operations, and each chapter an alert")
  func alerts() throws {
    let page = try #require(try DocumentationPage.all().first { $0.name == "Operations.md" })
    let chapters = Set(page.text.matches(of: /### (Vipd\w+)\n/).map { String($0.output.1) })
    let rules = "\(DocumentationPage.directory)/../../../Packaging/monitoring/vipd.rules.yml"
    let alerts = try String(contentsOfFile: rules, encoding: .utf8).matches(of: /- alert: (\w+)\n/)
    #expect(chapters == Set(alerts.map { String($0.output.1) }))
  }

  @Test("The modules that the architecture names are those that there are")
  func modules() throws {
    let page = try #require(try DocumentationPage.all().first { $0.name == "Architecture.md" })
    let named = Set(page.text.matches(of: /\n\| `(\w+)` \|/).map { String($0.output.1) })
    let sources = try FileManager.default.contentsOfDirectory(atPath: "\(DocumentationPage.directory)/../..")
    #expect(named == Set(sources.filter { $0.first?.isUppercase ?? false && !$0.hasPrefix("CLi") }))
  }
}

/// Somebody who reads a page and types in what it says.
private struct PageReader {
  let testbed: Testbed
  let page: DocumentationPage
  private let directory: String

  init(_ testbed: Testbed, _ page: DocumentationPage) throws {
    self.testbed = testbed
    self.page = page
    directory = try Programs.beside("vipctl").split(separator: "/").dropLast().map { "/\($0)" }.joined()
  }

  private var clinic: Clinic { Clinic(testbed: testbed) }

  func take(_ step: DocumentationPage.Step) async throws {
    switch step {
    case .command(let command): try await type(command)
    case .deed("copy", let words):
      let text = try run("cat \(words[0])", on: "laptop").output
      for node in testbed.nodes {
        let result = try node.run("sh", ["-c", "mkdir -p ${0%/*} && cat >$0", words[1]], input: text)
        try #require(result.status.isSuccess, "\(result.output)")
      }
    case .deed("join", let hosts):
      let token = try run("docker swarm join-token --quiet manager", on: "swarm1").output.prefix { $0 != "\n" }
      for host in hosts {
        let joined = try run("docker swarm join --token \(token) 10.0.10.31:2377", on: host)
        try #require(joined.status.isSuccess, "\(joined.output)")
      }
    case .deed("wait", let words):
      try await eventually(within: .seconds(90), "\(words[0]) is \(words[1])") {
        try run("vipctl status --json", on: words[0]).output.contains("\"state\" : \"\(words[1])\"")
      }
    case .deed(let name, _): Issue.record("\(page.name): nobody knows how to '\(name)'")
    }
  }

  private func type(_ command: DocumentationPage.Command) async throws {
    let place = "\(page.name):\(command.line): \(command.text)"
    var last: CommandResult?
    func isAnswered() throws -> Bool {
      let result = try run(command.text, on: command.host)
      last = result
      // Their exit status tells what they have found.
      let mayFail = command.text.hasPrefix("vipctl doctor") || command.text.hasPrefix("vipctl plan")
      return command.isAnswered(by: result.output) && (result.status.isSuccess || mayFail)
    }
    if command.isQuestion {
      try await eventually(within: .seconds(90), "\(place) prints what the page says, not:\n\(last?.output ?? "")") {
        try isAnswered()
      }
    } else if try !isAnswered() {
      throw TestbedError(place, cause: "prints \(last.map { "\($0.output)\n(\($0.status))" } ?? "nothing")")
    }
  }

  private func run(_ line: String, on host: String) throws -> CommandResult {
    try testbed[host].run("sh", ["-c", "mkdir -p /run/work; cd /run/work; PATH=/run/bin:\(directory):$PATH\n\(line)"])
  }

  // MARK: Surroundings

  func prepare() async throws {
    for node in testbed.nodes {
      try clinic.makeConfigurationPrivate(on: node.name)
      try clinic.standIn("systemctl", on: node.name, try serviceManager(for: node))
      for program in ["apt-get", "usermod"] { try clinic.standIn(program, on: node.name, "true") }
    }
    let examples = "\(DocumentationPage.directory)/../../../Packaging/examples"
    try testbed.client.write(
      try String(contentsOfFile: "\(examples)/swarm.yaml", encoding: .utf8), toRun: "work/swarm.yaml")
    switch page.environment {
    case "laptop": break
    case "vipd": try await prepareDaemons()
    case "keepalived": try await prepareKeepalived()
    case "swarm": try await prepareEngines()
    default: Issue.record("\(page.name): there is no environment '\(page.environment)'")
    }
  }

  /// systemctl for the daemons that pages speak of.
  private func serviceManager(for node: TestbedNode) throws -> String {
    let engine = page.environment == "swarm" ? try DockerEngine.command(on: node).joined(separator: " ") : "false"
    return """
      verb=$1 unit=$2
      case "$1 $2" in "enable --now") verb=start unit=$3 ;; "disable --now") verb=stop unit=$3 ;; esac
      set -- $verb $unit
      case $2 in
        vipd) daemon="vipd --config /etc/vipd/vipd.yaml --control /run/vipd/vipd.sock" ready="test -S /run/vipd/vipd.sock" ;;
        keepalived) daemon="keepalived -n -l -D -f /etc/keepalived/keepalived.conf -p /run/keepalived.pid -r /run/keepalived_vrrp.pid" ready=true ;;
        docker) daemon="\(engine)" ready="docker version" ;;
        *) exit 1 ;;
      esac
      lives() { [ -e /proc/$1 ] && ! grep -qs '^State:.Z' /proc/$1/status; }
      case $1 in
        start)
          mkdir -p /run/vipd
          setsid $daemon >>/run/$2.log 2>&1 </dev/null &
          echo $! >/run/$2.main
          for try in $(seq 250); do $ready >/dev/null 2>&1 && exit 0; sleep 0.1; done
          cat /run/$2.log
          exit 1 ;;
        stop)
          kill $(cat /run/$2.main)
          while lives $(cat /run/$2.main); do sleep 0.05; done ;;
      esac
      """
  }

  /// A cluster that runs, and has nothing to mend.
  private func prepareDaemons() async throws {
    let file = """
      cluster: swarm-prod
      nodes:
        - {name: swarm1, address: 10.0.10.31}
        - {name: swarm2, address: 10.0.10.32}
        - {name: swarm3, address: 10.0.10.33}
      virtual_routers:
        - {name: ingress, vrid: 12, addresses: [10.0.10.39/24]}

      """
    for node in testbed.nodes {
      try node.run("sysctl", ["-w", "net.ipv4.conf.all.promote_secondaries=1", "net.ipv4.ip_nonlocal_bind=1"])
      try node.run("sh", ["-c", "mkdir -p /etc/vipd && cat >/etc/vipd/vipd.yaml"], input: file)
      let started = try run("systemctl start vipd", on: node.name)
      try #require(started.status.isSuccess, "\(started.output)")
    }
    try await eventually(within: .seconds(30), "swarm1 holds it") {
      testbed.holders(of: Cluster.address).map(\.name) == ["swarm1"]
    }
  }

  private func prepareKeepalived() async throws {
    for (index, node) in testbed.nodes.enumerated() {
      let text = """
        vrrp_script chk_proxy {
          script "/usr/bin/pgrep haproxy"
          interval 2
          weight -10
        }

        vrrp_instance VI_1 {
          state \(index == 0 ? "MASTER" : "BACKUP")
          interface eth0
          virtual_router_id 51
          priority \(150 - 10 * index)
          advert_int 1
          authentication {
            auth_type PASS
            auth_pass s3cret99
          }
          track_script {
            chk_proxy
          }
          virtual_ipaddress {
            10.0.10.39/24
          }
        }

        """
      try node.run("sh", ["-c", "mkdir -p /etc/keepalived && cat >/etc/keepalived/keepalived.conf"], input: text)
      try testbed.client.write(text, toRun: "work/\(node.name).conf")
      // The proxy, as far as a check that looks for its process can tell.
      try node.run("sh", ["-c", "mkdir -p /run/bin && cp \"$(command -v sleep)\" /run/bin/haproxy"])
      try node.spawn("/run/bin/haproxy", ["100000"])
      let started = try run("systemctl start keepalived", on: node.name)
      try #require(started.status.isSuccess, "\(started.output)")
    }
    try await eventually(within: .seconds(30), "keepalived holds it on swarm1") {
      testbed.holders(of: Cluster.address).map(\.name) == ["swarm1"]
    }
  }

  /// Docker on each host, and the image that the page names, of which there is no registry here: what it prints is the same.
  private func prepareEngines() async throws {
    let whoami = """
      mkdir -p /run/image/bin /run/image/www && cp "$(command -v busybox)" /run/image/bin/busybox
      printf '#!/bin/busybox sh\\necho "Hostname: $(/bin/busybox hostname)" >/www/index.html\\nexec /bin/busybox httpd -f -p 80 -h /www\\n' >/run/image/whoami
      chmod 755 /run/image/whoami
      tar -C /run/image -c . | docker import --change 'ENTRYPOINT ["/whoami"]' - traefik/whoami
      """
    for node in testbed.nodes {
      for line in ["systemctl start docker", whoami] {
        let result = try run(line, on: node.name)
        try #require(result.status.isSuccess, "\(node.name): \(result.output)")
      }
    }
  }
}
