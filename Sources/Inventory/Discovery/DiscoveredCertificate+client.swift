import Fleet

extension DiscoveredCertificate {
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
