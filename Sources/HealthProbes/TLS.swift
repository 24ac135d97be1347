// TLS as a client, for health checks over https: OpenSSL reads and writes memory, the channel carries it.
//
// It is the system's OpenSSL, not a copy that vipd would bring along: what is found wrong with it the distribution mends,
// and authorities, versions and ciphers are those that the host's own settings allow.

import CLibssl
import Glibc
import NIOCore
import NetworkTypes
import Synchronization

/// Whom TLS is spoken with.
struct TLSVerifier: Sendable {
  /// With the host's certificate authorities, or without looking at the certificate.
  var verifies: Bool
  /// A Host header: the certificate must be for it; nil for the host that is asked.
  var name: String?
  /// Nil for the host's.
  var settings: TLSSettings?

  /// May read the authorities from the disk.
  func currentSettings() throws(ConversationFailure) -> TLSSettings {
    if let settings { return settings }
    return try TLSSettings.current(verifies: verifies)
  }

  /// Nil where nobody knows; then no certificate is good enough.
  func peer(at endpoint: ServiceEndpoint) -> String? {
    switch (name, endpoint) {
    case (let name?, _): Self.withoutPort(name)
    case (nil, .tcp(let host, _)): Self.withoutRootDot(host[...])
    case (nil, .unix): nil
    }
  }

  /// A Host header may name a port, and has an IPv6 address in brackets (RFC 9110 §7.2); a certificate has neither.
  private static func withoutPort(_ host: String) -> String {
    if host.hasPrefix("["), let end = host.firstIndex(of: "]") { return String(host[..<end].dropFirst()) }
    let parts = host.split(separator: ":", omittingEmptySubsequences: false)
    return withoutRootDot(parts.count == 2 && UInt16(parts[1]) != nil ? parts[0] : host[...])
  }

  /// RFC 6066 §3 has the name without it, and so have certificates.
  private static func withoutRootDot(_ host: Substring) -> String {
    String(host.hasSuffix(".") ? host.dropLast() : host)
  }
}

/// An SSL_CTX: what sessions have in common.
final class TLSSettings: @unchecked Sendable {
  // OpenSSL counts references to it with atomics, and nothing here changes it once it is made.
  let context: OpaquePointer

  convenience init(verifies: Bool) throws(ConversationFailure) {
    try self.init(TLS_client_method())
    guard verifies else {
      SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nil)
      return
    }
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
    guard SSL_CTX_set_default_verify_paths(context) == 1 else { throw .tls(nil) }
  }

  init(_ method: OpaquePointer?) throws(ConversationFailure) {
    Self.prepareLibrary
    ERR_clear_error()
    guard let context = SSL_CTX_new(method) else { throw .tls(nil) }
    self.context = context
  }

  deinit { SSL_CTX_free(context) }

  /// When the process ends, OpenSSL would free what a session on another thread may still use.
  private static let prepareLibrary: Void = { _ = OPENSSL_init_ssl(UInt64(OPENSSL_INIT_NO_ATEXIT), nil) }()

  /// Those that all checks share: the authorities are a long list. It is read again after an hour, since the host's
  /// updates change it.
  static func current(verifies: Bool) throws(ConversationFailure) -> TLSSettings {
    try shared.withLock { known throws(ConversationFailure) in
      let now = ContinuousClock.now
      if let (settings, readAt) = known[verifies], now - readAt < .seconds(3600) { return settings }
      let settings = try TLSSettings(verifies: verifies)
      known[verifies] = (settings, now)
      return settings
    }
  }

  private static let shared = Mutex<[Bool: (settings: TLSSettings, readAt: ContinuousClock.Instant)]>([:])
}

