/// RFC 8555 §8.3 by the web servers of a lineage's hosts: the token is a file below each one's document root.
package struct HostWebroots: Solver {
  package let type = "http-01"
  private let hosts: any TokenHosts

  package init(hosts: any TokenHosts) { self.hosts = hosts }

  package func present(_ proof: Proof) async throws { try await present([proof]) }
  package func cleanUp(_ proof: Proof) async throws { try await cleanUp([proof]) }

  /// One login to each host, whatever the number of names.
  package func present(_ proofs: [Proof]) async throws { try await hosts.place(proofs) }
  package func waitUntilVisible(_ proofs: [Proof]) async throws { try await hosts.check(proofs) }
  package func cleanUp(_ proofs: [Proof]) async throws { try await hosts.remove(proofs) }
}

/// The hosts that a lineage goes to, as far as tokens are concerned.
package protocol TokenHosts: Sendable {
  /// - Throws: `ProofFailure` when no host took them.
  func place(_ proofs: [Proof]) async throws
  /// Asks the hosts for the tokens as the CA will.
  ///
  /// - Throws: `ProofFailure` when one is shown by none.
  func check(_ proofs: [Proof]) async throws
  /// - Throws: `ProofFailure` when one may still be on one of them.
  func remove(_ proofs: [Proof]) async throws
}
