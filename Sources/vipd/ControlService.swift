// The control server beside the VRRP loop: started and stopped from synchronous code.

import Dispatch
import Logging
import VIPDaemon

/// The running control server; none where it could not be started.
struct ControlService {
  private let server: ControlServer?

  /// Starts it. A port that is taken is told, and no reason to go without the Unix socket, or to let an address fall.
  init(_ socket: ControlSocket, listen: String?, for agent: FailoverAgent, logger: Logger) {
    for endpoint in [listen, nil] {
      do throws(ControlServerFailure) {
        server = try ControlServer.start(socket: socket, listen: endpoint, source: agent, logger: logger)
        return
      } catch {
        logger.error("\(error)")
      }
    }
    server = nil
  }

  /// Ends its connections and removes its socket; waits for that, but not for long.
  func stop() {
    guard let server else { return }
    let done = DispatchSemaphore(value: 0)
    Task.detached {
      await server.stop()
      done.signal()
    }
    _ = done.wait(timeout: .now() + .seconds(1))
  }
}
