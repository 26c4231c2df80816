package import Fleet
import FoundationEssentials
import PKI
import Synchronization
import System

/// certbot's manual plugin: a hook that shows a proof and one that takes it away, with certbot's variables, so that
/// people's scripts fit.
package final class HookPair: Solver {
  package let type: String
  private let hooks: ChallengeHooks
  private let dns: Challenge.DNS01?
  /// What each auth hook printed, for the cleanup hook.
  private let outputs = Mutex<[String: String]>([:])

  /// For http-01.
  package init(http01 hooks: ChallengeHooks) {
    type = "http-01"
    self.hooks = hooks
    dns = nil
  }

  package init(dns01 hooks: ChallengeHooks, _ challenge: Challenge.DNS01) {
    type = "dns-01"
    self.hooks = hooks
    dns = challenge
  }

  package func present(_ proof: Proof) async throws {
    let output = try await run(hooks.auth, "auth", proof, more: [:])
    outputs.withLock { $0[proof.token] = output }
  }

  package func waitUntilVisible(_ proofs: [Proof]) async throws {
    guard let dns else { return }
    let propagation = Propagation(resolver: dns.resolver, timeout: dns.propagationTimeout)
    for proof in proofs { try await propagation.wait(for: TXTRecord(of: proof)) }
  }

  package func cleanUp(_ proof: Proof) async throws {
    guard let cleanup = hooks.cleanup else { return }
    let output = outputs.withLock { $0[proof.token] ?? "" }
    _ = try await run(cleanup, "cleanup", proof, more: ["CERTBOT_AUTH_OUTPUT": output])
  }

  /// - Returns: what it printed, without white space at its ends, as certbot has it.
  private func run(_ hook: Hook, _ name: String, _ proof: Proof, more: [String: String]) async throws
    -> String
  {
    var variables = [
      "CERTBOT_DOMAIN": proof.domain,
      "CERTBOT_VALIDATION": type == "dns-01" ? TXTRecord(of: proof).value : proof.keyAuthorization,
      "CERTBOT_ALL_DOMAINS": proof.allDomains.joined(separator: ","),
      "CERTBOT_REMAINING_CHALLENGES": String(proof.remaining),
    ]
    // certbot gives it for http-01 alone.
    if type == "http-01" { variables["CERTBOT_TOKEN"] = proof.token }
    let result = try await ChildProcess.shell(
      hook.command, environment: variables.merging(more) { $1 }, deadline: hook.timeout
    ).run()
    guard result.status == 0, !result.timedOut else {
      let how =
        result.timedOut ? "ran longer than \(hook.timeout.short)" : "ended with status \(result.status)"
      let said = result.lastLine.isEmpty ? "" : ": \(result.lastLine.visible.shortened(to: 300))"
      throw ProofFailure("\(proof.domain): the \(name) hook \(how)\(said)")
    }
    return result.stdout.trimmed
  }
}
