import Controller
import Fleet
import Reporting
import Storage

extension Command {
  static let log = Command(
    words: ["log"], summary: "show what happened, oldest first",
    options: [
      Option(name: "host", value: "HOST", help: "only this host"),
      Option(name: "rollout", value: "N", help: "only this rollout"),
      Option(name: "cert", value: "CERT", help: "only this certificate"),
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
      lineage: invocation["cert"].map { Lineage.Name($0) })
    try invocation.show(
      LogReport(try await controller.log(filter), withOutput: invocation.has("output")))
    return .converged
  }

  private static func verify(_ controller: Controller) async throws -> ExitStatus {
    let result = try await controller.store.verifyLog()
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
}
