// vipctl convert: keepalived.conf of some hosts in, one cluster file out, and a word on everything that is not the same.

import ArgumentParser
import ClusterConfiguration
import Glibc
import KeepalivedConversion
import NetworkTypes

struct ConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Make a cluster file of keepalived's configurations.",
    discussion: """
      Give the file of every host, as NAME=FILE, or FILE alone where its router_id is the name. Where one file serves all hosts \
      (with @NAME in front of lines), give it for each: swarm1=keepalived.conf swarm2=keepalived.conf.

      Standard output gets the cluster file, with a comment wherever a choice was made; standard error whatever is not carried \
      over, with its place and what to do about it. Run `vipctl check` and `vipctl plan` on the result.

      Exit codes: 0 there is a cluster file; 1 there is none, and standard error says why; 64 wrong usage.
      """)

  @Argument(
    help: ArgumentHelp("The hosts' files, in order of preference.", valueName: "[name=]file"),
    completion: .file(extensions: ["conf"]))
  var files: [String]

  @Option(help: ArgumentHelp("What the cluster file calls the cluster.", valueName: "name"))
  var cluster = "converted"

  @Option(
    help: ArgumentHelp(
      "The address that a host speaks VRRP from, where its file does not say; may be given several times.",
      valueName: "name=address"))
  var address: [String] = []

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("Write the cluster file there, which must not exist yet.", valueName: "path"))
  var output: String?

  func run() throws {
    let addresses = try givenAddresses()
    var hosts: [KeepalivedHost] = []
    for (index, argument) in files.enumerated() { hosts.append(try host(argument, index)) }
    guard Set(hosts.map(\.name)).count == hosts.count else {
      throw ValidationError("two hosts have the same name; give each as NAME=FILE")
    }
    let conversion = KeepalivedConversion(of: hosts, cluster: cluster, addresses: addresses)
    for finding in conversion.findings { Terminal.complain("\(finding)") }
    guard conversion.isComplete else {
      Terminal.complain("no cluster file was made: mend what is an error above")
      throw ExitCode.failure
    }
    // What `vipctl check` would say of it.
    let outcome = ClusterFile.parse(text: conversion.text, fileName: output ?? "converted.yaml")
    for diagnostic in outcome.diagnostics { Terminal.complain("\(diagnostic)") }
    if outcome.diagnostics.contains(where: { $0.severity == .error }) { throw ExitCode.failure }
    try write(conversion.text)
  }

  /// `NAME=FILE`, or a file that says itself what it is called.
  private func host(_ argument: String, _ index: Int) throws -> KeepalivedHost {
    let parts = argument.split(separator: "=", maxSplits: 1).map(String.init)
    let named = parts.count == 2 && !parts[0].contains("/")
    let path = named ? parts[1] : argument
    guard let text = Self.read(path) else {
      Terminal.complain("\(path): \(String(cString: strerror(errno)))")
      throw ExitCode.failure
    }
    let source = KeepalivedSource(file: path, text: text)
    let given = named ? parts[0] : nil
    let file = KeepalivedFile(reading: source, configurationID: given ?? "", include: Self.includes)
    return KeepalivedHost(name: given ?? file.routerID ?? "node\(index + 1)", file: file)
  }

  private func givenAddresses() throws -> [String: [IPAddress]] {
    var addresses: [String: [IPAddress]] = [:]
    for text in address {
      let parts = text.split(separator: "=", maxSplits: 1)
      guard parts.count == 2, let address = IPAddress(parts[1]) else {
        throw ValidationError("--address \(text): must be NAME=ADDRESS")
      }
      addresses[String(parts[0]), default: []].append(address)
    }
    return addresses
  }

  private func write(_ text: String) throws {
    guard let output else { return Terminal.write(text) }
    let descriptor = open(output, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      Terminal.complain("\(output): \(String(cString: strerror(errno)))")
      throw ExitCode.failure
    }
    defer { close(descriptor) }
    let bytes = Array(text.utf8)
    guard Glibc.write(descriptor, bytes, bytes.count) == bytes.count else {
      Terminal.complain("\(output): \(String(cString: strerror(errno)))")
      throw ExitCode.failure
    }
  }

  // MARK: Files

  /// A pattern counts from the directory of the file that includes it.
  private static func includes(_ pattern: String, of file: String) -> [KeepalivedSource] {
    let directory = file.lastIndex(of: "/").map { String(file[..<$0]) } ?? "."
    let path = pattern.hasPrefix("/") ? pattern : "\(directory)/\(pattern)"
    var found = glob_t()
    defer { globfree(&found) }
    guard glob(path, GLOB_BRACE, nil, &found) == 0 else { return [] }
    let names = (0..<Int(found.gl_pathc)).compactMap { found.gl_pathv[$0].map { String(cString: $0) } }
    return names.compactMap { name in read(name).map { KeepalivedSource(file: name, text: $0) } }
  }

  private static func read(_ path: String) -> String? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while case let count = fread(&chunk, 1, chunk.count, file), count > 0 { bytes += chunk[..<count] }
    return String(decoding: bytes, as: UTF8.self)
  }
}
