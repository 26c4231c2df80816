import Controller
import Fleet
import FoundationEssentials
import Issuance
import Reporting

/// What was found, and the inventory that says where it goes.
extension Adoption: Report {
  static let schema = JSONText.Schema.adoption

  private enum Key: String, CodingKey { case items }

  func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: Key.self)
    try values.encode(certificates, forKey: .items)
  }

  func text(now: Date) -> String {
    guard !certificates.isEmpty else { return "\(certbot.path) holds no lineage\n" }
    let good = certificates.filter { $0.problem == nil }
    return table(now) + hooks + certbot.problems.map { "\($0)\n" }.joined()
      + certificates.compactMap { certificate in
        certificate.problem.map { "\(certificate.lineage.name): not adopted: \($0)\n" }
      }.joined() + (good.isEmpty ? "" : inventory(good))
  }

  private func table(_ now: Date) -> String {
    var table = Table("NAME", "NAMES", "EXPIRES", "AUTHENTICATOR", "HOOKS")
    for certificate in certificates {
      let lineage = certificate.lineage
      let hooks = [("pre", lineage.preHook), ("deploy", lineage.deployHook), ("post", lineage.postHook)]
      table.add(
        lineage.name.visible, certificate.names.joined(separator: ",").shortened(to: 60),
        certificate.notAfter.map { $0.relative(to: now) } ?? "-", lineage.authenticator?.visible ?? "-",
        hooks.compactMap { name, command in command.map { "\(name): \($0.visible)" } }.joined(separator: "; ")
      )
    }
    return table.text
  }

  private var hooks: String {
    CertbotInstallation.Moment.allCases.flatMap { moment in
      (certbot.directoryHooks[moment] ?? []).map {
        "\(moment.rawValue) hook for all, on this machine: \($0.visible)\n"
      }
    }.joined()
  }

  /// What to put into the inventory, with the hooks that certbot ran here as those that are to run on the hosts.
  private func inventory(_ good: [AdoptableCertificate]) -> String {
    let entries = good.map { certificate in
      let lineage = certificate.lineage
      let hooks = [("pre", lineage.preHook), ("deploy", lineage.deployHook), ("post", lineage.postHook)]
        .compactMap { name, command in command.map { "\(name): [\(Self.quoted($0))]" } }
      return """
            { name: \(Self.quoted(lineage.name)), issuer: "\(Self.issuer)",
              deploy: [{ to: "role=web"\(hooks.isEmpty ? "" : ", hooks: { \(hooks.joined(separator: ", ")) }") }] },

        """
    }
    return """

      To say where they go, put this into your inventory, correct `to`, and apply it:

        issuers: [{ name: "\(Self.issuer)", type: "certbot", path: \(Self.quoted(certbot.path)) }],
        certificates: [
      \(entries.joined())  ],

      From then on certbot hands each renewal over:  certbot renew --deploy-hook 'certfleet hook certbot'

      """
  }

  /// A JSON string, which is a JSON5 string too.
  private static func quoted(_ text: String) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .withoutEscapingSlashes
    return (try? encoder.encode(text)).map { String(decoding: $0, as: UTF8.self) } ?? "\"\""
  }
}
