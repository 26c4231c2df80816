import Controller
import FoundationEssentials
import Reporting
import Storage

extension Command {
  static let apply = Command(
    words: ["apply"], summary: "store what the inventory files declare, and show what changed",
    operands: ["PATH..."],
    options: [
      Option(name: "dry-run", help: "only show what would change"),
      Option(name: "prune", help: "remove what is stored and no longer declared"),
      Option(name: "json", help: "show the changes as JSON"),
    ]
  ) { invocation in
    let isDryRun = invocation.has("dry-run")
    let changes = try await Controller.apply(
      invocation.operands, at: invocation.statePath, environment: invocation.environment,
      prune: invocation.has("prune"), isDryRun: isDryRun)
    try invocation.show(AppliedChanges(changes: changes, isDryRun: isDryRun))
    return .converged
  }
}

private struct AppliedChanges: Report {
  static let schema = JSONText.Schema.changes
  let changes: Store.Changes
  let isDryRun: Bool

  func encode(to encoder: any Encoder) throws { try changes.encode(to: encoder) }

  func text(now: Date) -> String {
    let undeclared = changes.undeclared.map {
      "\($0) is stored and not declared here; --prune would remove it\n"
    }.joined()
    if changes.isEmpty { return undeclared + "nothing changes\n" }
    let lines =
      changes.added.map { "+ \($0)" } + changes.changed.map { "~ \($0)" } + changes.removed.map { "- \($0)" }
    let counts =
      "\(changes.added.count) added, \(changes.changed.count) changed, \(changes.removed.count) removed"
    return lines.joined(separator: "\n") + "\n" + undeclared + counts
      + (isDryRun ? " (dry run: nothing was stored)\n" : "\n")
  }
}
