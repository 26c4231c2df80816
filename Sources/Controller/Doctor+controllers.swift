import Fleet
import FoundationEssentials
import Reporting
import Storage

/// What of a shared database, and of the controllers that share it, is in the way.
extension Controller {
  #if PostgreSQL
    /// What clocks may be apart.
    private static let clockDifference = 30.0

    func sharedFindings(_ now: Date) async throws -> [Finding] {
      guard let server = try await store.databaseServer() else { return [] }
      var findings = findings(of: server)
      let known = try await store.controllers()
      let lost = known.filter { !$0.isLiving }
      // One that came back is not missed.
      let living = Set(known.filter(\.isLiving).map(\.name))
      for one in lost where !living.contains(one.name) {
        findings.append(
          Finding(
            .warning,
            "controller \(one.name) (\(one.process)) was lost: nothing was heard of it since \(one.seenAt.ISO8601Format())",
            mend: "look at its machine; what it was at is taken over by the others: certfleet controllers"))
      }
      let versions = Set(known.filter(\.isLiving).map(\.version)).sorted()
      if versions.count > 1 {
        findings.append(
          Finding(
            .warning, "controllers of several versions are at work: \(versions.joined(separator: ", "))",
            mend: "upgrade all of them: certfleet controllers"))
      }
      return findings + (try await siteFindings(now))
    }

    private func findings(of server: DatabaseServer) -> [Finding] {
      var findings: [Finding] = []
      if !server.keepsWrites {
        findings.append(
          Finding(
            .problem,
            "the database server does not wait for its disk (fsync is off): after a crash it may be damaged",
            mend: "psql -c 'ALTER SYSTEM SET fsync = on' -c 'SELECT pg_reload_conf()'"))
      }
      if !server.keepsCommits {
        findings.append(
          Finding(
            .problem,
            "the database server tells commits before they are on its disk (synchronous_commit is off): after a crash nobody may know what was done on hosts",
            mend: "psql -c 'ALTER SYSTEM RESET synchronous_commit' -c 'SELECT pg_reload_conf()'"))
      }
      let apart = abs(server.now.timeIntervalSinceNow)
      if apart > Self.clockDifference {
        findings.append(
          Finding(
            .warning, "this machine's clock and the database server's are \(Int(apart)) s apart",
            mend: "timedatectl set-ntp true, on both"))
      }
      return findings
    }

    /// A controller that a timer starts is not at work most of the time; it has looked at its hosts within this time.
    private static let pauseOfLooks = 2 * 86400.0

    private func siteFindings(_ now: Date) async throws -> [Finding] {
      let (served, lineages) = (try await servedSites(), try await store.lineages())
      let looks = try await store.observations().mapValues { $0.values.compactMap(\.lookedAt).max() }
      let left = try await store.hosts().filter { host in
        let isSeen = looks[host.name].flatMap { $0 }.map { now.timeIntervalSince($0) < Self.pauseOfLooks }
        return !reaches(host, from: served) && isSeen != true && lineages.contains { $0.goes(to: host) }
      }
      return Dictionary(grouping: left) { $0.site ?? "" }.sorted { $0.key < $1.key }.map { site, hosts in
        Finding(
          .problem, "nobody serves site \(site) of \(HostSet.folded(hosts.map(\.name)))",
          mend: "start a controller there, with sites: [\"\(site)\"] in its certfleet.conf")
      }
    }
  #else
    func sharedFindings(_ now: Date) async throws -> [Finding] { [] }
  #endif
}
