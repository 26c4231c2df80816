import ACME
import Fleet
import FoundationEssentials
import PKI

/// Showing control of the order's names: all proofs are shown before the CA is asked to look at the first, as certbot
/// does, so that hooks and DNS servers see an order as one piece.
extension ACMEIssuer {
  private struct Claim {
    let url: URL
    let challenge: AcmeChallenge
    let proof: Proof
  }

  func authorize(_ open: PendingCertificate) async throws {
    let order = try await client.order(at: open.url).value
    guard order.status == .pending else { return }
    let claims = try await claims(of: order, for: open.names)
    guard !claims.isEmpty else { return }
    let proofs = claims.map(\.proof)
    for proof in proofs { try await keeper.willPresent(proof) }
    let result: Result<Void, any Error>
    do {
      try await solver.present(proofs)
      Failpoint.pass("proof.presented")
      try await solver.waitUntilVisible(proofs)
      for claim in claims { try await client.answer(claim.challenge) }
      Failpoint.pass("proof.answered")
      try await validate(claims)
      result = .success(())
    } catch let failure as ProofFailure {
      // Nothing was asked of the CA: the order is as good as it was.
      result = .failure(IssuanceFailure(failure.description, endsOrder: false))
    } catch { result = .failure(error) }
    await cleanUp(proofs)
    try result.get()
  }

  /// What cannot be taken away now stays kept, and is taken away later.
  private func cleanUp(_ proofs: [Proof]) async {
    do {
      try await solver.cleanUp(proofs)
      for proof in proofs { try await keeper.didCleanUp(proof) }
    } catch {
      warn("what was shown to the CA could not be taken away, and the next run tries again: \(error)")
    }
  }

  /// What is still to be shown, for names that the CA does not take as shown already.
  private func claims(of order: Order, for names: [String]) async throws -> [Claim] {
    guard order.authorizations.count <= names.count else {
      throw IssuanceFailure(
        "the CA wants \(order.authorizations.count) authorizations for \(names.count) names", endsOrder: true)
    }
    var open: [(url: URL, domain: String, authorization: Authorization)] = []
    for url in order.authorizations {
      let authorization = try await client.authorization(at: url).value
      // From here on goes only what was ordered, as we wrote it.
      let domain = try Self.ordered(authorization.identifier, in: names)
      switch authorization.status {
      case .pending: open.append((url, domain, authorization))
      case .valid: continue
      case .invalid, .deactivated, .expired, .revoked, .unknown:
        // An order with such a one never gets ready, whatever its own status says yet.
        let why = authorization.challenges.compactMap(\.error).first.map { ": \($0)" } ?? ""
        throw IssuanceFailure(
          "\(domain): the CA's authorization is \(authorization.status.rawValue)\(why)",
          endsOrder: true)
      }
    }
    let domains = open.map(\.domain)
    var claims: [Claim] = []
    for (index, (url, domain, authorization)) in open.enumerated() {
      guard
        let challenge = authorization.challenges.first(where: { $0.type == solver.type && $0.token != nil }),
        let token = challenge.token
      else {
        let offered = authorization.challenges.map(\.type).joined(separator: ", ").visible.shortened(to: 200)
        throw IssuanceFailure("\(domain): the CA offers \(offered), not \(solver.type)", endsOrder: true)
      }
      guard token.utf8.allSatisfy(\.isTokenByte), (16...256).contains(token.utf8.count) else {
        throw IssuanceFailure("\(domain): the CA's token is none (RFC 8555 §8.3)", endsOrder: true)
      }
      let proof = Proof(
        domain: domain, token: token, keyAuthorization: try await client.keyAuthorization(for: token),
        allDomains: domains, remaining: open.count - index - 1)
      claims.append(Claim(url: url, challenge: challenge, proof: proof))
    }
    return claims
  }

  /// The ordered name that an identifier of the CA's stands for, without `*.`.
  private static func ordered(_ identifier: AcmeIdentifier, in names: [String]) throws -> String {
    guard let name = names.first(where: identifier.means) else {
      throw IssuanceFailure(
        "the CA asks for control of '\(identifier.value.visible.shortened(to: 100))', which was not ordered; nothing was shown to it",
        endsOrder: true)
    }
    return name.hasPrefix("*.") ? String(name.dropFirst(2)) : name
  }

  /// Waits for the CA's word on every name, so that all that is wrong is told at once.
  private func validate(_ claims: [Claim]) async throws {
    var failures: [String] = []
    for claim in claims {
      let domain = claim.proof.domain
      let ended = try await Polling.until("the validation of \(domain)", stop, telling: waits) {
        () -> (Authorization?, Date?) in
        let answer = try await client.authorization(at: claim.url)
        return (answer.value.status == .pending ? nil : answer.value, answer.retryAfter)
      }
      guard ended.status != .valid else { continue }
      let why = ended.challenges.compactMap(\.error).first.map(String.init(describing:))
      failures.append("\(domain): \(solver.type) failed: \(why ?? "authorization \(ended.status.rawValue)")")
    }
    if !failures.isEmpty { throw IssuanceFailure(failures.joined(separator: "; "), endsOrder: true) }
  }
}

extension UInt8 {
  /// RFC 8555 §8.3: "It MUST NOT contain any characters outside the base64url alphabet". It becomes a file name.
  fileprivate var isTokenByte: Bool {
    switch self {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
      true
    default: false
    }
  }
}
