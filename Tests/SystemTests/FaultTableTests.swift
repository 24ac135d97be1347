// The fault table: each hardship again and again, with a client that measures and a witness of who holds the address.

import FaultTable
import Rehearsal
import Testing

@Suite("The fault table", .hasTheMachineToItself)
struct FaultTableTests {
  private static let runs = 20
  private static let interval = Duration.milliseconds(200)
  /// Side by side, since most of the time is spent waiting; each has hosts of its own.
  private static let lanes = 5

  private static var candidate: Candidate {
    Candidate.vipd(file: ClusterFile(interval: "200ms").text(for: .lan()), interval: interval)
  }

  /// The longest outage that a row may cost, with what a machine that is busy with others' runs adds.
  private func outage(_ hardship: Hardship) -> Duration {
    let slack = Duration.milliseconds(300)
    return switch hardship {
    // Active_Down_Interval of n2, whose priority is 150.
    case .kill, .suspend, .freeze, .linkCut, .partition, .interfaceReplaced, .netlinkOverrun:
      Self.interval * 3 + Self.interval * 106 / 256 + slack
    case .oneWay: Self.interval * 3 + slack
    case .killAndRestart, .addressDeleted, .stop, .drain, .reload, .brokenReload, .upgrade, .diskFull,
      .outOfDescriptors:
      .milliseconds(150)
    }
  }

  /// How long two may hold it.
  private func twoHolders(_ hardship: Hardship) -> Duration {
    switch hardship {
    // At intervals below half a second the shortest lease, a second and what the kernel is late, outlives its holder.
    case .kill, .suspend, .freeze, .netlinkOverrun: .milliseconds(1600)
    case .oneWay: Self.interval * 3 + .milliseconds(400)
    case .partition: Self.interval + .milliseconds(300)
    // A bridge's port begins to forward some time after its link is up.
    case .linkCut: .milliseconds(1000)
    case .killAndRestart, .addressDeleted, .interfaceReplaced, .stop, .drain, .reload, .brokenReload,
      .upgrade, .diskFull, .outOfDescriptors:
      .milliseconds(150)
    }
  }

  // The limit counts the wait for its turn, after all that share the machine.
  @Test("Each row, twenty times: outage, two holders, moves", .timeLimit(.minutes(60)))
  func table() async throws {
    let accounts = try await Self.measure()
    #expect(Set(accounts.map(\.hardship)) == Set(Hardship.allCases))
    for account in accounts.sorted(by: { $0.hardship.words < $1.hardship.words }) {
      print("measured: \(account)")
      #expect(account.failures == [], "\(account.hardship.words)")
      #expect(account.runs.count == Self.runs)
      for run in account.runs {
        #expect(run.moves == account.hardship.expectedMoves, "\(account.hardship.words): \(run)")
        #expect(run.outage <= outage(account.hardship), "\(account.hardship.words): \(run)")
        #expect(run.twoHolders <= twoHolders(account.hardship), "\(account.hardship.words): \(run)")
      }
    }
  }

  private static func measure() async throws -> [HardshipAccount] {
    // The slow ones first, so that no lane has one left at the end.
    let rows = [.oneWay, .suspend] + Hardship.allCases.filter { ![.oneWay, .suspend].contains($0) }
    let queue = Queue(rows.flatMap { Array(repeating: $0, count: runs / turn) })
    return try await withThrowingTaskGroup(of: [HardshipAccount].self) { group in
      for _ in 0..<lanes { group.addTask { try await work(through: queue) } }
      var accounts: [Hardship: HardshipAccount] = [:]
      for try await some in group {
        for account in some { accounts[account.hardship, default: HardshipAccount(account.hardship)].add(account) }
      }
      return Array(accounts.values)
    }
  }

  private static func work(through queue: Queue) async throws -> [HardshipAccount] {
    var accounts: [HardshipAccount] = []
    let cluster = try await OrdealCluster(candidate)
    defer { cluster.close() }
    while let hardship = await queue.next() {
      var account = HardshipAccount(hardship)
      do {
        for _ in 0..<turn { account.runs.append(try await cluster.run(hardship)) }
      } catch {
        account.failures.append("\(error)\n\(cluster.story)")
      }
      accounts.append(account)
    }
    return accounts
  }

  /// So many runs of a row in a row.
  private static let turn = 5

  private actor Queue {
    private var rows: [Hardship]
    init(_ rows: [Hardship]) { self.rows = rows }
    func next() -> Hardship? { rows.isEmpty ? nil : rows.removeFirst() }
  }
}

extension HardshipAccount: CustomStringConvertible {
  public var description: String {
    func text(_ duration: Duration?) -> String { duration.map { "\(Int($0 / .milliseconds(1))) ms" } ?? "–" }
    return "\(hardship.words): \(runs.count) runs, outage \(text(medianOutage)), at most \(text(longestOutage)); "
      + "two holders at most \(text(longestWithTwo)); moves \(mostMoves.map(String.init) ?? "–")"
  }
}
