import Fleet
import FoundationEssentials

/// Finds what is not as it should be, and puts together what is the same.
struct Troubles: Sendable {
  private var groups: [Key: Trouble] = [:]
  /// In which rollout it was last.
  private var latest: [Key: Rollout.ID] = [:]
  private let lastRollout: RolloutSummary?

  /// What makes two the same: numbers, and the names of host and certificate, differ from host to host.
  private struct Key: Hashable {
    let kind: Trouble.Kind
    /// For what is a rollout's own, and not a host's.
    let rollout: Rollout.ID?
    let text: [UInt8]
  }

  static func all(
    _ statuses: [HostCertificateStatus], _ shortfalls: [CertificateShortfall], rollouts: [RolloutSummary],
    unpinned: [Host.Name], now: Date
  ) -> [Trouble] {
    var troubles = Troubles(lastRollout: rollouts.first)
    let unpinnedHosts = Set(unpinned)
    for status in statuses where !unpinnedHosts.contains(status.host) {
      if !status.isConverged || status.lastEnd == .degraded { troubles.take(status) }
    }
    for shortfall in shortfalls { troubles.take(shortfall, now: now) }
    for rollout in rollouts { troubles.take(rollout) }
    if !unpinned.isEmpty {
      let only = unpinned.count == 1 ? unpinned[0] : nil
      troubles.add(
        Trouble(
          .notPinned, hosts: unpinned, what: "no host key is pinned, so nobody goes there",
          commands: [.pinHost(only)]))
    }
    return troubles.sorted
  }

  private init(lastRollout: RolloutSummary?) { self.lastRollout = lastRollout }

  private var sorted: [Trouble] {
    groups.values.map { trouble in
      var trouble = trouble
      trouble.hosts = Set(trouble.hosts).sorted()
      trouble.certificates = Set(trouble.certificates).sorted()
      return trouble
    }.sorted { left, right in
      let (first, second) = (left.kind.rank, right.kind.rank)
      return first == second ? left.hosts.count > right.hosts.count : first < second
    }
  }

  /// - Parameter visit: the rollout in which a host had it.
  private mutating func add(_ trouble: Trouble, rollout: Rollout.ID? = nil, visit: Rollout.ID? = nil) {
    let key = Key(kind: trouble.kind, rollout: rollout, text: trouble.likeness)
    guard var known = groups[key] else {
      (groups[key], latest[key]) = (trouble, visit)
      return
    }
    // Where it is to be read and tried again is where it was last.
    if let visit, let last = latest[key], last < visit {
      (known.what, known.reason, known.commands) = (trouble.what, trouble.reason, trouble.commands)
      latest[key] = visit
    }
    known.hosts += trouble.hosts
    known.certificates += trouble.certificates
    known.since = [known.since, trouble.since].compactMap { $0 }.min()
    groups[key] = known
  }

  private mutating func take(_ status: HostCertificateStatus) {
    let (host, lineage, reason) = (status.host, status.lineage, status.lastReason.visible)
    func trouble(_ kind: Trouble.Kind, _ what: String, _ reason: String, _ commands: [Remedy]) -> Trouble {
      Trouble(
        kind, hosts: [host], certificates: [lineage], what: what, reason: reason.shortened(to: 300),
        since: status.lastAt, commands: commands)
    }
    let inRollout = status.lastRollout.map { " in rollout \($0)" } ?? ""
    if let end = status.lastEnd, end.account == .failure || end == .refused {
      let log = status.lastRollout.map { [Remedy.showLog($0, host: host)] } ?? []
      let kind: Trouble.Kind = end == .failedDirty ? .failedDirty : end == .refused ? .refused : .failed
      let what = end == .refused ? "lets nobody in\(inRollout)" : end.words + inRollout
      add(trouble(kind, what, reason, log + [next(after: status)]), visit: status.lastRollout)
    } else if let drift = status.drift, status.wanted == status.active {
      let detail = (status.driftDetail ?? "").visible
      var found = trouble(.drifted, "has drifted", "\(drift.words): \(detail)", [.showHost(host), .run])
      found.since = status.driftedAt
      add(found)
    } else if status.lastEnd == .placed, status.wanted == status.active {
      add(
        trouble(
          .placed, "is there, and another is served still",
          reason.isEmpty ? "point the server's configuration at it, and reload" : reason, [.look]))
    } else if status.lastEnd?.account == .unreachable {
      add(
        trouble(.unreachable, (status.lastEnd?.words ?? "") + inRollout, reason, [next(after: status)]),
        visit: status.lastRollout)
    } else if status.lastEnd == .degraded, status.isConverged {
      let log = status.lastRollout.map { [Remedy.showLog($0, host: host)] } ?? []
      add(
        trouble(.degraded, "is served, and the visit\(inRollout) ended degraded", reason, log),
        visit: status.lastRollout)
    } else if status.active != nil, !status.isKept {
      add(trouble(.unfinished, "the visit is under way or was interrupted", "", [.run]))
    }
  }

