package import Fleet
package import FoundationEssentials

/// What an existing certbot has, and the inventory that says where it goes.
package struct AdoptionReport: Sendable {
  /// certbot's configuration folder.
  package let path: String
  package let certificates: [AdoptableCertificate]
  /// Files that cannot be read.
  package let problems: [String]
  /// Scripts that certbot runs for every lineage, in its order.
  package let hooks: [(moment: String, path: String)]

  /// The issuer that is declared for it where there is none yet.
  package static let issuer: Issuer.Name = "certbot"

  package init(
    path: String, certificates: [AdoptableCertificate], problems: [String],
    hooks: [(moment: String, path: String)]
  ) {
    (self.path, self.certificates, self.problems, self.hooks) = (path, certificates, problems, hooks)
  }

  /// Whether all of it can be taken over.
  package var isComplete: Bool { problems.isEmpty && certificates.allSatisfy { $0.problem == nil } }
}

/// What an existing certbot has of one lineage.
package struct AdoptableCertificate: Sendable, Codable {
  package let lineage: CertbotLineage
  package let names: [String]
  package let notAfter: Date?
  /// Why it cannot be taken over; `nil` when it can.
  package let problem: String?

  private enum CodingKeys: String, CodingKey {
    case lineage, names, problem
    case notAfter = "not_after"
  }

  package init(lineage: CertbotLineage, names: [String], notAfter: Date?, problem: String?) {
    (self.lineage, self.names, self.notAfter, self.problem) = (lineage, names, notAfter, problem)
  }
}

extension AdoptionReport: Report {
  package static let schema = JSONText.Schema.adoption

  private enum Key: String, CodingKey { case items }

  package func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: Key.self)
    try values.encode(certificates, forKey: .items)
  }

  /// The inventory alone: a file that can be applied as it is.
  package func text(now: Date) -> String {
    let good = certificates.filter { $0.problem == nil }
    return good.isEmpty ? "" : inventory(good)
  }

  /// What is there, and what of it cannot be taken over: beside the inventory, for a person.
  package func overview(now: Date) -> String {
    guard !certificates.isEmpty else { return "\(path) holds no lineage\n" }
    return table(now) + hookLines + problems.map { "\($0)\n" }.joined()
      + certificates.compactMap { certificate in
        certificate.problem.map { "\(certificate.lineage.name): not adopted: \($0)\n" }
      }.joined()
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

  private var hookLines: String {
    hooks.map { "\($0.moment) hook for all, on this machine: \($0.path.visible)\n" }.joined()
  }

  /// With the hooks that certbot ran here as those that are to run on the hosts.
  private func inventory(_ good: [AdoptableCertificate]) -> String {
    let entries = good.map { certificate in
      let lineage = certificate.lineage
      let hooks = [("pre", lineage.preHook), ("deploy", lineage.deployHook), ("post", lineage.postHook)]
        .compactMap { name, command in command.map { "\(name): [\(Self.quoted($0))]" } }
      return """
            { name: \(Self.quoted(lineage.name)), issuer: "\(Self.issuer)",
              // A guess: certbot does not say which hosts need it.
              deploy: [{ to: "role=web"\(hooks.isEmpty ? "" : ", hooks: { \(hooks.joined(separator: ", ")) }") }] },

        """
    }
    return """
      // What certbot has, for certfleet apply. Correct each `to`. From then on certbot hands each renewal over:
      //   certbot renew --deploy-hook 'certfleet hook certbot'
      {
        issuers: [{ name: "\(Self.issuer)", type: "certbot", path: \(Self.quoted(path)) }],
        certificates: [
      \(entries.joined())  ],
      }

      """
  }

  /// A JSON string, which is a JSON5 string too.
  private static func quoted(_ text: String) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .withoutEscapingSlashes
    return (try? encoder.encode(text)).map { String(decoding: $0, as: UTF8.self) } ?? "\"\""
  }
}
