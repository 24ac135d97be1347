// vipctl capture: what is said on the network, one line for each advertisement, with what is wrong with it.

import ArgumentParser
import ClusterConfiguration
import ControlAPI
import Diagnosis
import Glibc
import VRRPWire

struct CaptureCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "capture",
    abstract: "Show the VRRP advertisements on the network, and what is wrong with them.",
    discussion: """
      One line for each: who says what to whom. What is wrong with it stands behind an exclamation mark: a TTL below 255, a bad \
      checksum, two Active Routers, other intervals or addresses than others have, and with --config also what differs from \
      the cluster file. Needs CAP_NET_RAW, but not vipd; `--read` needs neither.

      Exit codes: 0 done; 1 failed, and standard error says why; 64 wrong usage.
      """)

  @Option(name: .shortAndLong, help: ArgumentHelp("Listen there; left out: on all interfaces.", valueName: "name"))
  var interface: String?

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("Read what was recorded (pcap, pcapng); - is standard input.", valueName: "file"),
    completion: .file(extensions: ["pcap", "pcapng"]))
  var read: String?

  @Option(name: .shortAndLong, help: ArgumentHelp("Write what is shown to a pcap file too.", valueName: "file"))
  var write: String?

  @Option(
    help: ArgumentHelp("Hold advertisements against this cluster file.", valueName: "file"),
    completion: .file(extensions: ["yaml", "yml"]))
  var config: String?

  @Option(name: .shortAndLong, help: ArgumentHelp("End after so many advertisements.", valueName: "number"))
  var count: Int?

  @Option(name: .customLong("for"), help: ArgumentHelp("End after this many seconds.", valueName: "seconds"))
  var duration: Double?

  @Flag(help: "Only those that something is wrong with.")
  var wrong = false

  @Flag(help: "Print each as a line of JSON.")
  var json = false

  @OptionGroup var color: ColorOptions

  mutating func validate() throws {
    guard interface == nil || read == nil else { throw ValidationError("give either --interface or --read, not both") }
    guard count.map({ $0 > 0 }) ?? true else { throw ValidationError("--count must be above 0") }
    guard duration.map({ (0.001...86_400_000).contains($0) }) ?? true else {
      throw ValidationError("--for must be a number of seconds above 0")
    }
  }

  func run() throws {
    var judge = CaptureJudge(configuration: try config.map(cluster))
    do throws(RecordingFailure) {
      let recording =
        if let read { try PacketRecording(reading: read) } else { try PacketRecording(listeningOn: interface ?? "any") }
      if read == nil { Terminal.complain("listening on \(interface ?? "all interfaces") for VRRP; Ctrl-C ends it") }
      let file: RecordingFile? = if let write { try recording.file(at: write) } else { nil }
      try show(recording, to: file, &judge)
    } catch {
      Terminal.complain(error.description)
      throw ExitCode.failure
    }
  }

  private func show(
    _ recording: PacketRecording, to file: RecordingFile?, _ judge: inout CaptureJudge
  ) throws(RecordingFailure) {
    let end = duration.map { ContinuousClock.now + .milliseconds(Int64($0 * 1000)) }
    var shown = 0
    while count.map({ shown < $0 }) ?? true {
      if let end, ContinuousClock.now >= end { return }
      switch try recording.next() {
      case .quiet: continue
      case .end: return
      case .frame(let frame):
        guard let packet = ObservedPacket(frame: frame.bytes, kind: recording.kind) else { continue }
        let observation = judge.judge(packet, at: frame.time)
        if wrong, observation.remarks.isEmpty { continue }
        try file?.write(frame)
        Terminal.write(line(for: observation) + "\n")
        shown += 1
      }
    }
  }

  private func line(for observation: Observation) -> String {
    if json, let bytes = try? ControlJSON.compact(ObservationDocument(observation)) {
      return String(decoding: bytes, as: UTF8.self)
    }
    let style = color.style
    let words = printable(observation.words)
    return style.dim(observation.time.timestamp) + "  "
      + (observation.remarks.isEmpty ? words : style.yellow(words))
  }

  private func cluster(_ path: String) throws -> ClusterConfiguration {
    do {
      return try ClusterFile.load(path: path).get()
    } catch {
      Terminal.complain("\(error)")
      throw ExitCode.failure
    }
  }
}

/// An advertisement for programs.
private struct ObservationDocument: Encodable {
  let time: String
  let source: String
  let destination: String
  let ttl: Int
  let hardwareSource: String?
  let version: Int?
  let vrid: Int?
  let priority: Int?
  @OptionalSeconds var interval: Duration?
  let addresses: [String]?
  let checksum: String?
  let remarks: [String]

  init(_ observation: Observation) {
    let packet = observation.packet
    let advertisement = observation.advertisement
    time = observation.time.timestamp
    source = packet.source.description
    destination = packet.destination.description
    ttl = Int(packet.hopLimit)
    hardwareSource = packet.hardwareSource?.description
    version = advertisement.map { Int($0.version.rawValue) }
    vrid = advertisement.map { Int($0.vrid.rawValue) }
    priority = advertisement.map { Int($0.priority.fieldValue) }
    interval = advertisement?.interval.duration
    addresses = advertisement?.addresses.map(\.description)
    checksum = observation.checksum?.rawValue
    remarks = observation.remarks
  }

  enum CodingKeys: String, CodingKey {
    case time, source, destination, ttl, version, vrid, priority, addresses, checksum, remarks
    case hardwareSource = "hardware_source"
    case interval = "interval_seconds"
  }
}

extension Duration {
  /// Since 1970, as RFC 3339 writes it, in microseconds.
  fileprivate var timestamp: String {
    var seconds = time_t(components.seconds)
    var parts = tm()
    gmtime_r(&seconds, &parts)
    func digits(_ value: some BinaryInteger, _ count: Int) -> String {
      let text = String(value)
      return String(repeating: "0", count: max(0, count - text.count)) + text
    }
    let date = "\(digits(parts.tm_year + 1900, 4))-\(digits(parts.tm_mon + 1, 2))-\(digits(parts.tm_mday, 2))"
    let clock = "\(digits(parts.tm_hour, 2)):\(digits(parts.tm_min, 2)):\(digits(parts.tm_sec, 2))"
    return "\(date)T\(clock).\(digits(components.attoseconds / 1_000_000_000_000, 6))Z"
  }
}
