import Fleet

/// A small inventory to begin with: one certificate for all hosts, with comments.
package struct NewInventory: Sendable {
  /// As people write them for ssh: `web1.example.com`, `deploy@10.0.0.1`.
  package var hosts: [String]
  package var user: String
  package var domains: [String]
  /// A ready-made hook's name, or a command; empty where nothing is to be told.
  package var service: String
  package var email: String?
  package var agreesToTerms: Bool

  package init(
    hosts: [String], user: String, domains: [String], service: String, email: String?, agreesToTerms: Bool
  ) {
    (self.hosts, self.user, self.domains) = (hosts, user, domains)
    (self.service, self.email, self.agreesToTerms) = (service, email, agreesToTerms)
  }

  /// What was answered and cannot stand in an inventory.
  package struct Unusable: Error, CustomStringConvertible { package let description: String }

  package func text(appliedBy apply: String) throws(Unusable) -> String {
    var fleet = ImportedFleet()
    for host in hosts { fleet.add(Self.host(host)) }
    if let note = fleet.noteLines.first { throw Unusable(description: note) }
    guard let first = domains.first, !fleet.hosts.isEmpty else {
      throw Unusable(description: "it takes one host and one name for a certificate")
    }
    let login = "user: \(user.quoted)" + (user == "root" ? "" : ", become: true")
    let hosts = fleet.hosts.map { "    { \(fields(of: $0)) }," }
    let name = ImportedHost.name(from: first.replacing("*", with: "_"))
    return """
      // A fleet to begin with. Read it, and apply it: \(apply)
      {
        // How hosts are logged in to: as with ssh, with your key or your agent. become: true is sudo without a password.
        defaults: { \(login) },
        hosts: [
      \(hosts.joined(separator: "\n"))
        ],
        issuers: [
          // agree_to_terms says that you have read them: https://letsencrypt.org/repository/
          { name: "letsencrypt", type: "acme", directory: "https://acme-v02.api.letsencrypt.org/directory",
            \(email.map { "contact: \("mailto:\($0)".quoted), " } ?? "")agree_to_terms: \(agreesToTerms) },
        ],
        certificates: [
          { name: \(name.quoted), domains: [\(domains.map(\.quoted).joined(separator: ", "))], issuer: "letsencrypt",
      \(challenge)
            // On every host it is in /etc/certfleet/live/\(name)/: fullchain.pem and privkey.pem.
            deploy: [{ to: "*"\(reload) }] },
        ],
      }

      """
  }

  /// A port may follow, as in URLs.
  private static func host(_ text: String) -> ImportedHost {
    guard let parts = text.wholeMatch(of: /([^:]+):([0-9]{1,5})/) else { return ImportedHost(name: text) }
    var host = ImportedHost(name: String(parts.1))
    host.port = Int(parts.2)
    return host
  }

  private func fields(of host: ImportedHost) -> String {
    var fields = ["name: \(host.name.quoted)"]
    if let address = host.address { fields.append("address: \(address.quoted)") }
    if let port = host.port { fields.append("port: \(port)") }
    if let own = host.user, own != user {
      fields.append("user: \(own.quoted)")
      if (own == "root") != (user == "root") { fields.append("become: \(own != "root")") }
    }
    return fields.joined(separator: ", ")
  }

  private var challenge: String {
    if domains.contains(where: { $0.hasPrefix("*.") }) {
      return """
              // A name with * is proven by DNS: any provider that lexicon has, and a file of yours alone with its login.
              challenge: { type: "dns-01", provider: "cloudflare", credentials_file: "dns.credentials" },
        """
    }
    return """
            // The CA asks http://\(domains[0])/.well-known/acme-challenge/…, and the hosts' web servers show it what is put below this folder.
            challenge: { type: "http-01", via: "hosts", webroot: "/var/www/html" },
      """
  }

  private var reload: String {
    guard !service.isEmpty else { return "" }
    let isReadyMade = Self.services[service] != nil
    let hook = (isReadyMade ? "@" + service : service).quoted
    let looks = Self.services[service].map { $0.isEmpty ? "" : ", verify: [\($0)]" } ?? ""
    return ", hooks: { deploy: [\(hook)] }\(looks)"
  }

  /// Where each is seen to serve its certificate, by the port that it usually has.
  package static let services = [
    "nginx": "{ tls: 443 }", "apache": "{ tls: 443 }", "haproxy": "{ tls: 443 }", "lighttpd": "{ tls: 443 }",
    "postfix": "{ tls: 25, starttls: \"smtp\" }", "dovecot": "{ tls: 143, starttls: \"imap\" }",
    "prosody": "{ tls: 5222, starttls: \"xmpp\" }", "postgresql": "{ tls: 5432, starttls: \"postgres\" }",
    "mariadb": "{ tls: 3306, starttls: \"mysql\" }", "mosquitto": "{ tls: 8883 }", "redis": "{ tls: 6380 }",
    "proftpd": "{ tls: 21, starttls: \"ftp\" }",
  ]
}
