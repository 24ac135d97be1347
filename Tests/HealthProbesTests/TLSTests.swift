// https, against a server of the same handler and one that is OpenSSL's own: whose certificate is taken, and what is said
// of one that is not.

import CLibssl
import Glibc
import Testing

@testable import HealthProbes

@Suite("TLS")
struct TLSTests {
  private let directory: TemporaryDirectory
  private let known: Certificate

  /// The names are in a domain that is nobody's (RFC 2606 §2).
  init() throws {
    directory = try TemporaryDirectory()
    known = try Certificate("www.example", "DNS:www.example,DNS:*.wild.example,IP:127.0.0.1", in: directory)
  }

  private struct Certificate {
    let path: String
    let key: String

    init(
      _ name: String, _ names: String, key kind: String = "ec -pkeyopt ec_paramgen_curve:prime256v1",
      in directory: TemporaryDirectory
    ) throws {
      path = "\(directory.path)/\(name).pem"
      key = "\(directory.path)/\(name).key"
      let command =
        "openssl req -x509 -newkey \(kind) -nodes -days 2 -subj /CN=\(name) -addext subjectAltName=\(names) "
        + "-keyout \(key) -out \(path) 2>\(directory.path)/log"
      try TestProcess("/bin/sh", ["-c", command]).wait()
    }
  }

  /// Asks where one certificate, the one known if not another, is its own authority.
  private func ask(
    _ endpoint: ServiceEndpoint, for name: String?, trusting trusted: Certificate? = nil, bodyLimit: Int = 64 << 10
  ) async throws -> HTTPAnswer {
    let settings = try TLSSettings(verifies: true)
    try #require(SSL_CTX_load_verify_locations(settings.context, (trusted ?? known).path, nil) == 1)
    let verifier = TLSVerifier(verifies: true, name: name, settings: settings)
    let question = HTTPQuestion(
      endpoint: endpoint, tls: verifier, target: "/", host: name ?? "localhost", bodyLimit: bodyLimit)
    return try await question.ask(patience: .seconds(60))
  }

  private func reason(_ asking: () async throws -> HTTPAnswer) async throws -> String {
    do {
      let answer = try await asking()
      Issue.record("answered with \(answer.status)")
      return ""
    } catch let failure as ConversationFailure {
      return failure.reason
    }
  }

  @Test("A certificate that nobody vouches for is refused, unless it is not looked at")
  func verification() async throws {
    let server = try await StandInServer(tls: (known.path, known.key)) { _ in .answer(200, "well") }
    let verified = try await firstReport(.http(HTTPCheck(server.endpoint, tls: .verified)))
    #expect(verified.isUp == false)
    #expect(verified.detail.hasSuffix("TLS: the certificate is not accepted: self-signed certificate"), "\(verified)")
    #expect(try await firstReport(.http(HTTPCheck(server.endpoint, tls: .unverified, body: "well"))).isUp == true)
    try await server.close()
  }

  @Test(
    "It must be for the host that is asked, or for the name that is said",
    arguments: [
      (nil, nil), ("www.example", nil), ("www.example:8443", nil), ("127.0.0.1", nil),
      ("www.example.", nil), ("a.wild.example", nil), ("[127.0.0.1]:443", nil),
      ("other.example", "TLS: the certificate is not for other.example"),
      ("a.b.wild.example", "TLS: the certificate is not for a.b.wild.example"),
      ("[2001:db8::7]:8443", "TLS: the certificate is not for 2001:db8::7"),
      ("192.0.2.7", "TLS: the certificate is not for 192.0.2.7"),
    ] as [(String?, String?)])
  func names(name: String?, refusal: String?) async throws {
    let server = try await StandInServer(tls: (known.path, known.key)) { _ in .answer(200, "") }
    if let refusal {
      #expect(try await reason { try await ask(server.endpoint, for: name) } == refusal)
      #expect(server.requests.isEmpty)
    } else {
      #expect(try await ask(server.endpoint, for: name).status == 200)
      #expect(server.requests.map(\.host) == [name ?? "localhost"])
    }
    try await server.close()
  }

