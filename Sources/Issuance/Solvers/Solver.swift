/// Shows control of names in one challenge type's way.
package protocol Solver: Sendable {
  /// RFC 8555 §9.7.8, for example `http-01`.
  var type: String { get }

  func present(_ proof: Proof) async throws
  /// Takes away what `present` left, or began to leave. Called whether the validation succeeded or not, and once more
  /// after a crash.
  func cleanUp(_ proof: Proof) async throws

  /// All proofs of an order; one after another unless a solver knows better.
  func present(_ proofs: [Proof]) async throws
  /// Returns when the CA would see the proofs, as far as can be told from here.
  func waitUntilVisible(_ proofs: [Proof]) async throws
  func cleanUp(_ proofs: [Proof]) async throws
}

extension Solver {
  package func present(_ proofs: [Proof]) async throws { for proof in proofs { try await present(proof) } }

  package func waitUntilVisible(_ proofs: [Proof]) async throws {}

  /// The last one first; what goes wrong with one does not keep the others.
  package func cleanUp(_ proofs: [Proof]) async throws {
    var failure: (any Error)?
    for proof in proofs.reversed() {
      do { try await cleanUp(proof) } catch { failure = failure ?? error }
    }
    if let failure { throw failure }
  }
}

/// What a solver must show, for which name, and beside which others of the same order.
package struct Proof: Hashable, Sendable, Codable {
  /// The name without `*.`, or the IP address.
  package let domain: String
  package let token: String
  package let keyAuthorization: String
  /// The names of all the order's proofs, this one's included.
  package let allDomains: [String]
  /// How many proofs are still to be shown after this one.
  package let remaining: Int

  private enum CodingKeys: String, CodingKey {
    case domain, token, remaining
    case keyAuthorization = "key_authorization"
    case allDomains = "all_domains"
  }

  package init(
    domain: String, token: String, keyAuthorization: String, allDomains: [String]? = nil, remaining: Int = 0
  ) {
    self.domain = domain
    self.token = token
    self.keyAuthorization = keyAuthorization
    self.allDomains = allDomains ?? [domain]
    self.remaining = remaining
  }
}

/// Why a proof could not be shown.
package struct ProofFailure: Error, Hashable, CustomStringConvertible {
  package let description: String

  package init(_ description: String) { self.description = description }
}
