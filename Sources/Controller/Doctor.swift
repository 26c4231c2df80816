import Fleet
package import FoundationEssentials
import Glibc
package import Reporting
import Storage
import System

/// What is in the way of certificates that serve, or will be, before anything fails.
extension Controller {
  /// Looks at state, time, issuers and fleet; asks CAs and the DNS, and no host.
  ///
  /// - Returns: the worst first.
  package func examine(now: Date = Date()) async throws -> [Finding] {
    var found = try await stateFindings()
    found += try await sharedFindings(now)
    found += try await timeFindings(now)
    found += try await fleetFindings(now)
    found += try await policyFindings(now)
    found += try await issuerFindings()
    return Finding.Severity.allCases.flatMap { severity in found.filter { $0.severity == severity } }
  }

  /// Below that a database that has to grow cannot.
  private static let leastSpace: UInt64 = 200 << 20
  private static let largeDatabase = 2 << 30

  private func stateFindings() async throws -> [Finding] {
    var findings: [Finding] = []
    let damage = try await store.damage()
    if let first = damage.first {
      findings.append(
        Finding(
          .problem, "the database in \(home.path) is damaged: \(first)",
          mend: "restore the last backup: certfleet restore FILE"))
    }
    var disk = statvfs()
    if statvfs(home.path, &disk) == 0 {
      let free = UInt64(disk.f_bavail) * UInt64(disk.f_frsize)
      if free < Self.leastSpace {
        findings.append(
          Finding(
            .problem, "only \(free >> 20) MB are free at \(home.path)",
            mend:
              "free some space, or move the state: certfleet backup FILE, then certfleet restore FILE --home DIR"
          ))
      }
    }
    let size = try await store.bytesInUse()
    if size > Self.largeDatabase {
      findings.append(
        Finding(
          .warning, "what is stored takes \(size >> 20) MB",
          mend: "keep less of what happened in it: history: { keep: \"90d\" } in the inventory"))
    }
    return findings
  }

  private static let day = 86400.0
  /// What a timer of every hour leaves between two runs, and what one of every day does.
  private static let (pauseOfTimer, pauseOfRuns) = (2 * 3600.0, 26 * 3600.0)

  private func timeFindings(_ now: Date) async throws -> [Finding] {
    var findings: [Finding] = []
    let declared = try await store.declaration()
    let ended = try await store.runMoments().map { Date(timeIntervalSince1970: $0.endedAt) }
    let isStopped = await TimerSchedule.isStopped(environment)
    func isOver(_ pause: Double) -> Bool { ended.map { now.timeIntervalSince($0) > pause } ?? true }
    let since =
      ended.map { "no run has ended for \($0.distance(from: now))" }
      ?? "no run has ever ended: nothing is renewed by itself"
    if !declared.lineages.isEmpty, isStopped, isOver(Self.pauseOfTimer) {
      findings.append(
        Finding(
          isOver(Self.pauseOfRuns) ? .problem : .warning,
          "certfleet.timer is installed and stopped; \(since)",
          mend: "systemctl enable --now certfleet.timer"))
    } else if !declared.lineages.isEmpty, isOver(Self.pauseOfRuns) {
      findings.append(
        Finding(
          .problem, since,
          mend:
            "\(Remedy.run), and by a timer from then on: systemctl enable --now certfleet.timer, or cron: 17 * * * * certfleet run --quiet"
        ))
    }
    for rollout in try await listRollouts(limit: 20, now: now) {
      guard case .approval(let wave) = rollout.wait, now.timeIntervalSince(rollout.startedAt) > Self.day
      else {
        continue
      }
      findings.append(
        Finding(
          .warning, "rollout \(rollout.id), begun \(rollout.startedAt.age(at: now)), waits for approval",
          mend: "\(Remedy.approve(rollout.id, wave: wave)); or \(Remedy.cancel(rollout.id))"))
    }
    for warning in try await scheduleWarnings(now: now) {
      findings.append(
        Finding(.warning, warning.words, mend: "systemctl edit certfleet.timer, or the policy's window"))
    }
    return findings
  }
}
