import Engine
import Fleet
import System

/// The agent on this machine: for the controller's own services, and for what a hook speaks to by an API.
struct LocalTransport: Transport {
  func open(_ command: String, on host: Host, slot: ConnectionSlot) async throws(TransportFailure)
    -> any CommandChannel
  {
    do {
      let process = try PipedProcess("/bin/sh", ["-c", command])
      DebugLog.write("\(host.name): here, started '\(command)'")
      // What it has begun it brings to its end, or takes back, as on a host whose connection is lost.
      return PipedChannel(process, slot: slot, patience: nil)
    } catch {
      throw TransportFailure(failure: ConnectFailure(reason: "\(error)", isPassing: false))
    }
  }

  func offeredKey(of host: Host, types: [String]) async throws -> HostKey {
    throw ConnectFailure(reason: "it is this machine, which shows no host key", isPassing: false)
  }
}
