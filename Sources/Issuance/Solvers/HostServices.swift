import ACME
import Agents
import Engine
package import Fleet
import FoundationEssentials
package import PKI
import Synchronization
import System

/// What issuing needs of hosts, over the same connections and agent as a rollout.
package struct HostServices: IssuingHosts {
  let requests: any HostRequests
  package let hosts: [Host]
  let tell: IssuingListener

  package init(requests: any HostRequests, hosts: [Host], tell: @escaping IssuingListener) {
    (self.requests, self.hosts, self.tell) = (requests, hosts, tell)
  }

  package func makeKey(for lineage: Lineage, isReused: Bool) async throws -> CertificateKey {
    guard let name = lineage.name.host, let host = hosts.first(where: { $0.name == name }) else {
      throw IssuanceFailure("\(lineage.name): there is no host that could make its key", endsOrder: false)
    }
    let id = try SecureRandom.token()
    var policy = lineage.key
    policy.isReused = isReused
    do {
      let pem = try await requests.run(
        .makeKey(lineage: lineage.name, id: id, policy: policy, names: lineage.domains), on: host)
      let request = try CertificateRequest(pem: pem)
      // The host may still have an older key, of another kind than the one that was to be kept.
      if isReused, request.keyType != lineage.key.type {
        return try await makeKey(for: lineage, isReused: false)
      }
      return .onHost(HostKeyRequest(id: id, request: request))
    } catch let failure as AgentTaskRunner.Failure {
      throw IssuanceFailure("the key was not made: \(failure)", endsOrder: false)
    } catch let error as OpenSSLError {
      throw IssuanceFailure("\(name): the host's request cannot be read: \(error)", endsOrder: false)
    }
  }

  package func tokens(
    for lineage: Lineage, among selector: Selector?, webroot: String, port: UInt16
  ) -> any TokenHosts {
    HostTokens(
      requests: requests,
      hosts: selector.map { hosts.filter($0.matches) } ?? lineage.hosts(among: hosts),
      webroot: webroot, port: port, tell: tell)
  }
}

/// Tokens on the hosts that a lineage goes to. A host that is down keeps nobody from a certificate: one that shows the
/// tokens is enough to ask the CA.
private final class HostTokens: TokenHosts {
  let requests: any HostRequests
  let hosts: [Host]
  let webroot: String
  let port: UInt16
  let tell: IssuingListener
  /// Hosts that were not reached when the tokens were placed: there is nothing on them.
  private let untouched = Mutex<Set<Host.Name>>([])

  init(
    requests: any HostRequests, hosts: [Host], webroot: String, port: UInt16, tell: @escaping IssuingListener
  ) {
    self.requests = requests
    self.hosts = hosts
    self.webroot = webroot
    self.port = port
    self.tell = tell
  }

  private static let atOnce = 50

  func place(_ proofs: [Proof]) async throws {
    let tokens = proofs.map { AgentTask.Token(name: $0.token, content: $0.keyAuthorization) }
    let failures = try await onEach(hosts) { [self] host in
      do {
        _ = try await requests.run(.place(tokens, webroot: webroot), on: host)
      } catch let failure as AgentTaskRunner.Failure where failure.isUnreachable {
        _ = untouched.withLock { $0.insert(host.name) }
        throw failure
      }
    }
    guard failures.count < hosts.count else {
      throw ProofFailure("no host took the token: \(Self.listed(failures))")
    }
    if !failures.isEmpty { tell(.tokensMissing(domain: nil, failures)) }
  }

  func check(_ proofs: [Proof]) async throws {
    for proof in proofs {
      let failures = try await onEach(hosts) { [self] in
        try await requests.look(for: proof, on: $0, port: port)
      }
      guard failures.count < hosts.count else {
        throw ProofFailure(
          "\(proof.domain): no host shows the token at port \(port): \(Self.listed(failures)); check that the web server serves \(webroot)"
        )
      }
      if !failures.isEmpty { tell(.tokensMissing(domain: proof.domain, failures)) }
    }
  }

  func remove(_ proofs: [Proof]) async throws {
    let tokens = proofs.map { AgentTask.Token(name: $0.token, content: "") }
    let touched = untouched.withLock { untouched in hosts.filter { !untouched.contains($0.name) } }
    let failures = try await onEach(touched) { [self] in
      _ = try await requests.run(.remove(tokens, webroot: webroot), on: $0)
    }
    if !failures.isEmpty { throw ProofFailure(Self.listed(failures)) }
  }

  /// - Returns: why it failed, by host.
  private func onEach(
    _ hosts: [Host], _ work: @escaping @Sendable (Host) async throws -> Void
  ) async throws -> [String] {
    try await BoundedConcurrency.run(over: hosts, limit: Self.atOnce) { host -> String? in
      do {
        try await work(host)
        return nil
      } catch { return "\(error)" }
    }.compactMap(\.self).sorted()
  }

  private static func listed(_ failures: [String]) -> String {
    let shown = failures.prefix(5).joined(separator: "; ")
    return failures.count > 5 ? "\(shown); and \(failures.count - 5) more" : shown
  }
}
