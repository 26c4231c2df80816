package import Fleet
package import FoundationEssentials
import PKI
import System

/// Asking the CAs when they want their certificates renewed.
extension CertificateIssuing {
  private static let atOnce = 10

  /// Asks about every newest certificate that its CA wants to be asked about again by now.
  package func refreshAdvice(for lineages: [Lineage], now: Date) async throws {
    let authorities = Dictionary(
      uniqueKeysWithValues: try await store.declaration().issuers.map { ($0.name, $0.acme) })
    let (newest, advice) = (try await store.latestCertificates(), try await store.renewalAdvice())
    let asked = lineages.filter { lineage in
      guard let certificate = newest[lineage.name], let authority = authorities[lineage.issuer] ?? nil,
        certificate.origin?.directory == authority.directory
      else { return false }
      let known = advice[lineage.name]
      return known?.generation != certificate.generation || known.map { $0.askAgain <= now } ?? true
    }
    _ = try await BoundedConcurrency.run(over: asked, limit: Self.atOnce) { lineage in
      guard let certificate = newest[lineage.name], let authority = authorities[lineage.issuer] ?? nil else {
        return
      }
      try await refreshAdvice(on: certificate, of: lineage, authority, known: advice[lineage.name], now)
    }
  }

  private func refreshAdvice(
    on certificate: Certificate, of lineage: Lineage, _ authority: ACMEAuthority, known: RenewalAdvice?,
    _ now: Date
  ) async throws {
    // A CA that cannot be reached is met again when something is ordered, and named then.
    guard
      let client = try? await accounts.client(of: lineage.issuer, authority, at: authority.directory)
    else { return }
    let leaf = try await store.material(of: certificate.lineage, certificate.generation).chain.leaf
    let fresh = await Renewing.advice(
      for: certificate.generation, renewalID: leaf.renewalID, from: client, earlier: known, now: now)
    try await store.keep(fresh, of: lineage.name)
  }
}