  /// A rollout that has ended is tried again; else the next run goes on.
  private func next(after status: HostCertificateStatus) -> Remedy {
    guard let lastRollout, status.lastRollout == lastRollout.id, lastRollout.state.isEnd,
      lastRollout.state != .superseded
    else { return .run }
    return .retry(lastRollout.id)
  }

  private mutating func take(_ shortfall: CertificateShortfall, now: Date) {
    switch shortfall {
    case .ended(let lineage, let hosts, let end):
      add(
        Trouble(
          .ended, hosts: hosts, certificates: [lineage],
          what: end <= now ? "has ended" : "ends within the hour",
          since: end <= now ? end : nil, commands: [.showCertificate(lineage.declared)]))
    case .overdue(let lineage, let since):
      add(
        Trouble(
          .overdue, certificates: [lineage], what: "its renewal is overdue", since: since,
          commands: [.showCertificate(lineage.declared), .run]))
    case .notIssued(let lineage, let why):
      add(
        Trouble(
          .notIssued, certificates: [lineage], what: "is not issued", reason: why.visible.shortened(to: 300),
          commands: [.showCertificate(lineage.declared)]))
    case .renewalFails(let lineage, let backoff, let isUrgent):
      let again =
        backoff.retryAt <= now
        ? "the next run tries again" : "tried again in \(backoff.retryAt.distance(from: now))"
      add(
        Trouble(
          isUrgent ? .overdue : .renewalFails, certificates: [lineage],
          what: "\(backoff.failedRenewal), \(again)", reason: backoff.reason.visible.shortened(to: 300),
          commands: [.showCertificate(lineage.declared), .issue(lineage.declared)]))
    case .unseen(let hosts, let since):
      add(
        Trouble(
          .unseen, hosts: hosts, what: since == nil ? "not seen yet" : "not seen for too long, last",
          since: since,
          commands: [.look]))
    case .lacksNames, .fromStandIn, .unverified: break
    }
  }

  private mutating func take(_ rollout: RolloutSummary) {
    guard rollout.state == .paused else { return }
    switch rollout.wait {
    case .approval(let wave):
      add(
        Trouble(
          .waitsForApproval, certificates: rollout.certificates,
          what: "rollout \(rollout.id): wave \(wave) of \(rollout.waves) waits for approval",
          since: rollout.startedAt, commands: [.showRollout(rollout.id), .approve(rollout.id, wave: wave)]),
        rollout: rollout.id)
    case .person(let name):
      add(
        Trouble(
          .paused, certificates: rollout.certificates,
          what: "rollout \(rollout.id) is paused by \(name.visible)", since: rollout.startedAt,
          commands: [.resume(rollout.id)]), rollout: rollout.id)
    case .window, .bake, nil: break
    }
  }
}

extension Trouble.Kind {
  fileprivate var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

extension Trouble {
  fileprivate var likeness: [UInt8] {
    Likeness.of("\(what) \(reason)", without: hosts.map(\.rawValue) + certificates.map(\.rawValue))
  }
}
