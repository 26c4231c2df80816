import Controller
import Fleet
import FoundationEssentials
import Reporting
import Storage

extension Command {
  static let apply = Command(
    words: ["apply"], summary: "store what the inventory files declare, and show what changed",
    operands: ["PATH..."],
    options: [
      Option(name: "dry-run", help: "only show what would change"),
      Option(name: "prune", help: "remove what is stored and no longer declared"), .yes,
      Option(name: "json", help: "show the changes as JSON"),
    ]
  ) { invocation in
    let isDryRun = invocation.has("dry-run")
    let changes = try await Controller.apply(
      invocation.operands, at: invocation.statePath, environment: invocation.environment,
      prune: invocation.has("prune"), isDryRun: isDryRun,
      note: { Console.standard.say("certfleet: \($0)") }
    ) { changes in
      for removed in changes.removed { Console.standard.say("- \(removed)") }
      return try invocation.confirm(
        "remove these \(changes.removed.count), with what is known of their state here; hosts keep what they have?"
      )
    }
    guard let changes else { throw Declined(description: "nothing was stored") }
    try invocation.show(AppliedChanges(changes: changes, isDryRun: isDryRun))
    if isDryRun { return .converged }
    let controller = try invocation.controller()
    for warning in try await controller.scheduleWarnings() { Console.standard.say(warning.line) }
    if !changes.isEmpty {
      let lines =
        InventoryWarnings.lines(of: try await controller.store.declaration())
        + CertificateShortfall.lines(of: try await controller.unverified(), now: Date())
        + LeftOvers.lines(of: try await controller.leftOvers())
      for line in lines { Console.standard.say("certfleet: \(line)") }
    }
    if !invocation.has("json"), let (next, unpinned) = try await controller.nextStep() {
      let why =
        unpinned.isEmpty ? "" : " (no host key is pinned for \(HostSet.folded(unpinned)); compare each)"
      Console.standard.result("next: \(next)\(why)\n")
    }
    return .converged
  }
}

private struct AppliedChanges: Report {
  static let schema = JSONText.Schema.changes
  let changes: Store.Changes
  let isDryRun: Bool

  func encode(to encoder: any Encoder) throws { try changes.encode(to: encoder) }

  func text(now: Date) -> String { text(now: now, on: .plain) }

  func text(now: Date, on screen: Screen) -> String {
    let undeclared = changes.undeclared.map {
      "\($0) is stored and not declared here; --prune would remove it\n"
    }.joined()
    if changes.isEmpty { return undeclared + "nothing changes\n" }
    let lines =
      changes.added.map { "+ \($0)\n" }
      + changes.changed.map { "~ \($0)\n" + ChangedFields.text(changes.fields[$0] ?? [], on: screen) }
      + changes.removed.map { "- \($0)\n" }
    let counts =
      "\(changes.added.count) added, \(changes.changed.count) changed, \(changes.removed.count) removed"
    return lines.joined() + undeclared + counts
      + (isDryRun ? " (dry run: nothing was stored)\n" : "\n")
  }
}
