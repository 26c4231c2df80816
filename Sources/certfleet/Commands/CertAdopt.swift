import Fleet
import Foundation
import Inventory
import Issuance
import PKI
import Reporting
import Storage
import System

extension Command {
  static let certAdopt = Command(
    words: ["cert", "adopt"],
    summary: "take over an existing certbot's certificates: certbot renews them, run rolls them out",
    operands: ["[CERT...]"],
    options: [
      Option(
        name: "from", value: "DIR",
        help: "certbot's configuration folder; default \(CertbotFolder.standardPath)"),
      Option(name: "dry-run", help: "only show what is there"),
      Option(name: "json", help: "what is there, as JSON"),
    ]
  ) { invocation in
    let session = try Session(invocation, makes: true)
    let typed = invocation["from"] ?? CertbotFolder.standardPath
    let path = Paths.standardized(typed)
    let certbot: CertbotInstallation
    do { certbot = try CertbotInstallation(path: path) } catch { throw BadInput("\(error)") }
    for name in invocation.operands where !certbot.lineages.contains(where: { $0.name == name }) {
      throw BadInput.unknown(
        "lineage", name, among: certbot.lineages.map(\.name), listing: "cert adopt --dry-run")
    }
    var found: [AdoptableCertificate] = []
    for lineage in certbot.lineages
    where invocation.operands.isEmpty || invocation.operands.contains(lineage.name) {
      found.append(try await session.look(at: lineage, in: path))
    }
    let adoption = Adoption(certbot: certbot, certificates: found)
    Console.standard.result(
      invocation.has("json") ? try JSONText.encode(found, as: .adoption) : adoption.text(now: Date()))
    if !invocation.has("dry-run") { try await session.adopt(adoption) }
    return found.contains { $0.problem != nil } || !certbot.problems.isEmpty ? .badInput : .converged
  }
}

extension Session {
  /// What is at hand of a lineage, and whether it can be taken over.
  fileprivate func look(at lineage: CertbotLineage, in path: String) async throws -> AdoptableCertificate {
    let name = Lineage.Name(lineage.name)
    var (names, notAfter, problem): ([String], Date?, String?) = ([], nil, nil)
    do {
      let files = CertbotFolder(path: path).files(of: name)
      let brought = try ProvidedCertificate(files, names: [], at: Date())
      names = brought.chain.leaf.names
      notAfter = try brought.chain.leaf.notAfter()
    } catch { problem = "\(error)" }
    if !Lineage.isName(lineage.name) {
      problem = "its name cannot be one of ours; rename it: certbot certonly --cert-name"
    } else if let known = try await store.lineages().first(where: { $0.name == name }),
      try await store.declaration().issuers.first(where: { $0.name == known.issuer })?.certbot?.path != path
    {
      problem = "a certificate of that name is declared already, from the issuer \(known.issuer)"
    }
    return AdoptableCertificate(lineage: lineage, names: names, notAfter: notAfter, problem: problem)
  }

  /// Stores the issuer and the lineages where they are not, and what certbot has now as their newest generation.
  fileprivate func adopt(_ adoption: Adoption) async throws {
    let lease = try ControllerLease(home: home, now: Date())
    defer { withExtendedLifetime(lease) {} }
    var declared = try await store.declaration()
    let issuer =
      declared.issuers.first { $0.certbot?.path == adoption.certbot.path }
      ?? Issuer(name: adoption.issuer, source: .certbot(CertbotFolder(path: adoption.certbot.path)))
    if let other = declared.issuers.first(where: { $0.name == issuer.name && $0 != issuer }) {
      throw BadInput(
        "the issuer '\(other.name)' is declared already and is not for \(adoption.certbot.path); declare one of another name for it (type: 'certbot', path: '\(adoption.certbot.path)'), apply that, and adopt again"
      )
    }
    if !declared.issuers.contains(issuer) { declared.issuers.append(issuer) }
    let good = adoption.certificates.filter { $0.problem == nil }
    for certificate in good
    where !declared.lineages.contains(where: { $0.name.rawValue == certificate.lineage.name }) {
      declared.lineages.append(
        Lineage(name: Lineage.Name(certificate.lineage.name), domains: [], issuer: issuer.name))
    }
    let changes = try await store.apply(declared, prune: false, dryRun: false, now: Date())
    for certificate in good {
      let name = Lineage.Name(certificate.lineage.name)
      let files = CertbotFolder(path: adoption.certbot.path).files(of: name)
      let brought = try ProvidedCertificate(files, names: [], at: Date())
      _ = try await store.add(brought.chain, key: .held(brought.key), to: name, how: .adopted, now: Date())
    }
    let count = changes.added.count { $0.hasPrefix("certificate") }
    Console.standard.say(
      "\(count) certificate\(count == 1 ? "" : "s") adopted, \(good.count - count) known already")
  }
}

extension Issuer {
  var certbot: CertbotFolder? { if case .certbot(let folder) = source { folder } else { nil } }
}
