// VRRP's packets off an interface, or out of a file that somebody recorded, by libpcap: what tcpdump and Wireshark use, so
// that a recording goes from one to the other.

import CLibpcap
import Glibc
import NetworkTypes
import VRRPWire

/// One frame as it was recorded.
public struct RecordedFrame: Sendable, Hashable {
  /// Since 1970.
  public var time: Duration
  public var bytes: [UInt8]
  /// How long it was before the recording cut it.
  public var length: Int

  public init(time: Duration, bytes: [UInt8], length: Int? = nil) {
    self.time = time
    self.bytes = bytes
    self.length = length ?? bytes.count
  }

  public var isCut: Bool { bytes.count < length }
}

/// Why there is nothing to see: what, and what to do about it.
public struct RecordingFailure: Error, Sendable, Hashable, CustomStringConvertible {
  public var subject: String
  public var cause: String

  public var description: String { "\(subject): \(cause)" }
}

/// Where frames come from. For one thread.
public final class PacketRecording {
  public let kind: LinkKind
  private let handle: OpaquePointer
  private let subject: String

  /// Protocol 112 of both families, with or without a VLAN's tag.
  private static let filter =
    "ip proto 112 or ip6 proto 112 or (vlan and (ip proto 112 or ip6 proto 112))"
  /// Where a link has no VLANs.
  private static let plainFilter = "ip proto 112 or ip6 proto 112"
  /// More than the longest VRRP message, 255 IPv6 addresses.
  private static let snapshotLength: CInt = 8192
  private static let waitingMilliseconds: CInt = 50

  /// What is recorded.
  enum Traffic {
    case vrrp
    /// ARP and neighbour discovery.
    case neighbors

    fileprivate var filters: [String] {
      switch self {
      case .vrrp: [PacketRecording.filter, PacketRecording.plainFilter]
      case .neighbors: ["arp or icmp6"]
      }
    }
  }

  /// From now on, on an interface; `any` is all of them.
  public convenience init(listeningOn interface: String) throws(RecordingFailure) {
    try self.init(listeningOn: interface, for: .vrrp)
  }

  convenience init(listeningOn interface: String, for traffic: Traffic) throws(RecordingFailure) {
    var message = [CChar](repeating: 0, count: Int(PCAP_ERRBUF_SIZE))
    guard let handle = pcap_create(interface, &message) else {
      throw RecordingFailure(subject: interface, cause: Self.text(message))
    }
    pcap_set_snaplen(handle, Self.snapshotLength)
    // Each frame at once: somebody watches.
    pcap_set_immediate_mode(handle, 1)
    // Groups that this host has not joined, too.
    pcap_set_promisc(handle, 1)
    let status = pcap_activate(handle)
    guard status >= 0 else {
      defer { pcap_close(handle) }
      throw RecordingFailure(subject: interface, cause: Self.refusal(status, handle))
    }
    // With immediate mode libpcap would wait for a packet for ever.
    pcap_setnonblock(handle, 1, &message)
    try self.init(handle, interface, traffic)
  }

  /// What a file holds: pcap or pcapng; `-` is standard input.
  public convenience init(reading path: String) throws(RecordingFailure) {
    var message = [CChar](repeating: 0, count: Int(PCAP_ERRBUF_SIZE))
    guard let handle = pcap_open_offline(path, &message) else {
      let cause = Self.text(message)
      throw RecordingFailure(
        subject: path, cause: cause.hasPrefix("\(path): ") ? String(cause.dropFirst(path.count + 2)) : cause)
    }
    try self.init(handle, path, .vrrp)
  }

  private init(_ handle: OpaquePointer, _ subject: String, _ traffic: Traffic) throws(RecordingFailure) {
    let number = Int(pcap_datalink(handle))
    guard let kind = LinkKind(rawValue: number) else {
      let name = pcap_datalink_val_to_name(CInt(number)).map { String(cString: $0) } ?? "\(number)"
      pcap_close(handle)
      throw RecordingFailure(subject: subject, cause: "frames of kind \(name) cannot be read (only Ethernet and IP)")
    }
    guard traffic.filters.contains(where: { Self.keep(handle, $0) }) else {
      defer { pcap_close(handle) }
      throw RecordingFailure(subject: subject, cause: String(cString: pcap_geterr(handle)))
    }
    self.kind = kind
    self.handle = handle
    self.subject = subject
  }

