package import Fleet
package import FoundationEssentials
import PKI

/// What a host has today that has to do with certificates, as far as it was understood.
package struct DiscoveredHost: Sendable {
  package let host: Host
  package private(set) var certificates: [DiscoveredCertificate] = []
  /// What was not understood.
  package private(set) var notes: [String] = []
  private let uses: [ServiceConfiguration.Use]
  private let clients: [(file: String, client: DiscoveredCertificate.Client)]
  /// Whether certbot runs programs for all of its certificates.
  let hasDirectoryHooks: Bool
  /// Where something listens, or is to by a configuration.
  package let ports: [Int]

  /// - Parameter survey: what the host told at first.
  package init(_ host: Host, survey: [ToldByHost]) {
    self.host = host
    let services = survey.map { ServiceConfiguration($0) }
    uses = services.flatMap(\.uses)
    clients = survey.compactMap { file in
      DiscoveredCertificate.Client(file).map { ($0.certificateFile, $0) }
    }
    ports = Set(services.flatMap(\.ports)).union(
      survey.filter { $0.kind == .listening }.flatMap { ListeningPorts($0.text, at: host.address).all }
    ).sorted()
    hasDirectoryHooks = survey.contains { $0.kind == .certbot && $0.path.hasSuffix("/renewal-hooks") }
    notes = services.flatMap(\.notes)
    for (_, client) in clients {
      for other in client.others {
        notes.append(
          "\(client.name): \(client.program.rawValue) runs its \(other.shortened(to: 100)), which is not written here"
        )
      }
    }
    let hidden = survey.filter { $0.kind == .unreadable }.map(\.path)
    if !hidden.isEmpty {
      notes.append(
        "cannot be read by the login: \(hidden.prefix(3).joined(separator: ", "))\(hidden.count > 3 ? " and \(hidden.count - 3) more" : "")\(host.become == nil ? "; with become: true more is seen" : "")"
      )
    }
  }

  /// The files that may have certificates, and the keys beside them.
  package var files: (certificates: [String], keys: [String]) {
    let keys = Set(uses.compactMap(\.key))
    return (
      Set(uses.map(\.certificate) + clients.map(\.file)).subtracting(keys).sorted(), keys.sorted()
    )
  }

  /// - Parameter told: what the files are that were asked for.
  package mutating func take(_ told: [ToldByHost]) {
    var ownerships: [String: Ownership] = [:]
    // A link stays one, and what it leads to is what is written.
    var targets: [String: String] = [:]
    var found: [Fingerprint: DiscoveredCertificate] = [:]
    for file in told where file.kind == .file {
      let parts = file.text.split(separator: "\n", maxSplits: 1).map(String.init)
      let words = (parts.first ?? "").split(separator: " ", maxSplits: 3).map(String.init)
      if words.count >= 3, words[0] != "-" {
        ownerships[file.path] = Ownership(mode: words[0], owner: words[1], group: words[2])
      }
      if words.count == 4, words[3].hasPrefix("/") { targets[file.path] = words[3] }
      guard parts.count > 1, let chain = try? CertificateChain(pem: parts[1]),
        let one = DiscoveredCertificate(chain.leaf)
      else { continue }
      let uses = uses.filter { use in
        use.certificate == file.path || file.path.hasPrefix(use.certificate + "/")
      }
      let client = clients.first { $0.file == file.path }?.client
      guard !uses.isEmpty || client != nil else { continue }
      var certificate = found[one.fingerprint] ?? one
      certificate.uses += uses.map {
        .init(service: $0.service, certificate: file.path, key: $0.key, ownership: nil)
      }
      certificate.client = certificate.client ?? client
      found[one.fingerprint] = certificate
    }
    for file in told where file.kind == .unreadable {
      notes.append("cannot be read by the login: \(file.path)")
    }
    let read = Set(told.map(\.path))
    for use in uses
    where !read.contains(use.certificate) && !read.contains(where: { $0.hasPrefix(use.certificate + "/") }) {
      notes.append("\(use.service) names \(use.certificate), which is not there")
    }
    certificates = found.values.map { certificate in
      var certificate = certificate
      for index in certificate.uses.indices {
        let use = certificate.uses[index]
        certificate.uses[index] = .init(
          service: use.service, certificate: targets[use.certificate] ?? use.certificate,
          key: use.key.map { targets[$0] ?? $0 }, ownership: ownerships[use.key ?? use.certificate])
      }
      certificate.uses = certificate.uses.uniqued
      return certificate
    }.sorted { $0.names.first ?? "" < $1.names.first ?? "" }
  }

  /// What the controller was shown at a port.
  package mutating func take(_ served: ServedLeaf, at question: TLSQuestion) {
    let port = DiscoveredCertificate.Port(number: Int(question.port), startTLS: question.startTLS)
    guard let index = certificates.firstIndex(where: { $0.fingerprint == served.fingerprint }) else {
      let note = "port \(question.port) serves \(served.words), and which service does that was not found"
      if !notes.contains(note) { notes.append(note) }
      return
    }
    if !certificates[index].ports.contains(port) { certificates[index].ports.append(port) }
  }
}

