package import Fleet
package import FoundationEssentials

// The listings: what each row says, and the table that people read.

package struct ListedAccount: Sendable, Codable {
  package let issuer: Issuer.Name
  package let directory: String
  /// `nil` until the CA has answered.
  package let url: URL?
  package let contact: [String]
  package let keyFingerprint: String

  private enum CodingKeys: String, CodingKey {
    case issuer, directory, url, contact
    case keyFingerprint = "key_fingerprint"
  }

  package init(issuer: Issuer.Name, directory: String, url: URL?, contact: [String], keyFingerprint: String) {
    self.issuer = issuer
    self.directory = directory
    self.url = url
    self.contact = contact
    self.keyFingerprint = keyFingerprint
  }
}

/// A controller at work, of several that share the state.
package struct ListedController: Sendable, Codable {
  package let name: String
  package let sites: [String]
  /// `leads`, `at work` or `lost`.
  package let state: String
  /// Visits that it is at.
  package let visits: Int
  package let process: String
  package let version: String
  package let since: Date
  package let seenAt: Date

  private enum CodingKeys: String, CodingKey {
    case name, sites, state, visits, process, version, since
    case seenAt = "seen_at"
  }

  package init(
    name: String, sites: [String], state: String, visits: Int, process: String, version: String, since: Date,
    seenAt: Date
  ) {
    (self.name, self.sites, self.state, self.visits) = (name, sites, state, visits)
    (self.process, self.version, self.since, self.seenAt) = (process, version, since, seenAt)
  }
}

package struct ListedHost: Sendable, Codable {
  package let host: Host
  package let pinned: [HostKey]
  /// How many certificates go to it, and how many of them are there as they should be.
  package let certificates: Int
  package let good: Int
  /// Since when nobody has seen all of them; `nil` where one was never seen.
  package let seenAt: Date?

  private enum CodingKeys: String, CodingKey {
    case host, pinned, certificates, good
    case seenAt = "seen_at"
  }

  package init(host: Host, pinned: [HostKey], statuses: [HostCertificateStatus] = []) {
    self.host = host
    self.pinned = pinned
    certificates = statuses.count
    good = statuses.count(where: \.isConverged)
    let moments = statuses.compactMap(\.seenAt)
    seenAt = moments.count == statuses.count ? moments.min() : nil
  }
}

package struct ListedCertificate: Sendable, Codable {
  package let lineage: Lineage
  package let newest: Certificate?
  /// When it will be renewed.
  package let renewal: Date?

  package init(lineage: Lineage, newest: Certificate?, renewal: Date?) {
    self.lineage = lineage
    self.newest = newest
    self.renewal = renewal
  }
}

extension ListedController: ReportRow {
  package static let schema = JSONText.Schema.controllers

  package static func text(of rows: [ListedController], now: Date) -> String {
    guard !rows.isEmpty else { return "no controller is at work\n" }
    var table = Table("CONTROLLER", "STATE", "VISITS", "SITES", "SINCE", "SEEN", "VERSION", "PROCESS")
    for row in rows {
      table.add(
        row.name, row.state, String(row.visits), row.sites.isEmpty ? "-" : row.sites.joined(separator: ","),
        row.since.age(at: now), row.seenAt.age(at: now), row.version, row.process)
    }
    return table.text
  }
}

extension ListedHost: ReportRow {
  package static let schema = JSONText.Schema.hosts

  package static func text(of rows: [ListedHost], now: Date) -> String {
    var table = Table("NAME", "ADDRESS", "LOGIN", "VIA", "KEY", "SEEN", "CERTS", "LABELS")
    for listed in rows {
      let host = listed.host
      let labels = host.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
      table.add(
        host.name.rawValue, host.address + (host.port == 22 ? "" : ":\(host.port)"),
        (host.user ?? "(you)") + (host.become.map { ", \($0.method.rawValue)" } ?? ""),
        host.via.map { "\($0)" } ?? "-",
        host.showsKey ? (listed.pinned.isEmpty ? "not pinned" : "pinned") : "this machine",
        listed.certificates == 0 ? "-" : listed.seenAt.map { $0.age(at: now) } ?? "never",
        listed.certificates == 0 ? "none" : "\(listed.good)/\(listed.certificates)",
        labels.joined(separator: ","))
    }
    return table.text
  }
}

extension ListedCertificate: ReportRow {
  package static let schema = JSONText.Schema.certificates

  package static func text(of rows: [ListedCertificate], now: Date) -> String {
    // What ends first is first.
    let rows = rows.sorted { left, right in
      let (first, second) = (left.newest?.notAfter ?? .distantPast, right.newest?.notAfter ?? .distantPast)
      return first == second ? left.lineage.name < right.lineage.name : first < second
    }
    var table = Table("ENDS IN", "RENEWS", "NAME", "GEN", "ISSUER", "NAMES")
    for listed in rows {
      let newest = listed.newest
      table.add(
        newest.map { $0.notAfter <= now ? "ENDED" : $0.notAfter.distance(from: now) } ?? "none yet",
        listed.renewal.map { $0 <= now ? "due" : $0.distance(from: now) }
          ?? (newest == nil ? "due" : "by its issuer"),
        listed.lineage.name.rawValue, newest.map { $0.generation.description } ?? "-",
        listed.lineage.issuer.rawValue, listed.lineage.domains.joined(separator: ",").shortened(to: 60))
    }
    return table.text
  }
}

extension ListedAccount: ReportRow {
  package static let schema = JSONText.Schema.accounts

  package static func text(of rows: [ListedAccount], now: Date) -> String {
    var table = Table("ISSUER", "DIRECTORY", "ACCOUNT", "CONTACT", "KEY")
    for account in rows {
      table.add(
        account.issuer.rawValue, account.directory, account.url?.absoluteString ?? "not registered yet",
        account.contact.joined(separator: ","), account.keyFingerprint)
    }
    return table.text
  }
}

extension RolloutSummary {
  /// Paused is what a person has paused.
  var stateWords: String {
    guard state == .paused else { return state.words }
    if case .person = wait { return state.words }
    return wait == nil ? "not finished" : "waits"
  }
  /// Of one that waits, for what now; what was recorded then may be given since.
  var reasonNow: String { state == .paused ? wait?.words ?? "goes on at the next run" : reason }
}

extension RolloutSummary: ReportRow {
  package static let schema = JSONText.Schema.rollouts

  package static func text(of rows: [RolloutSummary], now: Date) -> String {
    var table = Table("ROLLOUT", "AGE", "TOOK", "STATE", "HOSTS", "WAVES", "POLICY", "CERTIFICATES")
    for rollout in rows {
      let took = rollout.endedAt.map { Duration.seconds($0.timeIntervalSince(rollout.startedAt)).short }
      table.add(
        [
          rollout.id.description, rollout.startedAt.age(at: now), took ?? "-", rollout.stateWords,
          String(rollout.hosts), String(rollout.waves), rollout.policy.rawValue,
          rollout.certificates.map(\.rawValue).joined(separator: ",").shortened(to: 40),
        ], below: rollout.state == .succeeded ? "" : rollout.reasonNow.visible.shortened(to: 200))
    }
    return table.text
  }
}
