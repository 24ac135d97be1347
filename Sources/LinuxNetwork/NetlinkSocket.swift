// A conversation with the kernel's rtnetlink: requests in one batch and their acknowledgements, dumps, notifications.
// libnl opens the socket, builds and takes apart messages. Its receive loop is not used: it stops at the first refused
// request of a batch, and hides ENOBUFS, which to us means "read everything anew".

import CLibnl
import CLinux
import Glibc
import NetworkTypes

/// The kernel's answer to one request.
struct Acknowledgement {
  /// 0 or an error number.
  var code: Int32
  /// The kernel's own sentence on what is wrong, where it gave one.
  var explanation: String?

  static let done = Acknowledgement(code: 0)
}

/// Owns one netlink socket; non-blocking, since the kernel has handled a request by the time that sending it returns.
final class NetlinkSocket {
  typealias Message = UnsafeMutablePointer<nlmsghdr>

  private let socket: OpaquePointer
  private var buffer = [UInt8](repeating: 0, count: 65_536)
  private var sequence: UInt32 = 0

  var descriptor: CInt { nl_socket_get_fd(socket) }

  static let subject = "rtnetlink"

  /// The groups that tell of links and of addresses of both families.
  static let linksAndAddresses = [clibnl_group_link, clibnl_group_ipv4_address, clibnl_group_ipv6_address]

  /// - Parameters:
  ///   - groups: the multicast groups whose notifications to receive.
  ///   - queueBytes: what may wait in the kernel; beyond it messages are dropped there, and the next read says so.
  init(groups: [CInt] = [], queueBytes: CInt) throws(HostNetworkFailure) {
    guard let allocated = nl_socket_alloc() else {
      throw HostNetworkFailure(.openNetlinkSocket, on: Self.subject, code: ENOMEM)
    }
    socket = allocated
    guard nl_connect(allocated, NETLINK_ROUTE) == 0, nl_socket_set_nonblocking(allocated) == 0 else {
      throw HostNetworkFailure(.openNetlinkSocket, on: Self.subject, code: errno)
    }
    for group in groups where nl_socket_add_membership(allocated, group) != 0 {
      throw HostNetworkFailure(.setSocketOption("NETLINK_ADD_MEMBERSHIP"), on: Self.subject, code: errno)
    }
    enlargeReceiveQueue(of: descriptor, to: queueBytes)
    // Comforts that older kernels lack: short acknowledgements, and explanations in words.
    for comfort in [NETLINK_CAP_ACK, NETLINK_EXT_ACK] {
      _ = setIntegerOption(descriptor, SOL_NETLINK, comfort, 1)
    }
  }

  deinit { nl_socket_free(socket) }
}

// MARK: - Reading

extension NetlinkSocket {
  enum Reading {
    /// Messages were read; there may be more.
    case messages
    /// None waits.
    case drained
    /// The kernel has thrown messages away for want of room.
    case overrun
    case failed(Int32)
  }

  /// Reads what one system call gives, and hands each message to `body`.
  func read(_ body: (Message) -> Void) -> Reading {
    var sender = sockaddr_nl()
    var senderLength = socklen_t(MemoryLayout<sockaddr_nl>.size)
    let count = withUnsafeMutablePointer(to: &sender) { sender in
      sender.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        recvfrom(descriptor, &buffer, buffer.count, 0, $0, &senderLength)
      }
    }
    if count < 0 {
      switch errno {
      case EAGAIN, EWOULDBLOCK: return .drained
      case EINTR: return .messages
      case ENOBUFS: return .overrun
      case let code: return .failed(code)
      }
    }
    // Port 0 is the kernel; anybody else has nothing to tell us.
    guard sender.nl_pid == 0 else { return .messages }
    buffer.withUnsafeMutableBytes { bytes in
      var rest = CInt(count)
      var next = bytes.baseAddress?.assumingMemoryBound(to: nlmsghdr.self)
      while let message = next, nlmsg_ok(message, rest) != 0 {
        body(message)
        next = nlmsg_next(message, &rest)
      }
    }
    return .messages
  }

  /// Forgets what a failed conversation may have left behind.
  private func discardPending() {
    while true {
      switch read({ _ in }) {
      case .messages, .overrun: continue
      case .drained, .failed: return
      }
    }
  }
}

// MARK: - Requests

extension NetlinkSocket {
  /// So many requests are sent at once. Their acknowledgements (1 KiB each of the kernel's memory) then fit even the
  /// receive queue of a socket that could not be enlarged.
  static let batchLimit = 256

  /// Sends all requests, in as few system calls as the batch limit allows, and waits for each one's acknowledgement.
  /// - Parameter requests: complete messages; sequence numbers and NLM_F_ACK are filled in here.
  /// - Returns: as many acknowledgements as requests, in the same order.
  func exchange(_ requests: [[UInt8]]) -> [Acknowledgement] {
    stride(from: 0, to: requests.count, by: Self.batchLimit).flatMap { start in
      exchangeBatch(requests[start..<min(start + Self.batchLimit, requests.count)])
    }
  }