/// A session of TLS in a channel's pipeline: what comes from the network is deciphered, what goes there is enciphered.
///
/// A connection that ends without the peer saying so may have been cut off (RFC 8446 §6.1): what is not whole then is not
/// taken for an answer.
final class TLSHandler: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  let session: OpaquePointer
  /// What the network sent, and what it shall be sent. The session owns both.
  private let received: OpaquePointer
  private let sending: OpaquePointer
  private let peer: String?
  private var state = State.shakingHands
  /// Written before there was a session to write it to.
  private var early: [(bytes: ByteBuffer, promise: EventLoopPromise<Void>?)] = []

  private enum State {
    case shakingHands
    case established
    case ended
  }

  /// - Parameter peer: the name or address that the certificate must be for, where certificates are looked at.
  convenience init(_ settings: TLSSettings, connectingTo peer: String?) throws(ConversationFailure) {
    try self.init(settings, peer: peer)
    SSL_set_connect_state(session)
    guard let peer, !peer.isEmpty else {
      guard SSL_get_verify_mode(session) == SSL_VERIFY_NONE else {
        throw ConversationFailure(reason: "TLS: nobody has said whom the certificate must be for")
      }
      return
    }
    guard SSL_set1_host(session, peer) == 1 else { throw .tls(session) }
    // An address is no name (RFC 6066 §3).
    guard IPAddress(peer) == nil else { return }
    guard vipd_tls_set_server_name(session, peer) == 1 else { throw .tls(session) }
  }

  init(_ settings: TLSSettings, peer: String?) throws(ConversationFailure) {
    ERR_clear_error()
    guard let session = SSL_new(settings.context) else { throw .tls(nil) }
    guard let received = BIO_new(BIO_s_mem()), let sending = BIO_new(BIO_s_mem()) else {
      SSL_free(session)
      throw .tls(nil)
    }
    SSL_set_bio(session, received, sending)
    self.session = session
    self.received = received
    self.sending = sending
    self.peer = peer
  }

  deinit { SSL_free(session) }

  func channelActive(context: ChannelHandlerContext) {
    shakeHands(context)
    context.fireChannelActive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let isTaken = unwrapInboundIn(data).withUnsafeReadableBytes { bytes in
      bytes.isEmpty || BIO_write(received, bytes.baseAddress, CInt(bytes.count)) == bytes.count
    }
    guard isTaken else { return fail(context) }
    shakeHands(context)
    decipher(context)
  }

  func channelInactive(context: ChannelHandlerContext) {
    switch state {
    case .shakingHands:
      context.fireErrorCaught(ConversationFailure(reason: "TLS: the connection was closed during the handshake"))
    case .established: context.fireErrorCaught(ConversationFailure.endedEarly)
    case .ended: break
    }
    end()
    context.fireChannelInactive()
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    let bytes = unwrapOutboundIn(data)
    switch state {
    case .shakingHands: early.append((bytes, promise))
    case .established: encipher(bytes, context, promise)
    case .ended: promise?.fail(ChannelError.ioOnClosedChannel)
    }
  }

  func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
    if state == .established {
      SSL_shutdown(session)
      send(context)
    }
    end()
    context.close(mode: mode, promise: promise)
  }

  private func shakeHands(_ context: ChannelHandlerContext) {
    guard state == .shakingHands else { return }
    ERR_clear_error()
    let result = SSL_do_handshake(session)
    let code = SSL_get_error(session, result)
    // Also where it failed: the peer is told why.
    send(context)
    if result == 1 {
      state = .established
      let waiting = early
      early = []
      // Each as if it were written now: where one fails, the session has ended for those behind it.
      for (bytes, promise) in waiting { write(context: context, data: wrapOutboundOut(bytes), promise: promise) }
      context.flush()
    } else if code != SSL_ERROR_WANT_READ {
      fail(context)
    }
  }

  private func decipher(_ context: ChannelHandlerContext) {
    while state == .established {
      var bytes = context.channel.allocator.buffer(capacity: Self.recordLimit)
      ERR_clear_error()
      var code = SSL_ERROR_NONE
      bytes.writeWithUnsafeMutableBytes(minimumWritableBytes: Self.recordLimit) { room in
        let count = SSL_read(session, room.baseAddress, CInt(room.count))
        code = SSL_get_error(session, count)
        return max(0, Int(count))
      }
      // The answer to a request for new keys, say.
      send(context)
      switch code {
      case SSL_ERROR_NONE: context.fireChannelRead(wrapInboundOut(bytes))
      case SSL_ERROR_WANT_READ: return
      case SSL_ERROR_ZERO_RETURN: return close(context: context, mode: .all, promise: nil)
      default: return fail(context)
      }
    }
  }

  /// RFC 8446 §5.1: no record has more.
  private static let recordLimit = 16 << 10

  private func encipher(_ bytes: ByteBuffer, _ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>?) {
    ERR_clear_error()
    let isTaken = bytes.withUnsafeReadableBytes { bytes in
      bytes.isEmpty || SSL_write(session, bytes.baseAddress, CInt(bytes.count)) == bytes.count
    }
    guard isTaken else {
      promise?.fail(ConversationFailure.tls(session, peer: peer))
      return fail(context)
    }
    context.write(wrapOutboundOut(takeSending(context)), promise: promise)
  }

  private func send(_ context: ChannelHandlerContext) {
    guard BIO_ctrl_pending(sending) > 0 else { return }
    context.writeAndFlush(wrapOutboundOut(takeSending(context)), promise: nil)
  }

  private func takeSending(_ context: ChannelHandlerContext) -> ByteBuffer {
    let size = BIO_ctrl_pending(sending)
    var bytes = context.channel.allocator.buffer(capacity: size)
    bytes.writeWithUnsafeMutableBytes(minimumWritableBytes: size) { room in
      max(0, Int(BIO_read(sending, room.baseAddress, CInt(size))))
    }
    return bytes
  }

  private func fail(_ context: ChannelHandlerContext) {
    let failure = ConversationFailure.tls(session, peer: peer)
    end()
    context.fireErrorCaught(failure)
    context.close(promise: nil)
  }

  private func end() {
    state = .ended
    for (_, promise) in early { promise?.fail(ChannelError.ioOnClosedChannel) }
    early = []
  }
}

extension ConversationFailure {
  /// Why OpenSSL just refused: what is wrong with the certificate, or else what it put into the thread's queue of errors.
  fileprivate static func tls(_ session: OpaquePointer?, peer: String? = nil) -> ConversationFailure {
    let looksAtCertificates = session.map { SSL_get_verify_mode($0) != SSL_VERIFY_NONE } ?? false
    let verdict = looksAtCertificates ? SSL_get_verify_result(session) : Int(X509_V_OK)
    switch CInt(verdict) {
    case X509_V_OK:
      let reason = ERR_reason_error_string(ERR_peek_error()).map { String(cString: $0) }
      return ConversationFailure(reason: "TLS: \(reason ?? "the peer broke it off")")
    case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH:
      return ConversationFailure(reason: "TLS: the certificate is not for \(peer ?? "whoever was asked")")
    default:
      let reason = String(cString: X509_verify_cert_error_string(verdict))
      return ConversationFailure(reason: "TLS: the certificate is not accepted: \(reason)")
    }
  }
}
