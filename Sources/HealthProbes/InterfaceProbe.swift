// The tracker kind `interface`: does another link of this host have carrier? Such as the one towards the Internet.

import CLinux
import Glibc
import NetworkTypes

struct InterfaceProbe: Probe {
  private let name: String
  private let descriptors: any DescriptorWaiting
  /// Tells when links change; nil where it cannot, and then it is looked at once an interval.
  private let changes: LinkChanges?

  init(name: String, descriptors: any DescriptorWaiting) {
    self.name = name
    self.descriptors = descriptors
    changes = LinkChanges()
  }

  mutating func check() async -> CheckResult? {
    switch clinux_link_state(name) {
    case CLINUX_LINK_RUNNING: CheckResult(.success, "\(name) is up and has carrier")
    case CLINUX_LINK_WITHOUT_CARRIER: CheckResult(.failure, "\(name) has no carrier")
    case CLINUX_LINK_DOWN: CheckResult(.failure, "\(name) is down")
    default: CheckResult(.failure, "there is no interface \(name)")
    }
  }

  mutating func rest(until nextCheck: Instant) async {
    guard let changes else { return await sleep(until: nextCheck) }
    await changes.untilChange(or: nextCheck, descriptors)
  }
}

/// rtnetlink's news of links, of which only that there are some matters.
private final class LinkChanges: Sendable {
  private let descriptor: CInt

  init?() {
    descriptor = clinux_watch_links()
    if descriptor < 0 { return nil }
  }

  deinit { close(descriptor) }

  func untilChange(or deadline: Instant, _ descriptors: any DescriptorWaiting) async {
    await descriptors.untilReadable(descriptor, or: deadline)
    var news = [UInt8](repeating: 0, count: 8192)
    // Too much news to keep (ENOBUFS) is news.
    while recv(descriptor, &news, news.count, CInt(MSG_DONTWAIT)) > 0 || errno == ENOBUFS {}
  }
}
