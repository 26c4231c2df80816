import ACME
package import Fleet
import FoundationEssentials
import Issuance
import PKI
import Storage

/// RFC 5280 §5.3.1, as far as subscribers may choose (CA/Browser Forum Baseline Requirements §7.2.2).
package enum RevocationReason: String, CaseIterable, Sendable {
  case unspecified, keyCompromise, affiliationChanged, superseded, cessationOfOperation

  var code: Int {
    switch self {
    case .unspecified: 0
    case .keyCompromise: 1
    case .affiliationChanged: 3
    case .superseded: 4
    case .cessationOfOperation: 5
    }
  }
}

extension Controller {
  /// The certificate that a name and a generation stand for.
  ///
  /// - Parameter generation: `nil` is the newest.
  package func certificate(_ name: String, generation: String?) async throws -> Certificate {
    let lineage = try await single(named: name).name
    let all = try await store.certificates(of: lineage)
    guard let newest = all.last else { throw ControllerError.notIssuedYet(lineage) }
    guard let generation else {
      guard newest.withdrawnAt == nil else { throw ControllerError.withdrawn(newest) }
      return newest
    }
    guard let certificate = all.first(where: { $0.generation.description == generation }) else {
      throw ControllerError.noGeneration(generation, of: lineage, known: all.map(\.generation))
    }
    return certificate
  }

  /// The same, where it is not revoked yet.
  package func certificateToRevoke(_ name: String, generation: String?) async throws -> Certificate {
    let certificate = try await certificate(name, generation: generation)
    guard certificate.revokedAt == nil else { throw ControllerError.revoked(certificate) }
    return certificate
  }

  /// The hosts that have it active.
  package func hosts(with certificate: Certificate) async throws -> [Host.Name] {
    try await store.statuses().filter {
      $0.lineage == certificate.lineage && $0.active == certificate.generation
    }.map(\.host)
  }

  /// Has the CA revoke a certificate; the next run issues another.
  ///
  /// - Parameter byKey: signed with the certificate's own key and not with the account's (RFC 8555 §7.6).
  package func revoke(_ certificate: Certificate, _ reason: RevocationReason, byKey: Bool) async throws {
    try await leased { try await revokeLeased(certificate, reason, byKey: byKey) }
  }

  func revokeLeased(_ certificate: Certificate, _ reason: RevocationReason, byKey: Bool) async throws {
    guard let origin = certificate.origin,
      let issuer = try await store.declaration().issuers.first(where: {
        $0.acme?.directory == origin.directory
      }),
      let authority = issuer.acme
    else { throw ControllerError.notFromDeclaredIssuer(certificate.lineage) }
    let material = try await store.material(of: certificate.lineage, certificate.generation)
    let revoker: ACMEClient.Revoker
    switch (byKey, material.key) {
    case (false, _): revoker = .account
    case (true, .held(let key)): revoker = .certificateKey(key)
    case (true, .onHost): throw ControllerError.keyOnHost(certificate.lineage)
    }
    let client = try await ACMEAccounts(store: store).client(
      of: issuer.name, authority, at: origin.directory)
    do {
      try await client.revoke(
        certificate: try material.chain.leaf.der(), reason: reason.code, by: revoker)
    } catch let problem as Problem where problem.kind == "alreadyRevoked" {}
    try await store.setRevoked(certificate, reason: reason.rawValue, now: Date())
  }
}