  private func exchangeBatch(_ requests: ArraySlice<[UInt8]>) -> [Acknowledgement] {
    discardPending()
    let first = sequence &+ 1
    var batch: [UInt8] = []
    for request in requests { append(request, to: &batch) }

    if let code = send(&batch) {
      return requests.map { _ in Acknowledgement(code: code) }
    }
    // A request that stays unanswered has an unknown fate; the caller takes that for a failure and may repeat it.
    var answers = requests.map { _ in Acknowledgement(code: ETIMEDOUT, explanation: "no acknowledgement") }
    var outstanding = answers.count
    while outstanding > 0 {
      let reading = read { message in
        let index = Int(message.pointee.nlmsg_seq &- first)
        guard message.pointee.nlmsg_type == NLMSG_ERROR, answers.indices.contains(index) else { return }
        answers[index] = acknowledgement(in: message)
        outstanding -= 1
      }
      switch reading {
      case .messages, .overrun: continue
      case .drained, .failed: outstanding = 0
      }
    }
    return answers
  }

  private func append(_ request: [UInt8], to batch: inout [UInt8]) {
    sequence &+= 1
    let start = batch.count
    batch += request
    batch += Array(repeating: 0, count: -batch.count & 3)
    batch.withUnsafeMutableBytes { bytes in
      var header = bytes.loadUnaligned(fromByteOffset: start, as: nlmsghdr.self)
      header.nlmsg_seq = sequence
      header.nlmsg_flags |= UInt16(NLM_F_REQUEST | NLM_F_ACK)
      bytes.storeBytes(of: header, toByteOffset: start, as: nlmsghdr.self)
    }
  }

  /// Nil when sent, or the kernel's error number.
  private func send(_ batch: inout [UInt8]) -> Int32? {
    while true {
      let sent = Glibc.send(descriptor, batch, batch.count, 0)
      if sent >= 0 { return nil }
      if errno != EINTR { return errno }
    }
  }

  private func acknowledgement(in message: Message) -> Acknowledgement {
    guard nlmsg_datalen(message) >= MemoryLayout<nlmsgerr>.size, let data = nlmsg_data(message) else {
      return Acknowledgement(code: EPROTO)
    }
    let code = -data.loadUnaligned(as: nlmsgerr.self).error
    // With NETLINK_CAP_ACK the attributes follow the original's header directly.
    guard message.pointee.nlmsg_flags & UInt16(NLM_F_ACK_TLVS) != 0,
      message.pointee.nlmsg_flags & UInt16(NLM_F_CAPPED) != 0,
      let text = nlmsg_find_attr(message, CInt(MemoryLayout<nlmsgerr>.size), CInt(NLMSGERR_ATTR_MSG.rawValue))
    else { return Acknowledgement(code: code) }
    return Acknowledgement(code: code, explanation: nla_get_string(text).map { String(cString: $0) })
  }
}

// MARK: - Dumps

extension NetlinkSocket {
  /// Asks for all of something, and keeps what `parse` makes of each message.
  ///
  /// While the tables change under it, a dump may miss entries, and says so. It is repeated a few times then; after
  /// that the last one has to do, which is right for whoever also listens for changes: the change that disturbed the
  /// dump has left a notification.
  func dump<Entry>(
    _ request: [UInt8], for attempt: Attempt, parse: (Message) -> Entry?
  ) throws(HostNetworkFailure) -> [Entry] {
    for _ in 0..<8 {
      let result = try dumpOnce(request, for: attempt, parse: parse)
      if !result.interrupted { return result.entries }
    }
    return try dumpOnce(request, for: attempt, parse: parse).entries
  }

  private func dumpOnce<Entry>(
    _ request: [UInt8], for attempt: Attempt, parse: (Message) -> Entry?
  ) throws(HostNetworkFailure) -> (entries: [Entry], interrupted: Bool) {
    discardPending()
    var entries: [Entry] = []
    var interrupted = false
    var outcome: Acknowledgement?
    var batch: [UInt8] = []
    append(request, to: &batch)
    if let code = send(&batch) { outcome = Acknowledgement(code: code) }

    while outcome == nil {
      let reading = read { message in
        guard message.pointee.nlmsg_seq == sequence else { return }
        if message.pointee.nlmsg_flags & UInt16(NLM_F_DUMP_INTR) != 0 { interrupted = true }
        switch CInt(message.pointee.nlmsg_type) {
        case NLMSG_DONE: outcome = .done
        case NLMSG_ERROR: outcome = acknowledgement(in: message)
        default: if let entry = parse(message) { entries.append(entry) }
        }
      }
      switch reading {
      case .messages: continue
      case .overrun: interrupted = true
      case .drained: outcome = outcome ?? Acknowledgement(code: EPROTO, explanation: "the list has no end")
      case .failed(let code): outcome = Acknowledgement(code: code)
      }
    }
    if let outcome, outcome.code != 0 {
      throw HostNetworkFailure(attempt, on: Self.subject, code: outcome.code, explanation: outcome.explanation)
    }
    return (entries, interrupted)
  }
}