  deinit { pcap_close(handle) }

  /// What the next look at a recording came to.
  public enum Next: Sendable, Hashable {
    case frame(RecordedFrame)
    /// Nothing for a while; more may come.
    case quiet
    /// The file's end.
    case end
  }

  /// Waits for a frame, for 50 ms or so.
  public func next() throws(RecordingFailure) -> Next {
    let next = try look()
    let descriptor = pcap_get_selectable_fd(handle)
    guard next == .quiet, descriptor >= 0 else { return next }
    var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&waiting, 1, Self.waitingMilliseconds) > 0 ? try look() : .quiet
  }

  private func look() throws(RecordingFailure) -> Next {
    var header: UnsafeMutablePointer<pcap_pkthdr>?
    var data: UnsafePointer<UInt8>?
    switch pcap_next_ex(handle, &header, &data) {
    case 1:
      guard let header = header?.pointee, let data else { return .quiet }
      let time = Duration.seconds(header.ts.tv_sec) + .microseconds(header.ts.tv_usec)
      return .frame(
        RecordedFrame(
          time: time, bytes: Array(UnsafeBufferPointer(start: data, count: Int(header.caplen))), length: Int(header.len)
        ))
    case 0: return .quiet
    case PCAP_ERROR_BREAK: return .end
    default: throw RecordingFailure(subject: subject, cause: String(cString: pcap_geterr(handle)))
    }
  }

  /// Puts a frame on the interface that is listened on. A frame that does not leave is told by nobody answering.
  func send(_ frame: [UInt8]) { _ = pcap_inject(handle, frame, frame.count) }

  /// A file for frames of this recording.
  public func file(at path: String) throws(RecordingFailure) -> RecordingFile {
    guard let file = pcap_dump_open(handle, path) else {
      throw RecordingFailure(subject: path, cause: String(cString: pcap_geterr(handle)))
    }
    return RecordingFile(file, path)
  }

  private static func keep(_ handle: OpaquePointer, _ filter: String) -> Bool {
    var program = bpf_program()
    guard pcap_compile(handle, &program, filter, 1, PCAP_NETMASK_UNKNOWN) == 0 else { return false }
    defer { pcap_freecode(&program) }
    return pcap_setfilter(handle, &program) == 0
  }

  private static func refusal(_ status: CInt, _ handle: OpaquePointer) -> String {
    switch status {
    case PCAP_ERROR_PERM_DENIED: "listening is not permitted (it takes CAP_NET_RAW: use sudo)"
    case PCAP_ERROR_NO_SUCH_DEVICE: "there is no such interface (`ip -brief link` lists them)"
    case PCAP_ERROR_IFACE_NOT_UP: "the interface is down"
    default:
      [String(cString: pcap_statustostr(status)), String(cString: pcap_geterr(handle))].filter { !$0.isEmpty }
        .joined(separator: ": ")
    }
  }

  private static func text(_ message: [CChar]) -> String {
    String(decoding: message.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}

/// A pcap file that is being written. What was written is in it at once.
public final class RecordingFile {
  private let file: OpaquePointer
  private let path: String

  fileprivate init(_ file: OpaquePointer, _ path: String) {
    self.file = file
    self.path = path
  }

  deinit { pcap_dump_close(file) }

  public func write(_ frame: RecordedFrame) throws(RecordingFailure) {
    let (seconds, attoseconds) = frame.time.components
    var header = pcap_pkthdr()
    header.ts = timeval(tv_sec: Int(seconds), tv_usec: Int(attoseconds / 1_000_000_000_000))
    header.caplen = UInt32(frame.bytes.count)
    header.len = UInt32(frame.length)
    pcap_dump(UnsafeMutablePointer<UInt8>(file), &header, frame.bytes)
    guard pcap_dump_flush(file) == 0 else {
      throw RecordingFailure(subject: path, cause: String(cString: strerror(errno)))
    }
  }
}
