package import PKI

/// Keeps what a crash must not lose of a lineage's issuing, so that a rerun finishes it instead of beginning again.
package protocol OrderKeeper: Sendable {
  /// Keeps that an order is about to be made: where nothing can be kept, as on a full disk, the CA is not asked.
  func willOrder(_ names: [String], with key: CertificateKey) async throws
  func pending() async throws -> PendingCertificate?
  /// Keeps `order`, or forgets the kept one.
  func keep(_ order: PendingCertificate?) async throws

  /// Keeps that a proof is about to be shown, so that it is taken away whatever happens.
  func willPresent(_ proof: Proof) async throws
  func didCleanUp(_ proof: Proof) async throws
}
