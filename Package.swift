// swift-tools-version: 6.2
import PackageDescription

/// For `Packaging/fuzz`: vipd's own code is instrumented, what it is built upon is not.
let isFuzzed = Context.environment["VIPD_FUZZ"] != nil

/// Every target speaks Swift 6 and takes a warning for an error.
let strict: [SwiftSetting] =
  [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
  ] + (isFuzzed ? [.unsafeFlags(["-sanitize=fuzzer,address"])] : [])

/// Tests hold fixtures that are known to be right, so a force unwrap there is an assertion.
func tests(
  _ name: String, _ dependencies: [Target.Dependency], exclude: [String] = [], resources: [Resource] = []
) -> Target {
  .testTarget(name: name, dependencies: dependencies, exclude: exclude, resources: resources, swiftSettings: strict)
}

func module(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func program(
  _ name: String, path: String? = nil, _ dependencies: [Target.Dependency], linker: [LinkerSetting] = []
) -> Target {
  .executableTarget(
    name: name, dependencies: dependencies, path: path, swiftSettings: strict, linkerSettings: linker)
}

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let nio: [Target.Dependency] = ["NIOCore", "NIOPosix", "NIOHTTP1"].map { .product(name: $0, package: "swift-nio") }
let subprocess = Target.Dependency.product(name: "Subprocess", package: "swift-subprocess")
/// The paths and error numbers in Subprocess's interface.
let systemPackage = Target.Dependency.product(name: "SystemPackage", package: "swift-system")

let package = Package(
  name: "vipd",
  products: [
    .executable(name: "vipd", targets: ["vipd"]),
    .executable(name: "vipctl", targets: ["vipctl"]),
    // Preloaded by a test.
    .library(name: "ShiftedClock", type: .dynamic, targets: ["ShiftedClock"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    .package(url: "https://github.com/apple/swift-system", from: "1.5.0"),
    .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.0", traits: []),
  ],
  targets: [
    // Pure: no clock, no I/O, no randomness of their own. `.ci/check` holds them to it.
    module("NetworkTypes"),
    module("VRRP", ["NetworkTypes"]),
    module("VRRPWire", ["VRRP", "NetworkTypes"]),
    module("ClusterConfiguration", ["VRRP", "NetworkTypes", "CLibyaml"]),
    module("KeepalivedConversion", ["ClusterConfiguration", "VRRP", "NetworkTypes"]),
    module("FailoverSimulation", ["ClusterConfiguration", "VRRPWire", "VRRP", "NetworkTypes"]),

    // The host.
    module("HealthProbes", ["NetworkTypes", "CLinux", "CLibssl", subprocess, systemPackage] + nio),
    module("LinuxNetwork", ["NetworkTypes", "CLibnl", "CLinux"]),

    // The programs.
    module("ControlAPI"),
    module(
      "VIPDaemon",
      [
        "VRRPWire", "VRRP", "NetworkTypes", "ClusterConfiguration", "ControlAPI", "HealthProbes", "CLinux", logging,
      ] + nio),
    module("Rehearsal", ["CLinux"]),
    module(
      "Diagnosis",
      [
        "ClusterConfiguration", "VRRPWire", "VRRP", "NetworkTypes", "ControlAPI", "CLibpcap", subprocess, systemPackage,
      ]),
    program(
      "vipd",
      [
        "VIPDaemon", "LinuxNetwork", "ControlAPI", "NetworkTypes", "ClusterConfiguration", "CLibcap", "CLinux",
        argumentParser, logging, subprocess, systemPackage,
      ]),
    program(
      "vipctl",
      [
        "ControlAPI", "FailoverSimulation", "KeepalivedConversion", "ClusterConfiguration", "Diagnosis", "Rehearsal",
        "VRRPWire", "VRRP", "NetworkTypes", "CLinux", argumentParser,
      ] + nio),

    // The system's libraries, and the calls that Glibc's module lacks.
    .systemLibrary(
      name: "CLibnl", pkgConfig: "libnl-route-3.0", providers: [.apt(["libnl-3-dev", "libnl-route-3-dev"])]),
    .systemLibrary(name: "CLibcap", pkgConfig: "libcap", providers: [.apt(["libcap-dev"])]),
    .systemLibrary(name: "CLibpcap", pkgConfig: "libpcap", providers: [.apt(["libpcap-dev"])]),
    .systemLibrary(name: "CLibssl", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CLibyaml", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
    .target(name: "CLinux"),

    // A clock that a test can set for one process alone.
    .target(name: "ShiftedClock", path: "Tests/ShiftedClock"),
    // What may befall a holder, for the tests and for the benchmark.
    .target(name: "FaultTable", dependencies: ["Rehearsal"], path: "Tests/FaultTable", swiftSettings: strict),
    // Failovers in numbers, beside keepalived's: `Packaging/benchmark`.
    program(
      "benchmark", path: "Tests/Benchmark",
      ["FaultTable", "Rehearsal", "ControlAPI", "FailoverSimulation", argumentParser]),

    // Simulated runs that chance draws: the tests look at some, `Packaging/explore` at as many as there is time for.
    .target(
      name: "SimulatedScenarios", dependencies: ["FailoverSimulation", "VRRP", "NetworkTypes"],
      path: "Tests/SimulatedScenarios", swiftSettings: strict),
    program("explore", path: "Tests/Explore", ["SimulatedScenarios", "FailoverSimulation"]),

    // Pictures for the documentation, of transcripts of simulated runs: `Packaging/documentation`.
    program("draw", path: "Tests/Draw", ["Rehearsal"]),

    // Pure modules.
    tests("NetworkTypesTests", ["NetworkTypes"]),
    tests("VRRPTests", ["VRRP", "NetworkTypes"]),
    tests("VRRPWireTests", ["VRRPWire", "VRRP", "NetworkTypes"]),
    tests(
      "ClusterConfigurationTests", ["ClusterConfiguration", "VRRP", "NetworkTypes"],
      exclude: ["Fixtures"]),
    tests("KeepalivedConversionTests", ["KeepalivedConversion", "ClusterConfiguration", "VRRP", "NetworkTypes"]),
    tests(
      "FailoverSimulationTests",
      ["SimulatedScenarios", "FailoverSimulation", "ClusterConfiguration", "VRRPWire", "VRRP", "NetworkTypes"],
      exclude: ["Scenarios"]),
    // The host, in namespaces of the tests' own.
    tests("HealthProbesTests", ["HealthProbes", "NetworkTypes", "CLinux", "CLibssl"] + nio),
    tests("LinuxNetworkTests", ["LinuxNetwork", "NetworkTypes", "CLinux", "CLibcap"]),
    tests("ControlAPITests", ["ControlAPI"]),
    tests(
      "DiagnosisTests",
      ["Diagnosis", "ClusterConfiguration", "VRRPWire", "VRRP", "NetworkTypes", "ControlAPI"]),
    tests(
      "VIPDaemonTests",
      ["VIPDaemon", "VRRPWire", "VRRP", "NetworkTypes", "ClusterConfiguration", "ControlAPI", "HealthProbes", logging]
        + nio),
    tests("RehearsalTests", ["Rehearsal", "vipd", "vipctl"]),
    tests("VipctlTests", ["vipctl", "ControlAPI", "VIPDaemon", "CLinux", logging] + nio),
    // Three real daemons, real traffic, real faults.
    tests("SystemTests", ["FaultTable", "Rehearsal", "ControlAPI", "vipd", "vipctl"]),
    // What is installed, on hosts that run systemd.
    tests("PackageTests", ["Rehearsal", "ControlAPI"]),
  ]
)

// `Packaging/fuzz` wants what reads from outside and what attacks it, and nothing that would have to be fetched or built
// beside that; a plain build shall not see libFuzzer's targets.
if isFuzzed {
  let parsers: Set = ["NetworkTypes", "VRRP", "VRRPWire", "ClusterConfiguration", "CLibyaml", "ControlAPI", "CLinux"]
  package.dependencies.removeAll { dependency in
    if case .sourceControl(_, let location, _) = dependency.kind {
      return !["swift-nio", "swift-log"].contains { location.hasSuffix("/" + $0) }
    }
    return true
  }
  package.products = []
  package.targets =
    package.targets.filter { parsers.contains($0.name) } + [
      // The daemon's control endpoint alone.
      .target(
        name: "VIPDaemon", dependencies: ["ControlAPI", "CLinux", logging] + nio, path: "Sources/VIPDaemon",
        sources: ["Control", "History.swift"], swiftSettings: strict),
      program(
        "fuzz", path: "Tests/Fuzz",
        ["VRRPWire", "VRRP", "NetworkTypes", "ClusterConfiguration", "VIPDaemon", "ControlAPI", logging],
        // The linker named gold cannot link libFuzzer.
        linker: [.unsafeFlags(["-sanitize=fuzzer,address", "-use-ld=lld"])]),
    ]
}
