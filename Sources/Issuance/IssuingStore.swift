package import Fleet
package import FoundationEssentials
package import PKI

/// What issuing keeps and looks up. Storage's store is the one; a test may have another.
package protocol IssuingStore: Sendable {
  // MARK: Certificates

  func declaration() async throws -> FleetDeclaration
  /// The latest certificate that was issued for every lineage.
  func latestCertificates() async throws -> [Lineage.Name: Certificate]
  /// Of lineages whose hosts all have a later one that is not stored here: what they have.
  func certificatesOnAllHosts() async throws -> [Lineage.Name: Certificate]
  /// What hosts are to have: the latest that was not withdrawn.
  func newestCertificates() async throws -> [Lineage.Name: Certificate]
  /// Oldest first.
  func certificates(of lineage: Lineage.Name) async throws -> [Certificate]
  func material(of lineage: Lineage.Name, _ generation: Generation) async throws -> CertificateMaterial
  func add(
    _ chain: CertificateChain, key: CertificateKey, to lineage: Lineage.Name, origin: Certificate.Origin?,
    ordered: [String]?, how: Event.Note, now: Date
  ) async throws -> Certificate
  func record(_ event: Event) async throws

  // MARK: Patience

  func renewalAdvice() async throws -> [Lineage.Name: RenewalAdvice]
  func keep(_ advice: RenewalAdvice, of lineage: Lineage.Name) async throws
  func backoff(of lineage: Lineage.Name, at directory: String) async throws -> OrderBackoff?
  func keep(_ backoff: OrderBackoff, of lineage: Lineage.Name, at directory: String, now: Date) async throws

  // MARK: Orders

  func keepIntent(
    toOrder names: [String], with key: CertificateKey, for lineage: Lineage.Name, at directory: String,
    now: Date
  ) async throws
  func pendingCertificate(of lineage: Lineage.Name, at directory: String) async throws -> PendingCertificate?
  func keep(_ order: PendingCertificate?, of lineage: Lineage.Name, at directory: String, now: Date)
    async throws
  func lineagesWithPresented() async throws -> [Lineage.Name]
  func presented<Shown: Decodable & Sendable>(of lineage: Lineage.Name, as type: Shown.Type) async throws
    -> [(challenge: Challenge, proof: Shown)]
  func keepPresented(
    _ proof: some Encodable & Sendable, by challenge: Challenge, of lineage: Lineage.Name
  ) async throws
  func forgetPresented(_ proof: some Codable & Equatable & Sendable, of lineage: Lineage.Name) async throws

  // MARK: Accounts

  /// The stored account; its key is made and stored first where there is none.
  func account(of issuer: Issuer.Name, at directory: String) async throws -> StoredAccount
  func setAccount(
    _ url: URL, contact: [String], of issuer: Issuer.Name, at directory: String, now: Date
  ) async throws
  func endKeyChange(of issuer: Issuer.Name, at directory: String, took: Bool, now: Date) async throws
}

/// A lineage's issuing with one CA, in the store.
struct StoredIssuance: OrderKeeper {
  let store: any IssuingStore
  let lineage: Lineage.Name
  let directory: String
  let challenge: Challenge

  func willOrder(_ names: [String], with key: CertificateKey) async throws {
    try await store.keepIntent(toOrder: names, with: key, for: lineage, at: directory, now: Date())
  }

  func pending() async throws -> PendingCertificate? {
    try await store.pendingCertificate(of: lineage, at: directory)
  }

  func keep(_ order: PendingCertificate?) async throws {
    try await store.keep(order, of: lineage, at: directory, now: Date())
  }

  func willPresent(_ proof: Proof) async throws {
    try await store.keepPresented(proof, by: challenge, of: lineage)
  }

  func didCleanUp(_ proof: Proof) async throws {
    try await store.forgetPresented(proof, of: lineage)
  }
}
