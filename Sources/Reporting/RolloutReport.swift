package import Fleet
package import FoundationEssentials
import Glibc

/// A rollout as it stands, for a person: what stopped it or what it waits for, which hosts, what the fleet serves now,
/// and which command goes on.
package struct RolloutReport: Sendable, Report {
  package static let schema = JSONText.Schema.rollout

  package let id: Rollout.ID
  package let policy: RolloutPolicy.Name
  package let planHash: String
  package let state: RolloutState
  package let reason: String
  package let waves: [Wave]
  package let hosts: [HostResult]
  /// What it waits for now.
  package let wait: RolloutWait?
  /// Who carries it out at this moment; `nil` where nobody does.
  package let carrier: String?
  private let isMassDrift: Bool
  private let startedAt: Date
  private let endedAt: Date?
  /// The certificates that it takes away.
  private let retired: [Lineage.Name]

  private enum CodingKeys: String, CodingKey {
    case id, policy, state, reason, waves, hosts
    case planHash = "plan_hash"
  }

  package struct Wave: Sendable, Encodable {
    package let number: Int
    package let state: WaveState
    package let reason: String
    package let hosts: [Host.Name]
    /// Which hosts it takes, as the policy says it.
    package let take: String
    /// When it came into its state.
    package let since: Date?
  }

  package struct HostResult: Sendable, Encodable {
    package let host: Host.Name
    package let wave: Int
    /// `nil` while its visit is under way, and where it was not begun.
    package let end: VisitEnd?
    package let isBegun: Bool
    /// Whether the visit was to take it back.
    package let isRevert: Bool
    package let reason: String
    package let attempt: Int

    private enum CodingKeys: String, CodingKey {
      case host, wave, end, reason, attempt
      case isBegun = "is_begun"
      case isRevert = "is_revert"
    }

    fileprivate var isFailure: Bool { end?.account == .failure }

    /// Where a way back did not come to its end, the host still has what it was to go back from.
    var isOnNew: Bool { isRevert ? end != nil && end != .rolledBack : end?.account == .success }
  }

  package init(_ rollout: Rollout, _ ledger: RolloutLedger, wait: RolloutWait? = nil, carrier: String? = nil)
  {
    (self.wait, self.carrier) = (wait, carrier)
    isMassDrift = rollout.plan.isMassDrift
    retired = rollout.plan.retires ? rollout.plan.lineages : []
    (id, policy, planHash) = (rollout.id, rollout.plan.policy.name, rollout.planHash)
    (state, reason) = (ledger.state, ledger.reason)
    waves = zip(rollout.plan.waves, ledger.waves).enumerated().map { index, pair in
      Wave(
        number: index + 1, state: pair.1.state, reason: pair.1.reason, hosts: pair.0.visits.map(\.host.name),
        take: pair.0.rule.take.description, since: pair.1.since)
    }
    (startedAt, endedAt) = (rollout.startedAt, rollout.endedAt)
    hosts = rollout.plan.waves.enumerated().flatMap { index, wave in
      wave.visits.map { planned in
        let visit = ledger.visits[planned.host.name]
        return HostResult(
          host: planned.host.name, wave: visit?.wave ?? index + 1, end: visit?.end, isBegun: visit != nil,
          isRevert: visit?.isRevert ?? false,
          reason: visit?.reason ?? "", attempt: visit?.attempt ?? 0)
      }
    }
  }

  /// A tree: the rollout, its waves, and what came of their hosts.
  package func text(now: Date) -> String {
    var text = "rollout \(id) (policy \(policy)): \(standing)\n"
    text += "  begun \(startedAt.age(at: now))"
    text += endedAt.map { ", took \(Duration.seconds($0.timeIntervalSince(startedAt)).short)\n" } ?? "\n"
    for wave in waves {
      let isLast = wave.number == waves.count
      // What it waited for when that was recorded may be given by now.
      let reason = wave.state == .gated && state == .paused ? "" : wave.reason
      let why = reason.isEmpty ? "" : ": \(reason.visible)"
      let since = wave.state == .pending ? "" : wave.since.map { ", \($0.age(at: now))" } ?? ""
      text += "\(isLast ? "└" : "├") wave \(wave.number) (\(wave.take)) \(wave.state.words)\(since)\(why)\n"
      text += outcomes(of: wave.number).map { "\(isLast ? " " : "│")   \($0)\n" }.joined()
    }
    return text + next
  }

  /// Its state; of one that waits, for what, or that nothing keeps it any more.
  package var standing: String {
    switch state {
    case .paused: massDriftWords + (wait?.words ?? doubt ?? "goes on at the next run")
    default: state.words + (reason.isEmpty ? "" : ": \(reason.visible)")
    }
  }

  private var massDriftWords: String {
    guard isMassDrift, case .approval = wait else { return "" }
    return "\(hosts.count) hosts have drifted at once, and the error may be elsewhere; "
  }

  /// Why a wave was left half-way: a host that could not be asked how its visit ended, or what it serves.
  private var doubt: String? {
    waves.first { $0.state == .draining && !$0.reason.isEmpty }?.reason.visible
  }

  /// Hosts with the same outcome together.
  private func outcomes(of wave: Int) -> [String] {
    let own = hosts.filter { $0.wave == wave }
    let groups = Dictionary(grouping: own) { host in
      host.end.map { $0.words + (host.reason.isEmpty ? "" : ": \(host.reason.visible.shortened(to: 200))") }
        ?? (host.isBegun ? "at work" : "not started")
    }
    // What a person looks for is first.
    return groups.sorted {
      let (bad, worse) = ($0.value[0].isFailure, $1.value[0].isFailure)
      return bad == worse ? $0.value[0].host < $1.value[0].host : bad
    }.map { outcome, hosts in
      let (name, reason) = outcome.split(at: ": ")
      let count = hosts.count == 1 ? "" : "\(hosts.count) "
      return "\(count)\(name): \(HostSet.folded(hosts.map(\.host)))" + (reason.isEmpty ? "" : ": \(reason)")
    }
  }

  private static let mostFailures = 5

  /// The hosts that did not end well and why, those with the same reason together; for where the waves are not shown.
  package var failures: String {
    let failed = hosts.filter(\.isFailure)
    let groups = Dictionary(grouping: failed) {
      "\($0.end?.words ?? ""): \($0.reason.visible.shortened(to: 300))"
    }
    .sorted { $0.value[0].host < $1.value[0].host }
    let lines = groups.prefix(Self.mostFailures).map { "\(HostSet.folded($1.map(\.host))): \($0)\n" }
    let more = groups.count - lines.count
    return lines.joined() + (more > 0 ? "and \(more) more kinds of failures: \(Remedy.showPlan(id))\n" : "")
  }

  private func named(_ holds: (HostResult) -> Bool) -> String {
    HostSet.folded(hosts.filter(holds).map(\.host))
  }

  /// What the hosts serve, and what to do next.
  package var next: String {
    let lines = [
      served, badly, "", advice,
    ].filter { !$0.isEmpty }
    return lines.map { $0 + "\n" }.joined()
  }

  private var served: String {
    let new = named(\.isOnNew)
    if !retired.isEmpty {
      let rest = named { !$0.isOnNew }
      return [
        new.isEmpty ? "" : "taken away from: \(new)", rest.isEmpty ? "" : "still on: \(rest)",
      ].filter { !$0.isEmpty }.joined(separator: "; ")
    }
    let placed = named { $0.end == .placed }
    let others = named { $0.isBegun && !$0.isOnNew && $0.end != .placed }
    let parts = [
      new.isEmpty ? "no host was brought to the new certificate" : "on the new certificate: \(new)",
      placed.isEmpty ? "" : "installed, and another is served still: \(placed)",
      others.isEmpty ? "" : "not: \(others)",
      named { !$0.isBegun }.isEmpty ? "" : "not started: \(named { !$0.isBegun })",
    ]
    return parts.filter { !$0.isEmpty }.joined(separator: "; ")
  }

  private var badly: String {
    let dirty = hosts.filter { $0.end == .failedDirty }.map(\.host)
    guard let first = dirty.first else { return "" }
    return "needs a person: \(HostSet.folded(dirty)), as its log tells: \(Remedy.showLog(id, host: first))"
  }

  private var again: [Remedy] { retired.isEmpty ? [.retry(id)] : retired.map { .retire($0) } }

  private var advice: String {
    if let carrier, !state.isEnd { return "\(carrier) carries it out: \(Remedy.watch(id))" }
    return switch state {
    case .succeeded, .superseded, .planned: ""
    case .running, .halting, .rollingBack: "go on with: \(Remedy.run)"
    case .paused:
      switch wait {
      case .approval(let wave): "approve with: \(Remedy.approve(id, wave: wave)); then: \(Remedy.run)"
      case .person: "go on with: \(Remedy.resume(id)); then: \(Remedy.run)"
      case .window: "a run in its window goes on; at once, which is logged: \(Remedy.startNow(id))"
      case .bake: "a run after that goes on: \(Remedy.run)"
      case nil: "go on with: \(Remedy.run)"
      }
    case .partial, .halted, .rolledBack, .rollbackFailed, .cancelled:
      "when what kept them is mended, try again at once: \(again.map(\.description).joined(separator: "; "))"
    }
  }
}

extension String {
  fileprivate func split(at separator: String) -> (String, String) {
    guard let place = firstRange(of: separator) else { return (self, "") }
    return (String(self[..<place.lowerBound]), String(self[place.upperBound...]))
  }
}
