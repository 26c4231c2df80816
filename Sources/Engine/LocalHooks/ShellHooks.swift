import Fleet
import System

/// Runs hooks on the controller by /bin/sh.
package struct ShellHooks: LocalHooks {
  package init() {}

  package func run(_ command: String, environment: [String: String], timeout: Duration) async
    -> LocalHookResult
  {
    do {
      let lists = try LongLists(environment)
      defer { lists.remove() }
      let environment = lists.environment
      let result = try await ChildProcess.shell(command, environment: environment, deadline: timeout).run()
      let outcome: Outcome =
        switch result.status {
        case _ where result.timedOut: .timedOut
        case 0: .succeeded
        case 129...192: .signalled(Int(result.status) - 128)
        default: .exited(Int(result.status))
        }
      return LocalHookResult(
        outcome: outcome, stdout: CapturedOutput(result.stdout), stderr: CapturedOutput(result.stderr))
    } catch { return LocalHookResult(outcome: .failed("\(error)")) }
  }
}
