import Fleet
import Foundation
import PKI
import Planning
import Storage
import System

extension Command {
  /// The exit status is the truth about the hand-over: certbot prints a failing hook's.
  static let hookCertbot = Command(
    words: ["hook", "certbot"],
    summary: "certbot's --deploy-hook: take the renewed lineage over, and roll it out as its issuer says"
  ) { invocation in
    let session = try Session(invocation)
    let lineage = try await session.renewedLineage(invocation.environment)
    let files = try await session.certbotFiles(of: lineage)
    let brought: ProvidedCertificate
    do { brought = try ProvidedCertificate(files.files, names: lineage.domains, at: Date()) } catch {
      throw BadInput("\(lineage.name) is not taken over: \(error)")
    }
    try check(brought, invocation.environment["RENEWED_DOMAINS"], lineage.name)
    // Without the lease: another certfleet at work has planned already, and the next run sees this one.
    let certificate = try await session.store.add(
      brought.chain, key: .held(brought.key), to: lineage.name, how: .imported, now: Date())
    let what = "\(lineage.name): generation \(certificate.generation) taken over from certbot"
    guard files.handOver == .atOnce else {
      Console.standard.say("\(what); the next run rolls it out")
      return .converged
    }
    Console.standard.say("\(what); rolling it out")
    return try await session.rollOut(
      FleetRun.Errand(only: [lineage.name], request: PlanRequest(ignoresPauses: true)),
      under: try ControllerLease(home: session.home, now: Date()), invocation)
  }

  private static func check(_ brought: ProvidedCertificate, _ domains: String?, _ name: Lineage.Name) throws {
    guard let domains else { return }
    let told = Set(domains.split(separator: " ").map { $0.lowercased() })
    guard told == Set(brought.chain.leaf.names) else {
      throw BadInput(
        "\(name): RENEWED_DOMAINS says \(domains.visible), and the certificate is for \(brought.chain.leaf.names.joined(separator: " "))"
      )
    }
  }
}

extension Session {
  /// The lineage that `RENEWED_LINEAGE` names: certbot's folder `live/NAME`.
  fileprivate func renewedLineage(_ environment: [String: String]) async throws -> Lineage {
    guard let path = environment["RENEWED_LINEAGE"], !path.isEmpty else {
      throw BadInput(
        "RENEWED_LINEAGE is not set; this is for certbot: certbot renew --deploy-hook 'certfleet hook certbot'"
      )
    }
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
    else {
      throw BadInput(
        "\(path.visible) is not one of our certificates; adopt it: certfleet cert adopt --from \(folder) \(name.visible)"
      )
    }
    return lineage
  }

  fileprivate func certbotFiles(
    of lineage: Lineage
  ) async throws -> (files: ProvidedFiles, handOver: CertbotFolder.HandOver) {
    guard
      let folder = try await store.declaration().issuers.first(where: { $0.name == lineage.issuer })?.certbot
    else {
      throw BadInput("the issuer \(lineage.issuer) is not declared; apply it")
    }
    return (folder.files(of: lineage.name), folder.handOver)
  }

}
