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

package struct ListedHost: Sendable, Codable {
  package let host: Host
  package let pinned: [HostKey]

  package init(host: Host, pinned: [HostKey]) {
    self.host = host
    self.pinned = pinned
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

extension ListedHost: ReportRow {
  package static let schema = JSONText.Schema.hosts

  package static func text(of rows: [ListedHost], now: Date) -> String {
    var table = Table("NAME", "ADDRESS", "USER", "BECOME", "HOST KEY", "LABELS")
    for listed in rows {
      let host = listed.host
      let more = listed.pinned.count > 1 ? " and \(listed.pinned.count - 1) more" : ""
      let labels = host.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
      table.add(
        host.name.rawValue, host.address + (host.port == 22 ? "" : ":\(host.port)"), host.user ?? "(you)",
        host.become?.method.rawValue ?? "no",
        host.showsKey ? listed.pinned.first.map { $0.fingerprint + more } ?? "not pinned" : "this machine",
        labels.joined(separator: ","))
    }
    return table.text
  }
}

extension ListedCertificate: ReportRow {
  package static let schema = JSONText.Schema.certificates

  package static func text(of rows: [ListedCertificate], now: Date) -> String {
    var table = Table("NAME", "DOMAINS", "ISSUER", "GENERATION", "EXPIRES", "RENEWAL", "FINGERPRINT")
    for listed in rows {
      let newest = listed.newest
      table.add(
        listed.lineage.name.rawValue, listed.lineage.domains.joined(separator: ",").shortened(to: 60),
        listed.lineage.issuer.rawValue, newest.map { $0.generation.description } ?? "none yet",
        newest.map { $0.notAfter.relative(to: now) } ?? "-",
        listed.renewal.map { $0 <= now ? "due" : $0.relative(to: now) }
          ?? (newest == nil ? "due" : "by its issuer"),
        newest.map { $0.fingerprint.short } ?? "-")
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
    var table = Table("ROLLOUT", "STARTED", "TOOK", "STATE", "HOSTS", "WAVES", "CERTIFICATES", "REASON")
    for rollout in rows {
      let took = rollout.endedAt.map { Duration.seconds($0.timeIntervalSince(rollout.startedAt)).short }
      table.add(
        rollout.id.description, rollout.startedAt.stamp, took ?? "-", rollout.stateWords,
        String(rollout.hosts), String(rollout.waves),
        rollout.certificates.map(\.rawValue).joined(separator: ",").shortened(to: 40), rollout.reasonNow)
    }
    return table.text
  }
}
