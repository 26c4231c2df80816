package import Fleet
import FoundationEssentials
import Issuance
import PKI
import Planning
import Storage
import System

/// certbot's deploy hook: a renewed lineage is taken over.
extension Controller {
  /// Takes over what certbot has renewed. Without the lease: another certfleet at work has planned already, and the next run
  /// sees this one.
  ///
  /// - Parameter variables: `RENEWED_LINEAGE` and `RENEWED_DOMAINS`, as certbot sets them.
  /// - Returns: the certificate, and the run that its issuer wants at once; `nil` leaves it to the next.
  package func takeOver(_ variables: [String: String]) async throws -> (Certificate, RunRequest?) {
    let lineage = try await renewedLineage(variables["RENEWED_LINEAGE"])
    let issuers = try await store.declaration().issuers
    guard let folder = issuers.first(where: { $0.name == lineage.issuer })?.certbot else {
      throw ControllerError.unknown(
        .issuer, lineage.issuer.rawValue, among: issuers.map(\.name.rawValue))
    }
    let provided: ProvidedCertificate
    do {
      provided = try ProvidedCertificate(
        folder.files(of: lineage.name), names: lineage.domains, at: Date())
    } catch { throw ControllerError.refused(lineage.name, because: error) }
    if let told = variables["RENEWED_DOMAINS"] {
      let names = provided.chain.leaf.names
      guard Set(told.split(separator: " ").map { $0.lowercased() }) == Set(names) else {
        throw ControllerError.otherDomains(lineage.name, told: told, certificate: names)
      }
    }
    let certificate = try await store.add(
      provided.chain, key: .held(provided.key), to: lineage.name, how: .imported, now: Date())
    let request = RunRequest(only: [lineage.name], plan: PlanRequest(ignoresPauses: true))
    return (certificate, folder.handOver == .atOnce ? request : nil)
  }

  /// The lineage that a path names: certbot's folder `live/NAME`.
  private func renewedLineage(_ path: String?) async throws -> Lineage {
    guard let path, !path.isEmpty else { throw ControllerError.notCalledByCertbot }
    let live = URL(filePath: path).standardizedFileURL
    let folder = Paths.standardized(
      live.deletingLastPathComponent().deletingLastPathComponent().path(percentEncoded: false))
    let issuers = try await store.declaration().issuers.filter { issuer in
      issuer.certbot.map { Paths.isSame($0.path, folder) } ?? false
    }
    let name = live.lastPathComponent
    guard
      let lineage = try await store.lineages().first(where: { lineage in
        lineage.name.rawValue == name && issuers.contains { $0.name == lineage.issuer }
      })
    else { throw ControllerError.notAdopted(path: path, folder: folder, name: name) }
    return lineage
  }
}
