import ACME
import Fleet
import FoundationEssentials
import Glibc
import Issuance
import PKI
import Reporting
import Storage
import System

/// Whether the next order could go well: the CA, its account, the port at which it asks, and the names.
extension Controller {
  /// RFC 8555 has no bound; a nonce or a certificate that is valid from now on suffers from more.
  private static let mostClockDifference = 60.0
  private static let mostNames = 200

  func issuerFindings() async throws -> [Finding] {
    let lineages = try await store.lineages()
    let issuers = try await store.declaration().issuers.filter { issuer in
      issuer.acme != nil
        && lineages.contains { $0.issuer == issuer.name || $0.standIns.contains(issuer.name) }
    }
    var findings: [Finding] = []
    for issuer in issuers {
      guard let authority = issuer.acme else { continue }
      findings += try await examine(issuer.name, authority, lineages)
    }
    findings += portFindings(lineages)
    findings += await nameFindings(
      lineages.filter { lineage in issuers.contains { $0.name == lineage.issuer } })
    return findings
  }

  private func examine(_ issuer: Issuer.Name, _ authority: ACMEAuthority, _ lineages: [Lineage])
    async throws -> [Finding]
  {
    guard let directory = URL(string: authority.directory) else { return [] }
    let client = ACMEClient(
      directory: directory, http: HTTPClient(caFile: authority.caFile),
      key: try PrivateKey.generate(.ecdsaP256),
      account: nil)
    let difference: Double
    do {
      difference = try await client.clockDifference().seconds
    } catch {
      return [
        Finding(
          .problem, "\(issuer) does not answer at \(authority.directory): \(error)",
          mend: "see that this machine gets there: curl -v \(authority.directory)")
      ]
    }
    var findings: [Finding] = []
    if abs(difference) > Self.mostClockDifference {
      findings.append(
        Finding(
          .problem,
          "this machine's clock is \(Int(abs(difference))) s \(difference > 0 ? "behind" : "ahead of") \(issuer)'s",
          mend: "set it: timedatectl set-ntp true"))
    }
    if try await store.findAccount(of: issuer, at: authority.directory)?.url == nil {
      findings.append(
        Finding(
          .warning, "there is no account with \(issuer) yet; it is made at the first order",
          mend: "\(Remedy.registerAccount(issuer))"))
    }
    let identities = try await client.resources().meta?.caaIdentities ?? []
    return findings + (await permissionFindings(issuer, identities, lineages))
  }

  /// Zones whose CAA records let others issue, and not this CA.
  private func permissionFindings(_ issuer: Issuer.Name, _ identities: [String], _ lineages: [Lineage]) async
    -> [Finding]
  {
    guard let identity = identities.first else { return [] }
    var asked: [(name: String, resolver: String?)] = []
    for lineage in lineages where lineage.issuer == issuer || lineage.standIns.contains(issuer) {
      var resolver: String?
      if case .dns01(let dns) = lineage.challenge ?? .standard { resolver = dns.resolver }
      asked += lineage.domains.filter { !$0.isIPAddress }.map { ($0, resolver) }
    }
    let refusals =
      (try? await BoundedConcurrency.run(over: asked.prefix(Self.mostNames), limit: 10) { name, resolver in
        try? await IssuePermission(resolver: resolver).refusal(of: name, to: identities)
      })?.compactMap(\.self) ?? []
    // One record speaks for all names below it.
    return Dictionary(grouping: refusals, by: \.zone).sorted { $0.key < $1.key }.map { zone, all in
      Finding(
        .problem,
        "the CAA records of \(zone) let \(all[0].allowed.isEmpty ? "nobody" : "only \(all[0].allowed.joined(separator: ", "))") issue, and \(issuer) is \(identity)",
        mend: "add to the zone: \(zone). CAA 0 \(all[0].tag) \"\(identity)\"")
    }
  }

  /// Whether our own listeners could listen.
  private func portFindings(_ lineages: [Lineage]) -> [Finding] {
    let addresses = Set(
      lineages.compactMap { lineage -> ListenAddress? in
        if case .http01(.listener(let address)) = lineage.challenge ?? .standard { address } else { nil }
      })
    return addresses.sorted { $0.description < $1.description }.compactMap { address in
      ListenerTrial.obstacle(to: address, isShared: isShared).map {
        Finding(
          .problem, "\($0.description)",
          mend: "see what holds it: ss -ltnp; or say another challenge.listen, and forward the port to it")
      }
    }
  }

  /// Names that a CA is to ask, and that lead nowhere.
  private func nameFindings(_ lineages: [Lineage]) async -> [Finding] {
    let names = Set(
      lineages.flatMap { lineage -> [String] in
        if case .dns01 = lineage.challenge ?? .standard { return [] }
        return lineage.domains.filter { !$0.isIPAddress && !$0.hasPrefix("*") }
      }
    ).sorted().prefix(Self.mostNames)
    let lost =
      (try? await BoundedConcurrency.run(over: names, limit: 10) { name in
        (name, await Self.resolves(name))
      })?.filter { !$0.1 }.map(\.0) ?? []
    guard !lost.isEmpty else { return [] }
    let shown =
      lost.sorted().prefix(5).joined(separator: ", ") + (lost.count > 5 ? " and \(lost.count - 5) more" : "")
    return [
      Finding(
        .warning, "the DNS has no address for \(shown), where the CA is to ask",
        mend: "give them one, or prove them otherwise: challenge: { type: \"dns-01\", … }")
    ]
  }

  private static func resolves(_ name: String) async -> Bool {
    (try? await BlockingCall.run {
      var found: UnsafeMutablePointer<addrinfo>?
      defer { if let found { freeaddrinfo(found) } }
      return getaddrinfo(name, nil, nil, &found) == 0
    }) ?? false
  }
}
