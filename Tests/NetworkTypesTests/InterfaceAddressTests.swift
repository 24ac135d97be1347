// Addresses with their prefix, hardware addresses, and points in time.

import NetworkTypes
import Testing

@Suite("Addresses of interfaces")
struct InterfaceAddressTests {
  @Test(
    "Read and written", arguments: ["10.0.10.39/24", "0.0.0.0/0", "10.0.0.1/32", "::/0", "fd10::31/64", "fe80::1/128"])
  func text(text: String) {
    #expect(InterfaceAddress(text)?.description == text)
  }

  @Test(
    "Not an address with a prefix",
    arguments: [
      "", "/", "/24", "10.0.0.1", "10.0.0.1/", "10.0.0.1/33", "10.0.0.1/-1", "10.0.0.1/-0", "10.0.0.1/+24",
      "10.0.0.1/024", "10.0.0.1/ 24", "10.0.0.1/24 ", "10.0.0.1/24/8", "10.0.0.1//24", "10.0.0.1/a", "10.0.0.1/0x18",
      "10.0.0.1/255.255.255.0", "10.0.0.1/99999999999999999999", "10.0.0.256/24", "::1/129", "::1", "fe80::1%eth0/64",
      "fe80::1/64%eth0", "10.0.0.1/２４",
    ])
  func notText(text: String) {
    #expect(InterfaceAddress(text) == nil)
  }

  @Test("The prefix fits the family")
  func prefixLength() throws {
    let ipv4 = try #require(IPAddress("10.0.0.1"))
    let ipv6 = try #require(IPAddress("fd00::1"))
    #expect([-1, 33, .max, .min].allSatisfy { InterfaceAddress(address: ipv4, prefixLength: $0) == nil })
    #expect([-1, 129].allSatisfy { InterfaceAddress(address: ipv6, prefixLength: $0) == nil })
    #expect(InterfaceAddress(address: ipv6, prefixLength: 33) != nil)
  }

  @Test(
    "Whether a network contains an address",
    arguments: [
      ("10.0.10.39/24", "10.0.10.1", true),
      ("10.0.10.39/24", "10.0.11.1", false),
      ("10.0.10.39/23", "10.0.11.1", true),
      ("10.0.10.39/32", "10.0.10.39", true),
      ("10.0.10.39/32", "10.0.10.38", false),
      ("10.0.10.39/31", "10.0.10.38", true),
      ("10.0.10.39/0", "203.0.113.9", true),
      ("10.0.10.39/1", "127.0.0.1", true),
      ("10.0.10.39/1", "128.0.0.1", false),
      ("203.0.113.9/28", "203.0.113.15", true),
      ("203.0.113.9/28", "203.0.113.16", false),
      ("fd10::39/64", "fd10::1:2:3:4", true),
      ("fd10::39/64", "fd10:0:0:1::1", false),
      ("fd10::39/127", "fd10::38", true),
      ("fd10::39/128", "fd10::38", false),
      ("fd10::39/0", "::", true),
      ("::/0", "10.0.0.1", false),
      ("0.0.0.0/0", "::1", false),
    ])
  func network(network: String, address: String, expected: Bool) throws {
    #expect(try #require(InterfaceAddress(network)).network(contains: try #require(IPAddress(address))) == expected)
  }

  @Test("Ordered by address, then by prefix")
  func order() {
    let sorted = ["10.0.0.1/8", "10.0.0.1/24", "10.0.0.2/8", "::1/64", "::2/8"].compactMap { InterfaceAddress($0) }
    #expect(sorted.count == 5)
    #expect(sorted.reversed().sorted() == sorted)
  }
}

@Suite("Hardware addresses")
struct MACAddressTests {
  @Test("Six bytes, written in lower case")
  func text() {
    #expect(MACAddress(bytes: [0x02, 0x00, 0x5e, 0x10, 0xab, 0x0f])?.description == "02:00:5e:10:ab:0f")
    #expect(MACAddress.broadcast.description == "ff:ff:ff:ff:ff:ff")
    #expect(MACAddress.ipv6AllNodes.description == "33:33:00:00:00:01")
    for count in [0, 1, 5, 7, 8, 20] { #expect(MACAddress(bytes: [UInt8](repeating: 0, count: count)) == nil) }
  }

  @Test("The virtual router's: RFC 9568 §7.3")
  func virtualRouter() {
    #expect(MACAddress.virtualRouter(vrid: 12, family: .ipv4).description == "00:00:5e:00:01:0c")
    #expect(MACAddress.virtualRouter(vrid: 255, family: .ipv6).description == "00:00:5e:00:02:ff")
  }
}

@Suite("Points in time")
struct InstantTests {
  @Test("Arithmetic is exact")
  func arithmetic() {
    let early = Instant(sinceBoot: .seconds(1))
    let late = early + .nanoseconds(1)
    #expect(early < late)
    #expect(late - early == .nanoseconds(1))
    #expect(early - late == .nanoseconds(-1))
    #expect(early.duration(to: late) == .nanoseconds(1))
    #expect(late - .nanoseconds(1) == early)
    #expect(early.advanced(by: .zero) == early)
  }
}

@Suite("Interfaces")
struct NetworkInterfaceTests {
  @Test("An interface holds an address whatever the prefix and whoever put it there")
  func holds() throws {
    let interface = NetworkInterface(
      index: 2, name: "eth0", hardwareAddress: nil, isUp: true,
      addresses: [
        HeldAddress(address: try #require(InterfaceAddress("10.0.0.1/24")), isOurs: false),
        HeldAddress(address: try #require(InterfaceAddress("10.0.0.39/32")), isOurs: true),
      ])
    #expect(interface.holds(try #require(IPAddress("10.0.0.1"))))
    #expect(interface.holds(try #require(IPAddress("10.0.0.39"))))
    #expect(!interface.holds(try #require(IPAddress("10.0.0.2"))))
  }
}
