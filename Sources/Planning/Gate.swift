package import Fleet
package import FoundationEssentials

/// What has to be given before a wave may begin.
package enum Gate {
  /// The longest that a rollout takes beside its bakes is not known; this much is taken for it when a window is
  /// weighed against the end of a certificate.
  private static let margin = 3600.0

  package enum Answer: Hashable, Sendable {
    case open
    /// It is not, and why the rollout goes on all the same, as a person must read it.
    case overridden(String)
    /// What it waits for.
    case closed(String)
  }

  /// Whether a wave that needs it is approved.
  package static func approval(_ wave: PlannedWave, number: Int, orders: OperatorInstructions) -> Answer {
    guard wave.rule.needsApproval, !orders.approvedWaves.contains(number) else { return .open }
    return .closed("wave \(number) waits for approval")
  }

  /// Whether visits may begin now. A window that opens too late for a certificate that hosts still have does not
  /// count; an approval that nobody gives does.
  package static func window(
    of plan: Plan, at now: Date, orders: OperatorInstructions = OperatorInstructions()
  ) -> Answer {
    let windows = plan.policy.windows
    guard !windows.isEmpty, !windows.contains(where: { $0.closing(at: now) != nil }) else { return .open }
    if let person = orders.startedNowBy { return .overridden("outside the window, by \(person)") }
    let opening = windows.compactMap { $0.nextOpening(after: now) }.min()
    let bakes = plan.waves.reduce(0) { $0 + $1.rule.bake.seconds }
    if let deadline = plan.deadline, opening.map({ deadline < $0.addingTimeInterval(bakes + margin) }) ?? true
    {
      let opens = opening.map { "opens at \($0.ISO8601Format())" } ?? "does not open within a week"
      return .overridden(
        "the window \(windows.map(\.description).joined(separator: ", ")) \(opens), too late for a certificate that must be replaced by \(deadline.ISO8601Format())"
      )
    }
    if opening == nil, let unknown = windows.first(where: { !$0.isZoneKnown }) {
      return .closed(
        "the time zone '\(unknown.zone)' of the window is not on this machine; install it (Debian: tzdata)")
    }
    let opens = opening.map { "opens at \($0.ISO8601Format())" } ?? "does not open within a week"
    return .closed("waits for its window \(windows.map(\.description).joined(separator: ", ")) \(opens)")
  }
}
