import Fleet
import FoundationEssentials
import Inventory
import Issuance
import PKI
package import Reporting
import Storage
import System

extension Controller {
  /// What is there to take over.
  ///
  /// - Parameters:
  ///   - typed: certbot's configuration folder.
  ///   - names: none stands for all of its lineages.
  package func adoption(from typed: String, _ names: [String]) async throws -> AdoptionReport {
    let path = Paths.standardized(typed)
    let certbot: CertbotInstallation
    do { certbot = try CertbotInstallation(path: path) } catch { throw ControllerError.certbot(error) }
    for name in names where !certbot.lineages.contains(where: { $0.name == name }) {
      throw ControllerError.unknown(.certbotLineage, name, among: certbot.lineages.map(\.name))
    }
    var found: [AdoptableCertificate] = []
    for lineage in certbot.lineages where names.isEmpty || names.contains(lineage.name) {
      found.append(try await look(at: lineage, in: path))
    }
    return AdoptionReport(
      path: path, certificates: found, problems: certbot.problems,
      hooks: CertbotInstallation.Moment.allCases.flatMap { moment in
        (certbot.directoryHooks[moment] ?? []).map { (moment: moment.rawValue, path: $0) }
      })
  }

  /// Stores the issuer and the lineages where they are not, and what certbot has now as their newest generation.
  ///
  /// - Returns: how many lineages are new, and how many were known already.
  package func adopt(_ adoption: AdoptionReport) async throws -> (new: Int, known: Int) {
    try await leased {
      let good = adoption.certificates.filter { $0.problem == nil }
      let declared = try declaration(
        of: good, in: adoption.path, beside: try await store.declaration())
      let changes = try await store.apply(declared, prune: false, dryRun: false, now: Date())
      for certificate in good {
        let name = Lineage.Name(certificate.lineage.name)
        let files = CertbotFolder(path: adoption.path).files(of: name)
        let provided = try ProvidedCertificate(files, names: [], at: Date())
        _ = try await store.add(
          provided.chain, key: .held(provided.key), to: name, how: .adopted, now: Date())
      }
      let new = changes.added.count { $0.hasPrefix("certificate") }
      return (new, good.count - new)
    }
  }

  private func declaration(
    of certificates: [AdoptableCertificate], in path: String, beside known: FleetDeclaration
  ) throws -> FleetDeclaration {
    var declared = known
    let issuer =
      declared.issuers.first { $0.certbot?.path == path }
      ?? Issuer(name: AdoptionReport.issuer, source: .certbot(CertbotFolder(path: path)))
    if let other = declared.issuers.first(where: { $0.name == issuer.name && $0 != issuer }) {
      throw ControllerError.issuerTaken(other.name, folder: path)
    }
    if !declared.issuers.contains(issuer) { declared.issuers.append(issuer) }
    for certificate in certificates
    where !declared.lineages.contains(where: { $0.name.rawValue == certificate.lineage.name }) {
      declared.lineages.append(
        Lineage(name: Lineage.Name(certificate.lineage.name), domains: [], issuer: issuer.name))
    }
    return declared
  }

  /// What is at hand of a lineage, and whether it can be taken over.
  private func look(at lineage: CertbotLineage, in path: String) async throws -> AdoptableCertificate {
    let name = Lineage.Name(lineage.name)
    var (names, notAfter, problem): ([String], Date?, String?) = ([], nil, nil)
    do {
      let files = CertbotFolder(path: path).files(of: name)
      let provided = try ProvidedCertificate(files, names: [], at: Date())
      names = provided.chain.leaf.names
      notAfter = try provided.chain.leaf.notAfter()
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
}

extension Issuer {
  var certbot: CertbotFolder? { if case .certbot(let folder) = source { folder } else { nil } }
}
