import Fleet
import Foundation
import Inventory
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
    let (prune, isDryRun) = (invocation.has("prune"), invocation.has("dry-run"))
    // The state is made last: a file with a mistake, or a look at what would change, leaves nothing behind.
    var session = try Session(ifThere: invocation)
    let known = prune ? nil : try await session?.store.declaration()
    let declared = try InventoryFiles.read(
      invocation.operands, beside: known ?? FleetDeclaration(), asking: SSHConfiguration.settings)
    if !isDryRun { session = try session ?? Session(invocation, makes: true) }
    let changes =
      try await session?.store.apply(declared, prune: prune, dryRun: isDryRun, now: Date())
      ?? Store.Changes(adding: declared)
    if invocation.has("json") {
      Console.standard.result(try JSONText.encode(changes, as: .changes))
    } else {
      Console.standard.result(text(of: changes, isDryRun: isDryRun))
    }
    return .converged
  }

  private static func text(of changes: Store.Changes, isDryRun: Bool) -> String {
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