/// A certificate on a host: who reads it there, who renews it, and where it is served.
package struct DiscoveredCertificate: Hashable, Sendable {
  package let fingerprint: Fingerprint
  package let names: [String]
  package let notAfter: Date
  package let keyType: KeyType?
  /// The common name of who issued it; itself, where nobody did.
  package let issuer: String
  package let isSelfSigned: Bool
  package var uses: [Use] = []
  package var client: Client?
  package var ports: [Port] = []

  /// A service that reads it.
  package struct Use: Hashable, Sendable {
    package let service: String
    package let certificate: String
    package let key: String?
    /// Of the file with the key.
    package var ownership: Ownership?
  }

  package struct Port: Hashable, Sendable {
    package let number: Int
    package let startTLS: StartTLS?
  }

  init?(_ leaf: X509Certificate) {
    guard let fingerprint = try? leaf.fingerprint(), let notAfter = try? leaf.notAfter() else { return nil }
    (self.fingerprint, self.notAfter, names, keyType) = (fingerprint, notAfter, leaf.names, leaf.keyType)
    issuer = leaf.issuerName
    isSelfSigned = leaf.issuerName == leaf.subjectName
  }

  /// Who renews it on the host.
  package struct Client: Hashable, Sendable {
    package enum Program: String, Hashable, Sendable {
      case certbot, dehydrated
      case acmeSh = "acme.sh"
    }

    package let program: Program
    /// By which name.
    package let name: String
    let certificateFile: String
    /// The ACME directory; empty where it is not said.
    package let directory: String
    let proof: ImportedCertificate.Proof
    /// What it runs after a renewal.
    let deployHook: String?
    /// What else it runs, and is not taken.
    let others: [String]

    init?(_ file: ToldByHost) {
      let fields = Dictionary(
        file.text.split(whereSeparator: \.isNewline).compactMap { line -> (String, String)? in
          guard let equals = line.firstIndex(of: "=") else { return nil }
          let value = String(line[line.index(after: equals)...]).trimmed
          let isQuoted = value.count > 1 && value.first == value.last && "'\"".contains(value.first ?? " ")
          return (String(line[..<equals]).trimmed, isQuoted ? String(value.dropFirst().dropLast()) : value)
        }, uniquingKeysWith: { $1 })
      let last = file.path.split(separator: "/").map(String.init)
      switch file.kind {
      case .certbot:
        guard let live = fields["cert"], file.path.hasSuffix(".conf") else { return nil }
        program = .certbot
        name = String((last.last ?? "").dropLast(".conf".count))
        (certificateFile, directory) = (
          live, fields["server"] ?? "https://acme-v02.api.letsencrypt.org/directory"
        )
        proof = Self.proof(ofCertbot: fields)
        deployHook = fields["renew_hook"]
        others = ["pre_hook", "post_hook"].compactMap { name in fields[name].map { "\(name) \($0)" } }
      case .acmeSh:
        guard let domain = fields["Le_Domain"], last.count > 1 else { return nil }
        (program, name, directory) = (.acmeSh, domain, fields["Le_API"] ?? "")
        let installed = fields["Le_RealFullChainPath"] ?? ""
        certificateFile =
          installed.isEmpty ? "/" + last.dropLast().joined(separator: "/") + "/fullchain.cer" : installed
        proof = Self.onHost(ACMEShFolder.proof(fields["Le_Webroot"] ?? ""))
        deployHook = fields["Le_ReloadCmd"].flatMap { $0.isEmpty ? nil : ACMEShFolder.decoded($0) }
        others = ["Le_PreHook", "Le_PostHook", "Le_RenewHook"].compactMap { name in
          fields[name].map(ACMEShFolder.decoded).flatMap { $0.isEmpty ? nil : "\(name) \($0)" }
        }
      case .dehydrated:
        guard last.count > 1 else { return nil }
        (program, name, directory, certificateFile) = (.dehydrated, last[last.count - 2], "", file.path)
        proof = .unknown("dehydrated does not say with each certificate how it proved it")
        (deployHook, others) = (nil, [])
      default: return nil
      }
    }

    private static func proof(ofCertbot fields: [String: String]) -> ImportedCertificate.Proof {
      let way = fields["authenticator"] ?? "unknown"
      if way == "webroot", let folder = fields["webroot_path"]?.split(separator: ",").first {
        return .hostWebroot(String(folder).trimmed)
      }
      if let provider = plugins[way] { return .provider(provider, from: "certbot's plugin \(way)") }
      return onHost(
        ["standalone", "nginx", "apache"].contains(way)
          ? .listener : .unknown("certbot proved it by its plugin '\(way)'"))
    }

    /// The CA asks the host, and not the controller.
    private static func onHost(_ proof: ImportedCertificate.Proof) -> ImportedCertificate.Proof {
      switch proof {
      case .listener:
        .unknown(
          "it was proven at port 80 of the host; by the web server there: challenge: { type: \"http-01\", via: \"hosts\", webroot: \"…\" }"
        )
      case .webroot(let folder): .hostWebroot(folder)
      case .hostWebroot, .provider, .unknown: proof
      }
    }

    /// lexicon's names for certbot's plugins.
    private static let plugins = [
      "dns-cloudflare": "cloudflare", "dns-digitalocean": "digitalocean", "dns-dnsimple": "dnsimple",
      "dns-dnsmadeeasy": "dnsmadeeasy", "dns-gehirn": "gehirn", "dns-google": "googleclouddns",
      "dns-linode": "linode4", "dns-luadns": "luadns", "dns-nsone": "nsone", "dns-ovh": "ovh",
      "dns-route53": "route53", "dns-sakuracloud": "sakuracloud",
    ]
  }
}

