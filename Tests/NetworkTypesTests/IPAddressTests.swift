// Reading addresses (RFC 4291 §2.2) and writing them (RFC 5952).

import NetworkTypes
import Testing

@Suite("IP addresses")
struct IPAddressTests {
  @Test(
    "IPv4 is four decimal numbers",
    arguments: [
      ("0.0.0.0", 0), ("255.255.255.255", 0xffff_ffff), ("10.0.0.1", 0x0a00_0001), ("192.0.2.9", 0xc000_0209),
      ("1.2.3.4", 0x0102_0304), ("200.100.50.25", 0xc864_3219),
    ] as [(String, UInt32)])
  func ipv4(text: String, value: UInt32) {
    #expect(IPv4Address(text)?.rawValue == value)
    #expect(IPAddress(text) == .v4(IPv4Address(rawValue: value)))
    #expect(IPv4Address(rawValue: value).description == text)
  }

  @Test(
    "No IPv4 address",
    arguments: [
      "", ".", "...", "1", "1.2", "1.2.3", "1.2.3.4.5", "1.2.3.", ".1.2.3", "1..2.3", "1.2.3.4.", "256.0.0.1",
      "1.2.3.256", "1.2.3.999", "1.2.3.1000", "1.2.3.99999999999999999999", "01.2.3.4", "1.2.3.00", "1.2.3.04",
      "0x1.2.3.4", "1.2.3.a", "-1.2.3.4", "+1.2.3.4", "1.2.3.-0", " 1.2.3.4", "1.2.3.4 ", "1.2. 3.4", "1.2.3.4\n",
      "1.2.3.4\0", "1.2.3.4/24", "1.2.3.4%eth0", "1,2,3,4", "１.2.3.4", "١.2.3.4", "1.2.3.4\u{301}", "localhost",
    ])
  func notIPv4(text: String) {
    #expect(IPv4Address(text) == nil)
    #expect(IPAddress(text) == nil)
  }

