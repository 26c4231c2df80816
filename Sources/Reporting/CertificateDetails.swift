package import Fleet
package import FoundationEssentials

/// Everything about one lineage, as `cert show` tells it.
package struct CertificateDetails: Sendable, Codable, ReportRow {
  package static let schema = JSONText.Schema.certificate

  package let lineage: Lineage
  /// Oldest first.
  package let generations: [Certificate]
  package let advice: RenewalAdvice?
  /// When the newest is renewed.
  package let renewal: Date?
  package let backoff: OrderBackoff?
  package let statuses: [HostCertificateStatus]

  package init(
    lineage: Lineage, generations: [Certificate], advice: RenewalAdvice?, renewal: Date?,
    backoff: OrderBackoff?,
    statuses: [HostCertificateStatus]
  ) {
    self.lineage = lineage
    self.generations = generations
    self.advice = advice
    self.renewal = renewal
    self.backoff = backoff
    self.statuses = statuses
  }

  package static func text(of all: [CertificateDetails], now: Date) -> String {
    all.map { $0.text(now: now) }.joined(separator: "\n")
  }

  private func text(now: Date) -> String {
    var rows: [(String, String)] = [
      (
        "names",
        (lineage.domains.isEmpty ? generations.last?.names ?? [] : lineage.domains).joined(separator: ", ")
      ),
      (
        "issuer",
        ([lineage.issuer] + lineage.standIns).map(\.rawValue).joined(separator: ", else ")
          + (lineage.profile.map { ", profile \($0)" } ?? "")
      ),
      ("key", keyText),
    ]
    if let newest = generations.last {
      rows.append(
        ("newest", "generation \(newest.generation), \(newest.keyType?.rawValue ?? "key of another kind")"))
      rows.append(
        (
          "valid",
          "\(newest.notBefore.stamp) to \(newest.notAfter.stamp) (\(newest.notAfter.relative(to: now)))"
        ))
      if !lineage.standIns.isEmpty, let origin = newest.origin { rows.append(("from", origin.directory)) }
      rows.append(("serial", newest.serial))
      rows.append(("SHA-256", newest.fingerprint.rawValue))
      rows.append(("renewal", renewalText(newest, now)))
      if let withdrawn = newest.withdrawnAt, let wanted = generations.last(where: { $0.withdrawnAt == nil }) {
        rows.append(
          (
            "wanted",
            "generation \(wanted.generation), until \(wanted.notAfter.stamp); hosts go back to it since \(withdrawn.stamp)"
          ))
      }
    } else {
      rows.append(("newest", "none yet"))
    }
    if let backoff {
      rows.append(
        ("failed", "\(backoff.failures) time\(backoff.failures == 1 ? "" : "s"): \(backoff.reason.visible)"))
      rows.append(
        ("next try", "\(backoff.isCAs ? "as the CA asks, " : "")not before \(backoff.retryAt.stamp)"))
    }
    let width = rows.map(\.0.count).max() ?? 0
    let lines = rows.map { "  \($0.0)\(String(repeating: " ", count: width - $0.0.count))  \($0.1)\n" }
    return "\(lineage.name)\n\(lines.joined())\(generationsText)\(hostsText)"
  }

  private var keyText: String {
    lineage.key.type.rawValue + (lineage.key.isReused ? ", kept on renewal" : "")
      + (lineage.key.place == .host ? ", made on the host" : "")
  }

  private func renewalText(_ newest: Certificate, _ now: Date) -> String {
    if newest.revokedAt != nil { return "due: it is revoked" }
    guard let renewal else { return "by its issuer" }
    let moment =
      renewal <= now ? "due since \(renewal.stamp)" : "\(renewal.stamp) (\(renewal.relative(to: now)))"
    guard let window = advice?.window, advice?.generation == newest.generation else { return moment }
    let why = advice?.explanation.map { "; see \($0.visible)" } ?? ""
    return "\(moment), in the CA's window from \(window.start.stamp) to \(window.end.stamp)\(why)"
  }

  private var generationsText: String {
    guard generations.count > 1 || generations.contains(where: { $0.revokedAt != nil }) else { return "" }
    return generations.reversed().map { certificate in
      let revoked = certificate.revokedAt.map { ", revoked \($0.stamp)" } ?? ""
      let withdrawn = certificate.withdrawnAt.map { ", withdrawn \($0.stamp)" } ?? ""
      return
        "  generation \(certificate.generation): issued \(certificate.issuedAt.stamp), until \(certificate.notAfter.stamp), \(certificate.fingerprint.short)\(revoked)\(withdrawn)\n"
    }.joined()
  }

  /// Hosts with the same generation, folded.
  private var hostsText: String {
    let byGeneration = Dictionary(grouping: statuses) { $0.active }
    return byGeneration.keys.sorted { ($0?.number ?? 0) > ($1?.number ?? 0) }.map { generation in
      let hosts = HostSet.folded((byGeneration[generation] ?? []).map(\.host))
      return "  \(generation.map { "generation \($0) is on" } ?? "nothing yet on") \(hosts)\n"
    }.joined()
  }
}
