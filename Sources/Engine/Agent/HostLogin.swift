package import Fleet
import System

/// Whether a host lets us in: one connection and login, and nothing is sent.
package enum HostLogin: Hashable, Sendable {
  case possible
  /// Not until a person has acted: it shows another key, or refuses the login.
  case refused(String)
  case unreachable(String)

  /// Asks several at once, each of them once.
  ///
  /// - Parameter limit: how many at the same time.
  package static func ask(
    _ hosts: [Host], over connector: any Connector, limit: Int
  ) async throws -> [Host.Name: HostLogin] {
    let answers = try await BoundedConcurrency.run(over: hosts, limit: limit) { host in
      (host.name, await ask(host, over: connector))
    }
    return Dictionary(answers, uniquingKeysWith: { $1 })
  }

  private static func ask(_ host: Host, over connector: any Connector) async -> HostLogin {
    do {
      let channel = try await connector.connect(to: host)
      await channel.close()
      return .possible
    } catch {
      // One that takes no more connections now is there.
      if error.isBusy { return .possible }
      return error.isPassing ? .unreachable(error.reason) : .refused(error.reason)
    }
  }
}