  /// What is read, and how it is written: RFC 5952 §4 and §5.
  private static let canonical: [(String, String)] = [
    ("::", "::"),
    ("::1", "::1"),
    ("0:0:0:0:0:0:0:0", "::"),
    ("1::", "1::"),
    ("2001:db8::1", "2001:db8::1"),
    ("2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"),  // §4.1: no leading zeros
    ("2001:db8:0:0:0:0:2:1", "2001:db8::2:1"),  // §4.2.1: as short as can be
    ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),  // §4.2.2: not for one group
    ("2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
    ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"),  // §4.2.3: the longest run
    ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),  // §4.2.3: the first of equal ones
    ("0:0:1:0:0:0:0:0", "0:0:1::"),
    ("2001:DB8::ABCD", "2001:db8::abcd"),  // §4.3: lower case
    ("fe80:0:0:0:0:0:0:c", "fe80::c"),
    ("ff02::1", "ff02::1"),
    ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
    ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
    ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"),
    ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("::ffff:192.0.2.9", "::ffff:192.0.2.9"),  // §5
    ("::ffff:c000:209", "::ffff:192.0.2.9"),
    ("::192.0.2.9", "::c000:209"),
    ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"),
    ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"),
    ("::1.2.3.4", "::102:304"),
    ("1:2:3:4:5::1.2.3.4", "1:2:3:4:5:0:102:304"),
  ]

  @Test("IPv6 is written the one canonical way", arguments: canonical)
  func ipv6(text: String, written: String) throws {
    let address = try #require(IPv6Address(text))
    #expect(address.description == written)
    #expect(IPv6Address(written) == address)
    #expect(IPAddress(text) == .v6(address))
  }

  @Test(
    "No IPv6 address",
    arguments: [
      "", ":", ":::", "::::", "1:::2", "1::2::3", "::1::", ":1", "1:", ":1:2:3:4:5:6:7", "1:2:3:4:5:6:7:", "1:2:3",
      "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "1:2:3:4::5:6:7:8", "12345::",
      "::00001", "::g", "::-1", "::-0", "::+1", "::0x1", "::1 ", " ::1", ":: 1", "::1\0", "::1%eth0", "fe80::1%2",
      "[::1]", "::1/64", "::1.2.3", "::1.2.3.4.5", "::1.2.3.256", "::1.2.3.04", "1.2.3.4::", "::1.2.3.4:5",
      "1:2:3:4:5:6:7:1.2.3.4", "1.2.3.4", "::１", "::a\u{301}", "::é", "fe80:",
    ])
  func notIPv6(text: String) {
    #expect(IPv6Address(text) == nil)
    if text != "1.2.3.4" { #expect(IPAddress(text) == nil) }
  }

  @Test("Long rubbish is refused like short rubbish")
  func longRubbish() {
    for character in [":", "::", ".", "1:", "1.", "f", "0", "%", "\u{1F469}\u{200D}\u{1F680}"] {
      let text = String(repeating: character, count: 20_000)
      #expect(IPAddress(text) == nil)
      #expect(IPAddress("::" + text) == nil)
      #expect(InterfaceAddress(text + "/64") == nil)
      #expect(InterfaceAddress("::/" + text) == nil)
    }
  }

  @Test("Bytes are in network order, and only 4 or 16 of them make an address")
  func bytes() {
    #expect(IPAddress("192.0.2.9")?.bytes == [192, 0, 2, 9])
    #expect(IPAddress("fe80::102:3")?.bytes == [0xfe, 0x80] + [UInt8](repeating: 0, count: 10) + [1, 2, 0, 3])
    #expect(IPAddress(bytes: [192, 0, 2, 9]) == IPAddress("192.0.2.9"))
    #expect(IPAddress(bytes: (1...16).map { UInt8($0) })?.description == "102:304:506:708:90a:b0c:d0e:f10")
    for count in 0...32 where count != 4 && count != 16 {
      #expect(IPAddress(bytes: [UInt8](repeating: 1, count: count)) == nil)
    }
  }

  @Test("Unsigned order; IPv4 before IPv6")
  func order() {
    let sorted = [
      "0.0.0.0", "9.255.255.255", "10.0.0.2", "10.0.0.10", "127.255.255.255", "128.0.0.0", "255.255.255.255", "::",
      "::1", "::a", "::10", "7fff::", "8000::", "fe80::1", "fe80::1:0:0:0", "ff02::1",
    ]
    let addresses = sorted.compactMap { IPAddress($0) }
    #expect(addresses.count == sorted.count)
    #expect(addresses.reversed().sorted() == addresses)
  }

  @Test(
    "Link-local is fe80::/10, and nothing of IPv4",
    arguments: [
      ("fe80::", true), ("fe80::1", true), ("febf:ffff::", true), ("fec0::", false), ("fe7f:ffff::", false),
      ("fd00::1", false), ("::1", false), ("169.254.0.1", false),
    ])
  func linkLocal(text: String, expected: Bool) {
    #expect(IPAddress(text)?.isLinkLocal == expected)
  }

  @Test(
    "Unicast is what one host may have",
    arguments: [
      ("10.0.0.1", true), ("223.255.255.255", true), ("0.0.0.0", false), ("0.1.2.3", false), ("224.0.0.18", false),
      ("240.0.0.1", false), ("255.255.255.255", false), ("127.0.0.1", true), ("::", false), ("::1", true),
      ("fe80::1", true), ("fd00::1", true), ("ff02::12", false),
    ])
  func unicast(text: String, expected: Bool) {
    #expect(IPAddress(text)?.isUnicast == expected)
  }

  @Test("The families' sizes")
  func families() {
    #expect(IPFamily.allCases.map(\.addressBits) == [32, 128])
    #expect(IPFamily.allCases.map(\.addressBytes) == [4, 16])
    #expect(IPFamily.ipv4 < .ipv6)
    #expect(!(IPFamily.ipv6 < .ipv4))
    #expect(!(IPFamily.ipv4 < .ipv4))
  }
}