  @Test("Where no name is said, it must be for the host that is asked; where there is none, it is for nobody")
  func unsaid() async throws {
    let named = try Certificate("named.example", "DNS:named.example", in: directory)
    let server = try await StandInServer(tls: (named.path, named.key)) { _ in .answer(200, "") }
    let refusal = try await reason { try await ask(server.endpoint, for: nil, trusting: named) }
    #expect(refusal == "TLS: the certificate is not for 127.0.0.1")
    try await server.close()
    let path = "\(directory.path)/server.sock"
    let hidden = try await StandInServer(socket: path, tls: (named.path, named.key)) { _ in .answer(200, "") }
    #expect(
      try await reason { try await ask(.unix(path: path), for: nil, trusting: named) }
        == "TLS: nobody has said whom the certificate must be for")
    #expect(try await ask(.unix(path: path), for: "named.example", trusting: named).status == 200)
    try await hidden.close()
  }

  @Test("OpenSSL's own server chooses the certificate by the name that it is told")
  func serverName() async throws {
    let standard = try Certificate("standard.example", "DNS:standard.example", in: directory)
    let command =
      "exec openssl s_server -accept 127.0.0.1:0 -www -cert \(standard.path) -key \(standard.key) "
      + "-servername www.example -cert2 \(known.path) -key2 \(known.key) >\(directory.path)/said 2>&1 </dev/null"
    let server = try TestProcess("/bin/sh", ["-c", command])
    defer { server.end() }
    var port: UInt16?
    await eventually("it listens") {
      let announced = directory.text("said").firstMatch(of: /ACCEPT 127\.0\.0\.1:([0-9]+)\n/)
      port = announced.flatMap { UInt16($0.1) }
      return port != nil
    }
    let endpoint = ServiceEndpoint.tcp(host: "127.0.0.1", port: try #require(port))
    #expect(try await ask(endpoint, for: "www.example").status == 200)
    let refusal = try await reason { try await ask(endpoint, for: "standard.example") }
    #expect(refusal == "TLS: the certificate is not accepted: self-signed certificate")
  }

  @Test("A long answer comes whole, and only so much of it as is wanted")
  func length() async throws {
    let text = String(repeating: "0123456789abcdef", count: 20_000)
    let server = try await StandInServer(tls: (known.path, known.key)) { _ in .answer(200, text) }
    #expect(try await ask(server.endpoint, for: nil, bodyLimit: 1 << 20).body == Array(text.utf8))
    #expect(try await ask(server.endpoint, for: nil, bodyLimit: 70_001).body == Array(text.utf8.prefix(70_001)))
    server.answer { _ in .rupture }
    let refusal = try await reason { try await ask(server.endpoint, for: nil) }
    #expect(refusal == "the connection was closed before the answer was complete")
    try await server.close()
  }

  @Test("An answer that lasts until the connection ends is whole if the server says that this is the end")
  func cutOff() async throws {
    for isCutOff in [false, true] {
      let settings = try TLSSettings(TLS_server_method())
      try settings.use(certificates: known.path, key: known.key)
      SSL_CTX_set_quiet_shutdown(settings.context, isCutOff ? 1 : 0)
      let server = try await StandInServer(tls: settings) { _ in .untilTheEnd("well") }
      if isCutOff {
        let refusal = try await reason { try await ask(server.endpoint, for: nil) }
        #expect(refusal == "the connection was closed before the answer was complete")
      } else {
        #expect(try await ask(server.endpoint, for: nil).body == Array("well".utf8))
      }
      try await server.close()
    }
  }

  @Test("A weak key is refused as the system's settings have it, and taken where it is not looked at")
  func weakKey() async throws {
    let weak = try Certificate("weak.example", "IP:127.0.0.1", key: "rsa:1024", in: directory)
    // Which the settings would not let a server of their own have.
    let settings = try TLSSettings(TLS_server_method())
    SSL_CTX_set_security_level(settings.context, 0)
    try settings.use(certificates: weak.path, key: weak.key)
    let server = try await StandInServer(tls: settings) { _ in .answer(200, "") }
    let refusal = try await reason { try await ask(server.endpoint, for: nil, trusting: weak) }
    #expect(refusal == "TLS: the certificate is not accepted: EE certificate key too weak")
    #expect(try await firstReport(.http(HTTPCheck(server.endpoint, tls: .unverified))).isUp == true)
    try await server.close()
  }

  @Test("Plain HTTP to a server of TLS, TLS to one of plain HTTP, and to one that closes at once, have a reason each")
  func mixedUp() async throws {
    let secure = try await StandInServer(tls: (known.path, known.key)) { _ in .answer(200, "") }
    let plainly = try await firstReport(.http(HTTPCheck(secure.endpoint)))
    #expect(plainly.isUp == false, "\(plainly.detail)")
    try await secure.close()

    let plain = try await StandInServer { _ in .answer(200, "") }
    #expect(try await reason { try await ask(plain.endpoint, for: nil) } == "TLS: wrong version number")
    try await plain.close()

    let closing = try await StandInServer(hangsUp: true) { _ in .silence }
    let refusal = try await reason { try await ask(closing.endpoint, for: nil) }
    #expect(refusal == "TLS: the connection was closed during the handshake")
    try await closing.close()
  }
}
