/// RFC 8555 §8.3 by the web servers of a lineage's hosts: the token is a file below each one's document root.
public struct HostWebroots: Solver {
  public let type = "http-01"
  private let hosts: any TokenHosts

  public init(hosts: any TokenHosts) { self.hosts = hosts }

  public func present(_ proof: Proof) async throws { try await present([proof]) }
  public func cleanUp(_ proof: Proof) async throws { try await cleanUp([proof]) }

  /// One login to each host, whatever the number of names.
  public func present(_ proofs: [Proof]) async throws { try await hosts.place(proofs) }
  public func waitUntilVisible(_ proofs: [Proof]) async throws { try await hosts.check(proofs) }
  public func cleanUp(_ proofs: [Proof]) async throws { try await hosts.remove(proofs) }
}

/// The hosts that a lineage goes to, as far as tokens are concerned.
public protocol TokenHosts: Sendable {
  /// - Throws: `ProofFailure` when no host took them.
  func place(_ proofs: [Proof]) async throws
  /// Asks the hosts for the tokens as the CA will.
  ///
  /// - Throws: `ProofFailure` when one is shown by none.
  func check(_ proofs: [Proof]) async throws
  /// - Throws: `ProofFailure` when one may still be on one of them.
  func remove(_ proofs: [Proof]) async throws
}
