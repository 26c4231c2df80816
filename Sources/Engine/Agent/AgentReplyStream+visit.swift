import Agents
import Fleet

extension AgentReplyStream {
  /// What the agent says in a visit.
  static func visit(_ visit: PlannedVisit, nonce: String) -> AgentReplyStream {
    AgentReplyStream(
      nonce: nonce,
      order: AgentReplyOrder(.visit, asksForWord: Verifier.confirmTimeout(for: visit) > .zero),
      limits: limits(of: visit, silence: patience), instances: instances(of: visit))
  }

  /// What it says of an earlier one. That may still be under way there, and ends by its own deadlines.
  static func query(_ visit: PlannedVisit, nonce: String) -> AgentReplyStream {
    AgentReplyStream(
      nonce: nonce, order: AgentReplyOrder(.query), limits: limits(of: visit, silence: nil),
      instances: instances(of: visit))
  }

  /// What it says to a preflight alone.
  static func check(_ visit: PlannedVisit, nonce: String) -> AgentReplyStream {
    AgentReplyStream(
      nonce: nonce, order: AgentReplyOrder(.check),
      limits: Limits(time: patience * 2, silence: patience, frames: 2000))
  }

  /// How long the agent may be silent between two frames, beside what its hook may take.
  private static let patience = Duration.seconds(60)
  /// What the programs of hook directories may take together, beyond what is known of them.
  private static let folders = Duration.seconds(600)
  private static let mostInFolder = 200

  private static func limits(of visit: PlannedVisit, silence: Duration?) -> Limits {
    // Each hook twice, as itself and in the rollback or a recovery, with begin, two streams and its step; and six
    // steps for each certificate. How many programs are in a folder only the host knows.
    let folders = visit.certificates.reduce(0) { $0 + $1.hooks.directories.count }
    let hooks = AgentHooks(visit)
    let frames =
      100 + hooks.all.count * 16 + visit.certificates.count * (24 + folders * mostInFolder)
    // A recovery of an earlier visit may come first; its hooks are taken to be like these.
    return Limits(time: longest(visit) * 2 + patience, silence: silence, frames: frames, hooks: hooks)
  }

  /// What a visit may take when everything in it takes its whole time and is rolled back.
  static func longest(_ visit: PlannedVisit) -> Duration {
    let waiting = AgentHooks(visit).all.reduce(Duration.zero) { total, entry in
      total + (entry.hook.timeout + .seconds(10))
        * (entry.moment == .deploy || entry.moment == .verify ? 2 : 1)
    }
    let folders = visit.certificates.contains { !$0.hooks.directories.isEmpty } ? Self.folders : .zero
    return waiting + folders + Verifier.confirmTimeout(for: visit) + patience
  }

  private static func instances(of visit: PlannedVisit) -> [Lineage.Name: Lineage.Name] {
    Dictionary(
      visit.certificates.map { ($0.lineage.declared, $0.lineage) }, uniquingKeysWith: { first, _ in first })
  }
}
