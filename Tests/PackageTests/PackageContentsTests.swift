// What is in the packages, and what those who judge packages for a living say of them.

import Glibc
import Rehearsal
import Testing

@Suite("Packages")
struct PackageContentsTests {
  /// What every host gets.
  private static let files = [
    "/usr/sbin/vipd", "/usr/bin/vipctl", "/usr/lib/vipd/check-proxy", "/usr/lib/sysusers.d/vipd.conf",
    "/usr/lib/sysctl.d/60-vipd.conf", "/usr/share/doc/vipd/examples/swarm.yaml",
    "/usr/share/vipd/monitoring/vipd.rules.yml", "/usr/share/vipd/monitoring/grafana-dashboard.json",
    "/usr/share/bash-completion/completions/vipctl", "/usr/share/fish/vendor_completions.d/vipctl.fish",
    "/usr/share/man/man8/vipd.8.gz", "/usr/share/man/man1/vipctl.1.gz", "/usr/share/man/man5/vipd.yaml.5.gz",
    "/usr/share/man/man1/vipctl-status.1.gz", "/usr/share/man/man1/vipctl-check.1.gz",
    "/usr/share/man/man1/vipctl-rehearse.1.gz", "/usr/share/man/man1/vipctl-history.1.gz",
    "/usr/share/man/man1/vipctl-doctor.1.gz", "/usr/share/man/man1/vipctl-capture.1.gz",
    "/usr/share/man/man1/vipctl-convert.1.gz", "/usr/share/man/man1/vipctl-explain.1.gz",
  ]

  @Test("Debian's package has all of it, and lintian finds no error")
  func debian() throws {
    let package = try Packages.find(".deb")
    let list = try output("dpkg-deb", "--fsys-tarfile", package, through: "tar -t")
    for file in Self.files + ["/usr/share/zsh/vendor-completions/_vipctl"] {
      #expect(list.contains(".\(file)\n"), "\(file)")
    }
    #expect(list.contains("/systemd/system/vipd.service\n"))
    let fields = try output("dpkg-deb", "--field", package)
    for library in ["libcap2", "libnl-3-200", "libnl-route-3-200", "libyaml-0-2", "libpcap0.8", "libssl3"] {
      #expect(fields.contains(library))
    }
    let verdict = try output("lintian", "--allow-root", "--fail-on", "error", package)
    #expect(!verdict.contains("\nE: ") && !verdict.hasPrefix("E: "), "\(verdict)")
  }

  @Test("The package for RHEL-like hosts has all of it, and asks for what it needs by the libraries' own names")
  func rpm() throws {
    let package = try Packages.find(".rpm")
    let list = try output("rpm", "--query", "--list", "--package", package)
    for file in Self.files + [
      "/usr/lib/systemd/system/vipd.service", "/usr/share/zsh/site-functions/_vipctl", "/etc/vipd",
    ] {
      #expect(list.contains("\(file)\n") || list.contains("\(file.dropLast(3))\n"), "\(file)")
    }
    let needs = try output("rpm", "--query", "--requires", "--package", package)
    for library in ["libnl-route-3.so.200", "libcap.so.2", "libyaml-0.so.2", "libpcap.so", "libssl.so.3"] {
      #expect(needs.contains(library))
    }
    let version = try output("rpm", "--query", "--queryformat", "%{VERSION}", "--package", package)
    let debian = try output("dpkg-deb", "--field", try Packages.find(".deb"), "Version")
    #expect(debian == "\(version)\n", "one version, from one place")
  }

  @Test("systemd understands the unit, and its analysis finds little left to take away")
  func unit() throws {
    let unit = "\(Packages.root)/Systemd/vipd.service"
    // It judges a host that has the programs; what it says of those that are missing here is no matter of the unit.
    let complaints = try shell("systemd-analyze verify --man=no \(unit) 2>&1 || true").split(separator: "\n").filter {
      !$0.contains("is not executable")
    }
    #expect(complaints.isEmpty, "\(complaints)")
    let analysis = try shell("systemd-analyze security --offline=yes --no-pager \(unit)")
    let exposure = try #require(analysis.firstMatch(of: /exposure level for vipd.service: ([0-9.]+)/)?.output.1)
    print("measured: systemd-analyze security: \(exposure)")
    #expect(try #require(Double(exposure)) <= 2.2)
  }

  @Test("The manual's pages are what man(1) can show without a warning")
  func manual() throws {
    let pages = try shell(
      """
      set -e
      directory=$(mktemp -d)
      trap 'rm -rf "$directory"' EXIT
      dpkg-deb --extract \(Packages.find(".deb")) "$directory"
      for page in "$directory"/usr/share/man/man*/*.gz; do
        gunzip --keep "$page"
        warnings=$(LC_ALL=C.UTF-8 MANWIDTH=100 man --warnings --encoding=UTF-8 --local-file "${page%.gz}" 2>&1 >/dev/null)
        [ -z "$warnings" ] || echo "${page##*/}: $warnings"
      done
      """)
    #expect(pages.isEmpty, "\(pages)")
  }

  private func output(_ program: String, _ arguments: String..., through filter: String = "cat") throws -> String {
    try shell(([program] + arguments).map { "'\($0)'" }.joined(separator: " ") + " | \(filter)")
  }

  private func shell(_ line: String) throws -> String {
    let pipe = try #require(popen(line, "r"))
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16384)
    while case let count = fread(&chunk, 1, chunk.count, pipe), count > 0 { bytes += chunk[..<count] }
    let status = pclose(pipe)
    try #require(status == 0, "\(line): \(String(decoding: bytes, as: UTF8.self))")
    return String(decoding: bytes, as: UTF8.self)
  }
}
