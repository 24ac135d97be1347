// The control server beside the VRRP loop: started and stopped from synchronous code.

import Dispatch
import Logging
import Synchronization
import VIPDaemon

/// The running control server, or the attempt to start it.
struct ControlService: Sendable {
  private let task: Task<ControlServer?, Never>

  /// Starts it in the background. A port that is taken is told, and no reason to let the address fall.
  static func start(
    _ socket: ControlSocket, listen: String?, for agent: FailoverAgent, logger: Logger
  ) -> ControlService {
    ControlService(
      task: Task.detached {
        for endpoint in [listen, nil] {
          do throws(ControlServerFailure) {
            return try await ControlServer.start(socket: socket, listen: endpoint, source: agent, logger: logger)
          } catch {
            logger.error("\(error)")
          }
        }
        return nil
      })
  }

  /// Ends its connections and removes its socket; waits for that, but not for long.
  func stop() {
    let done = DispatchSemaphore(value: 0)
    Task.detached {
      await task.value?.stop()
      done.signal()
    }
    _ = done.wait(timeout: .now() + .seconds(1))
  }
}
