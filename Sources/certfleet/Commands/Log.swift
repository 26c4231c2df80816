import Agents
import Fleet
import Foundation
import Reporting
import Storage
import struct Fleet.Host
import System

extension Command {
  static let log = Command(
    words: ["log"], summary: "show what happened, oldest first",
    options: [
      Option(name: "host", value: "HOST", help: "only this host"),
      Option(name: "rollout", value: "N", help: "only this rollout"),
      Option(name: "cert", value: "CERT", help: "only this certificate"),
      Option(name: "output", help: "show the hooks' output also where they succeeded"),
      Option(name: "json", help: "as JSON"),
      Option(name: "verify", help: "check that no recorded event was altered or is missing"),
      Option(name: "accept-loss", help: "go on with a log that lacks its end; the log says so"),
    ]
  ) { invocation in
    let store = try Session(invocation, acceptsCutOff: true).store
    if invocation.has("accept-loss") {
      let lease = try ControllerLease(home: try StateDirectory(path: invocation.statePath), now: Date())
      try await store.acceptLoss(by: SystemUser.name, now: Date())
      withExtendedLifetime(lease) {}
      return try await verify(store)
    }
    if invocation.has("verify") { return try await verify(store) }
    var filter = Store.LogFilter()
    filter.host = invocation["host"].map { Host.Name($0) }
    filter.lineage = invocation["cert"].map { Lineage.Name($0) }
    if let text = invocation["rollout"] {
      guard let number = Int(text), number > 0 else {
        throw UsageError(message: "'\(text.visible)' is not a rollout's number", command: invocation.command)
      }
      guard try await store.rollouts().contains(where: { $0.id.number == number }) else {
        throw BadInput("rollout \(number) is not stored; see: certfleet rollout list")
      }
      filter.rollout = Rollout.ID(number)
    }
    let events = try await store.events(filter)
    if events.isEmpty, let host = filter.host, try await !store.hosts().contains(where: { $0.name == host }) {
      let known = try await store.hosts().map(\.name.rawValue)
      throw BadInput.unknown("host", host.rawValue, among: known, listing: "host list")
    }
    if invocation.has("json") {
      Console.standard.result(try JSONText.encode(events, as: .events))
    } else {
      for logged in events {
        Console.standard.result(EventLine.log(logged.event, withOutput: invocation.has("output")))
      }
    }
    return .converged
  }

  private static func verify(_ store: Store) async throws -> ExitCode {
    let result = try await store.verifyLog()
    if let altered = result.firstAltered {
      Console.standard.result("event \(altered) is not what was recorded; \(result.count) before it are\n")
      return .failed
    }
    if let cutOff = result.cutOff {
      Console.standard.result("\(cutOff)\n")
      return .failed
    }
    Console.standard.result("\(result.count) events, none altered\n")
    return .converged
  }

  static let agentShow = Command(
    words: ["agent", "show"], summary: "show the script that runs on hosts, byte for byte"
  ) { _ in
    Console.standard.result(AgentScript.text)
    return .converged
  }
}
