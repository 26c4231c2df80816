import Fleet
import FoundationEssentials
import PKI

/// What lego keeps in its folder: `certificates/NAME.json`, `.crt` and `.key`, and `accounts/SERVER/EMAIL`. It does not keep how names are proven,
/// nor what is run after a renewal: both are in the command that runs it.
package enum LegoFolder {
  /// - Parameters:
  ///   - path: usually `.lego`.
  ///   - machine: what this machine is to be called.
  package static func read(_ path: String, on machine: String) -> ImportedFleet {
    var fleet = ImportedFleet()
    let folder = path + "/certificates"
    let accounts = accounts(path + "/accounts")
    let files = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
    for file in files where file.hasSuffix(".json") {
      let base = folder + "/" + file.dropLast(5)
      guard let json = InputFile.read(folder + "/" + file, most: 1 << 20),
        let resource = try? JSONDecoder().decode(Resource.self, from: json),
        let pem = InputFile.read(base + ".crt", most: 1 << 20)
      else {
        fleet.note("is not what lego writes", of: file)
        continue
      }
      guard let chain = try? CertificateChain(pem: String(decoding: pem, as: UTF8.self)) else {
        fleet.note("has a certificate that cannot be read", of: resource.domain)
        continue
      }
      // A colon is a low line in a folder's name. Of several servers none is guessed.
      let host = URL(string: resource.certUrl).map { "\($0.host ?? "")\($0.port.map { "_\($0)" } ?? "")" }
      let server =
        accounts.first { $0.server == host }
        ?? (Set(accounts.map(\.server)).count == 1 ? accounts.first : nil)
      var certificate = ImportedCertificate(
        name: ImportedHost.name(from: resource.domain.replacing("*", with: "_")),
        domains: names(of: chain, first: resource.domain),
        directory: server.flatMap { directories[$0.server] } ?? "")
      if certificate.directory.isEmpty {
        fleet.note(
          "comes from \((server?.server ?? host ?? "a CA").visible), whose ACME directory lego's folder does not name",
          of: resource.domain)
      }
      certificate.contact = server?.email
      certificate.keyType = chain.leaf.keyType
      certificate.challenge = .unknown("lego does not keep how it proves names")
      certificate.files = [.pair(certificate: base + ".crt", key: base + ".key")]
      certificate.release = "take its 'lego renew' out of cron or the timer"
      fleet.certificates.append(certificate)
    }
    fleet.addThisMachine(machine)
    return fleet
  }

  private struct Resource: Decodable {
    let domain: String
    let certUrl: String
  }

  private static func names(of chain: CertificateChain, first: String) -> [String] {
    let names = chain.leaf.names
    return names.contains(first) ? [first] + names.filter { $0 != first } : names
  }

  private static func accounts(_ path: String) -> [(server: String, email: String)] {
    let servers = ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
    return servers.flatMap { server in
      ((try? FileManager.default.contentsOfDirectory(atPath: path + "/" + server)) ?? []).sorted().map {
        (server, $0)
      }
    }
  }

  /// By the folder that lego makes of the server's name.
  private static let directories = [
    "acme-v02.api.letsencrypt.org": "https://acme-v02.api.letsencrypt.org/directory",
    "acme-staging-v02.api.letsencrypt.org": "https://acme-staging-v02.api.letsencrypt.org/directory",
    "acme.zerossl.com": "https://acme.zerossl.com/v2/DV90",
    "dv.acme-v02.api.pki.goog": "https://dv.acme-v02.api.pki.goog/directory",
    "api.buypass.com": "https://api.buypass.com/acme/directory",
  ]
}
