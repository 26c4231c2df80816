import Controller
import Fleet
import FoundationEssentials
import Reporting
import Storage

extension Command {
  static let log = Command(
    words: ["log"], summary: "show what happened, oldest first",
    options: [
      Option(name: "host", value: "HOST", help: "only this host"),
      Option(name: "rollout", value: "N", help: "only this rollout"),
      Option(name: "cert", value: "CERT", help: "only this certificate"),
      Option(
        name: "since", value: "TIME",
        help: "only what happened since then: 24h, 2026-11-01, 2026-11-01T06:00:00Z"),
      Option(name: "all", help: "everything that happened, and not the last \(most) events alone"),
      Option(name: "output", help: "show the hooks' output also where they succeeded"), .json,
      Option(name: "verify", help: "check that no recorded event was altered or is missing"),
      Option(name: "accept-loss", help: "go on with a log that lacks its end; the log says so"),
    ]
  ) { invocation in
    let controller = try invocation.controller(acceptsCutOff: true)
    if invocation.has("accept-loss") { try await controller.acceptLoss(by: invocation.author) }
    if invocation.has("accept-loss") || invocation.has("verify") { return try await verify(controller) }
    let filter = Store.LogFilter(
      host: invocation["host"].map { Host.Name($0) },
      rollout: try invocation["rollout"].map {
        Rollout.ID(try Invocation.rolloutNumber($0, for: invocation.command))
      },
      lineage: invocation["cert"].map { Lineage.Name($0) },
      since: try invocation["since"].map { try moment($0, for: invocation.command) },
      most: invocation.has("all") || invocation["since"] != nil ? nil : most + 1)
    let events = try await controller.log(filter)
    let isCut = filter.most.map { events.count == $0 } ?? false
    if isCut { Console.standard.say("these are the last \(most) events; all of them: --all") }
    try invocation.show(
      LogReport(isCut ? Array(events.dropFirst()) : events, withOutput: invocation.has("output")))
    return .converged
  }

  private static let most = 100

  /// A time before now, or a moment.
  private static func moment(_ text: String, for command: Command) throws -> Date {
    if let ago = Duration(text: text) { return Date().addingTimeInterval(-ago.seconds) }
    let whole = text.count == 10 ? text + "T00:00:00Z" : text
    if let moment = try? Date(whole, strategy: .iso8601) { return moment }
    throw UsageError(
      message: "'\(text.visible)' is no time; write 24h, 2026-11-01 or 2026-11-01T06:00:00Z", command: command
    )
  }

  private static func verify(_ controller: Controller) async throws -> ExitStatus {
    let result = try await controller.store.verifyLog()
    if let altered = result.firstAltered {
      Console.standard.result("event \(altered) is not what was recorded; \(result.count) before it are\n")
      return .failed
    }
    if let missing = result.missingArchive {
      Console.standard.result(
        "events up to \(missing) were moved to files in history/, and these are not all there\n")
      return .failed
    }
    if let cutOff = result.cutOff {
      Console.standard.result("\(cutOff)\n")
      return .failed
    }
    let archived = result.archived == 0 ? "" : ", \(result.archived) of them in history/"
    Console.standard.result("\(result.count) events\(archived), none altered\n")
    return .converged
  }
}
