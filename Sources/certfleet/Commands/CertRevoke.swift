import ACME
import Fleet
import Foundation
import Inventory
import PKI
import Storage

/// RFC 5280 §5.3.1, as far as subscribers may choose (CA/Browser Forum Baseline Requirements §7.2.2).
private enum RevocationReason: String, CaseIterable {
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

extension Command {
  static let certRevoke = Command(
    words: ["cert", "revoke"], summary: "have the CA revoke a certificate; the next run issues another",
    operands: ["CERT"],
    options: [
      Option(name: "generation", value: "N", help: "another than the newest"),
      Option(
        name: "reason", value: "REASON",
        help: RevocationReason.allCases.map(\.rawValue).joined(separator: ", ")),
      Option(name: "by-key", help: "sign with the certificate's own key and not the account's"),
      Option(name: "dry-run", help: "only show what would be revoked; contacts nobody"),
    ]
  ) { invocation in
    let session = try Session(invocation)
    let reason = try reason(invocation)
    let certificate = try await session.certificate(invocation)
    let what =
      "generation \(certificate.generation) of \(certificate.lineage) (\(certificate.fingerprint.short))"
    if certificate.revokedAt != nil { throw BadInput("\(what) is revoked already") }
    if invocation.has("dry-run") {
      Console.standard.result("\(what) would be revoked: \(reason.rawValue)\n")
      return .converged
    }
    let lease = try ControllerLease(home: session.home, now: Date())
    defer { withExtendedLifetime(lease) {} }
    try await session.revoke(certificate, reason.code, byKey: invocation.has("by-key"))
    try await session.store.setRevoked(certificate, reason: reason.rawValue, now: Date())
    Console.standard.result("\(what) is revoked: \(reason.rawValue); run issues another and rolls it out\n")
    return .converged
  }

  /// As certbot does, without regard to case.
  private static func reason(_ invocation: Invocation) throws -> RevocationReason {
    guard let text = invocation["reason"] else { return .unspecified }
    guard
      let reason = RevocationReason.allCases.first(where: { $0.rawValue.lowercased() == text.lowercased() })
    else {
      let known = RevocationReason.allCases.map(\.rawValue)
      throw UsageError(
        message:
          "'\(text.visible)' is not one of \(known.joined(separator: ", "))\(Nearest.suggestion(for: text, among: known))",
        command: invocation.command)
    }
    return reason
  }
}

extension Session {
  fileprivate func revoke(_ certificate: Certificate, _ reason: Int, byKey: Bool) async throws {
    guard let origin = certificate.origin,
      let issuer = try await store.declaration().issuers.first(where: {
        $0.acme?.directory == origin.directory
      }),
      let authority = issuer.acme
    else {
      throw BadInput(
        "\(certificate.lineage) did not come from an ACME issuer that is declared; revoke it where it came from (certbot revoke, or the shop)"
      )
    }
    let material = try await store.material(of: certificate.lineage, certificate.generation)
    let revoker: ACMEClient.Revoker
    switch (byKey, material.key) {
    case (false, _): revoker = .account
    case (true, .held(let key)): revoker = .certificateKey(key)
    case (true, .onHost):
      throw BadInput("the key of \(certificate.lineage) is on its host alone; revoke without --by-key")
    }
    let client = try await AuthorityDesk(store: store).client(
      of: issuer.name, authority, at: origin.directory)
    do {
      try await client.revoke(certificate: try material.chain.leaf.der(), reason: reason, by: revoker)
    } catch let problem as Problem where problem.kind == "alreadyRevoked" {}
  }
}