/// proc(5), net/tcp: the ports at which something listens, for others than the host itself.
struct ListeningPorts {
  let all: [Int]

  /// - Parameter address: at which the host is reached.
  init(_ text: String, at address: String) {
    let own = address.split(separator: ".").compactMap { UInt8($0) }
    all = text.split(whereSeparator: \.isNewline).compactMap { line in
      let fields = line.split(separator: " ")
      guard fields.count > 3, fields[3] == "0A" else { return nil }
      let place = fields[1].split(separator: ":")
      guard place.count == 2, let port = Int(place[1], radix: 16) else { return nil }
      // Little-endian, in groups of four bytes.
      let hex = String(place[0])
      let isAny = hex.allSatisfy { $0 == "0" }
      let isOwn =
        own.count == 4
        && hex.hasSuffix(
          own.reversed().map { $0 < 16 ? "0" + String($0, radix: 16) : String($0, radix: 16) }.joined()
            .uppercased())
      let isLoopback = hex.count == 8 && hex.hasSuffix("7F") || hex == "00000000000000000000000001000000"
      return isAny || isOwn || (!isLoopback && own.first != 127) ? port : nil
    }
  }
}

extension Array where Element: Hashable {
  fileprivate var uniqued: [Element] {
    var seen: Set<Element> = []
    return filter { seen.insert($0).inserted }
  }
}
