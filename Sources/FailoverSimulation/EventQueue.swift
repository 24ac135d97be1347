// What will happen, ordered by time; and by the order of scheduling where the time is the same.

import NetworkTypes
import VRRP

struct EventQueue: Sendable {
  enum Event: Sendable {
    case incident(Incident)
    /// A datagram reaches a node.
    case datagram(ReceivedDatagram, node: Int)
    /// A node that was frozen gets to what has waited for it.
    case backlog(Host.Input, node: Int)
    /// An Ethernet frame reaches a client.
    case frame([UInt8], client: Int)
    /// A tracker was checked for the first time since vipd was started on a node.
    case firstCheck(String, node: Int)
    /// The kernel looks whether the lease of a virtual router's addresses is over.
    case leaseEnd(VRID, node: Int)
  }

  private struct Entry: Sendable {
    var time: Instant
    var number: Int
    var event: Event

    func isBefore(_ other: Entry) -> Bool { time == other.time ? number < other.number : time < other.time }
  }

  /// A binary heap: no entry is before its parent, which is at (index − 1) / 2.
  private var heap: [Entry] = []
  private var count = 0

  var nextTime: Instant? { heap.first?.time }

  mutating func add(_ event: Event, at time: Instant) {
    count += 1
    heap.append(Entry(time: time, number: count, event: event))
    var index = heap.count - 1
    while index > 0, heap[index].isBefore(heap[(index - 1) / 2]) {
      heap.swapAt(index, (index - 1) / 2)
      index = (index - 1) / 2
    }
  }

  mutating func removeFirst() -> Event? {
    guard let first = heap.first, let last = heap.popLast() else { return nil }
    guard !heap.isEmpty else { return first.event }
    heap[0] = last
    var index = 0
    while true {
      let children = [2 * index + 1, 2 * index + 2].filter { $0 < heap.count && heap[$0].isBefore(heap[index]) }
      guard let least = children.min(by: { heap[$0].isBefore(heap[$1]) }) else { break }
      heap.swapAt(index, least)
      index = least
    }
    return first.event
  }
}
