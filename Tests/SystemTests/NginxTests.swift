// The road end to end with a real proxy: HTTP to nginx on the nodes, through the virtual address.

import ControlAPI
import Rehearsal
import Testing

@Suite("nginx through the virtual address", .sharesTheMachine, .tellsWhatDaemonsWrote)
struct NginxTests {
  private func startNginx(on node: TestbedNode) throws -> NodeProcess {
    // All that nginx would write to lies in the node's own /run: the rest of the machine's files are everybody's.
    let configuration = """
      user root;
      worker_processes 1;
      pid /run/nginx/pid;
      events {}
      http {
        access_log off;
        client_body_temp_path /run/nginx/body;
        proxy_temp_path /run/nginx/proxy;
        fastcgi_temp_path /run/nginx/fastcgi;
        uwsgi_temp_path /run/nginx/uwsgi;
        scgi_temp_path /run/nginx/scgi;
        server {
          listen 80;
          listen [::]:80;
          location / { return 200 "\(node.name)\\n"; }
        }
      }

      """
    let path = try node.write(configuration, toRun: "nginx/nginx.conf")
    return try node.spawn("nginx", ["-e", "stderr", "-c", path, "-g", "daemon off;"])
  }

  /// Three nodes with nginx, and a cluster file that watches it.
  private func withNginx(
    addresses: [String], _ body: (Cluster) async throws -> Void
  ) async throws {
    let file = ClusterFile(addresses: addresses, trackers: ["nginx": "process: nginx, weight: -120"])
    try await Cluster.with(file, services: false) { cluster in
      for node in cluster.testbed.nodes { _ = try startNginx(on: node) }
      try await cluster.everyoneIsFit()
      try await cluster.holder(is: "n1")
      try await body(cluster)
    }
  }

  @Test("The host dies", arguments: ["10.0.10.39/24", "fd10::39/64"])
  func hostDeath(_ address: String) async throws {
    try await withNginx(addresses: [address]) { cluster in
      let plain = String(address.prefix { $0 != "/" })
      _ = try await cluster.outage(of: plain) { try cluster.testbed.killHost(cluster["n1"]) }
      try expectCurl(plain, from: cluster, answeredBy: "n2")
    }
  }

  @Test("nginx dies, and comes back")
  func nginxDeath() async throws {
    try await withNginx(addresses: ["10.0.10.39/24"]) { cluster in
      try expectCurl("10.0.10.39", from: cluster, answeredBy: "n1")
      _ = try await cluster.outage {
        try cluster["n1"].run("pkill", ["-KILL", "-x", "nginx"])
      }
      _ = try startNginx(on: cluster["n1"])
      try await cluster.holder(is: "n1")
      _ = try await cluster.client()
      try expectCurl("10.0.10.39", from: cluster, answeredBy: "n1")
    }
  }

  /// Another client than ours, once.
  private func expectCurl(_ address: String, from cluster: Cluster, answeredBy node: String) throws {
    let host = address.contains(":") ? "[\(address)]" : address
    let result = try cluster.testbed.client.run("curl", ["--silent", "--max-time", "5", "http://\(host)/"])
    #expect(result.status.isSuccess && result.output == "\(node)\n", "\(result)")
  }
}
