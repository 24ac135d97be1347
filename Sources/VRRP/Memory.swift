// What a router knows beyond its configuration, as a value that can be handed on: a vipd that replaces its own program
// goes on where it was, and no peer notices.

import NetworkTypes

extension VRRPRouter {
  /// All that happened to a router, as far as it matters for what it does next. Times are this boot's.
  public struct Memory: Sendable, Hashable, Codable {
    var virtualRouters: [VirtualRouterMemory]
    var trackers: [String: Bool]
    /// Nil from a version that knew of none.
    var worths: [String: Int]?
    var isStarted: Bool
    var drain: Bool?
  }

  struct VirtualRouterMemory: Sendable, Hashable, Codable {
    var vrid: VRID
    var state: VirtualRouter.State
    var priority: Priority
    var activeRouter: ActiveRouter?
    var deference: Deference?
    var fitness: Fitness
    var hostObstacle: Obstacle?
    var drain: Bool?
    var isResuming: Bool
  }

  public var memory: Memory {
    Memory(
      virtualRouters: members.map { member in
        VirtualRouterMemory(
          vrid: member.router.configuration.vrid, state: member.router.state, priority: member.router.priority,
          activeRouter: member.router.activeRouter, deference: member.router.deference, fitness: member.fitness,
          hostObstacle: member.hostObstacle, drain: member.drain,
          isResuming: member.isResuming)
      }, trackers: trackers, worths: worths, isStarted: isStarted, drain: drain)
  }

  /// Goes on where a router left off.
  ///
  /// - Parameter configurations: the same as that router's. One that it did not have begins with the next event that
  ///   concerns it; what it remembers of others is forgotten.
  public init(configurations: [VirtualRouterConfiguration], remembering memory: Memory) {
    self.init(configurations: configurations)
    trackers = memory.trackers
    worths = memory.worths ?? [:]
    isStarted = memory.isStarted
    drain = memory.drain
    for index in members.indices {
      let configuration = members[index].router.configuration
      guard let known = memory.virtualRouters.first(where: { $0.vrid == configuration.vrid }) else { continue }
      members[index].router.state = known.state
      members[index].router.priority = known.priority
      members[index].router.activeRouter = known.activeRouter
      members[index].router.deference = known.deference
      members[index].hostObstacle = known.hostObstacle
      members[index].drain = known.drain
      members[index].isResuming = known.isResuming
      members[index].fitness = known.fitness
    }
  }
}
