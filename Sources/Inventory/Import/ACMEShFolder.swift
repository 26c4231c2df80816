import Fleet
import FoundationEssentials

/// What acme.sh keeps in its home: a folder for each certificate, with a file of shell assignments (`Le_…`) that says how it was issued,
/// where it was installed, and what is run after that.
package enum ACMEShFolder {
  /// - Parameters:
  ///   - path: usually `~/.acme.sh`.
  ///   - machine: what this machine is to be called.
  package static func read(_ path: String, on machine: String) -> ImportedFleet {
    var fleet = ImportedFleet()
    let contact = assignments(path + "/account.conf")["ACCOUNT_EMAIL"]
    let folders = ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
    for folder in folders {
      let domain = folder.hasSuffix("_ecc") ? String(folder.dropLast(4)) : folder
      let conf = assignments("\(path)/\(folder)/\(domain).conf")
      guard let name = conf["Le_Domain"] else { continue }
      read(conf, name, in: "\(path)/\(folder)", contact, isECC: folder.hasSuffix("_ecc"), into: &fleet)
    }
    fleet.addThisMachine(machine)
    return fleet
  }

  private static func read(
    _ conf: [String: String], _ domain: String, in folder: String, _ contact: String?, isECC: Bool,
    into fleet: inout ImportedFleet
  ) {
    let others = (conf["Le_Alt"] ?? "no").split(separator: ",").map(String.init).filter { $0 != "no" }
    var certificate = ImportedCertificate(
      name: ImportedHost.name(from: domain), domains: [domain] + others, directory: conf["Le_API"] ?? "")
    certificate.contact = contact
    switch conf["Le_Keylength"] ?? "" {
    case "ec-256": certificate.keyType = .ecdsaP256
    case "ec-384": certificate.keyType = .ecdsaP384
    case "", "2048": certificate.keyType = isECC ? .ecdsaP256 : .rsa2048
    case "3072": certificate.keyType = .rsa3072
    case "4096": certificate.keyType = .rsa4096
    case let other:
      fleet.note("has a key of '\(other.visible)', which is not made here; ecdsa-p256 is taken", of: domain)
    }
    let ways = Set((conf["Le_Webroot"] ?? "").split(separator: ",").map(String.init))
    if ways.count > 1 { fleet.note("proves its names in several ways; the first is taken", of: domain) }
    certificate.challenge = proof(
      ways.count > 1 ? String(conf["Le_Webroot"]?.split(separator: ",").first ?? "") : ways.first ?? "")
    let (key, chain) = (conf["Le_RealKeyPath"] ?? "", conf["Le_RealFullChainPath"] ?? "")
    if !key.isEmpty, !chain.isEmpty {
      certificate.files = [.pair(certificate: chain, key: key)]
    } else if key.isEmpty, chain.isEmpty {
      // Nothing was installed: services read acme.sh's own.
      certificate.files = [.pair(certificate: "\(folder)/fullchain.cer", key: "\(folder)/\(domain).key")]
    } else {
      certificate.files = chain.isEmpty ? [] : [.fullChain(chain)]
      if chain.isEmpty {
        fleet.note(
          "installs its key at '\(key.visible)' and no full chain; name where the chain is read", of: domain)
      }
    }
    for file in ["Le_RealCertPath", "Le_RealCACertPath"] {
      if let path = conf[file], !path.isEmpty, path != "no", path != chain {
        fleet.note(
          "'\(path.visible)' has a part of the chain alone, which is not written here; let services read the full chain",
          of: domain)
      }
    }
    certificate.reload = conf["Le_ReloadCmd"].flatMap { $0.isEmpty ? nil : decoded($0) }
    for hook in ["Le_PreHook", "Le_PostHook", "Le_RenewHook"] {
      if let command = conf[hook].map(decoded), !command.isEmpty {
        fleet.note("\(hook) is not taken: \(command.visible.shortened(to: 120))", of: domain)
      }
    }
    certificate.release = "acme.sh --remove -d \(domain)\(isECC ? " --ecc" : "")"
    fleet.certificates.append(certificate)
  }

  static func proof(_ way: String) -> ImportedCertificate.Proof {
    switch way {
    case "no": .listener
    case let way where way.hasPrefix("/"): .webroot(way)
    case let way where way.hasPrefix("dns_"):
      providers[way].map { .provider($0, from: "\(way) of acme.sh") }
        ?? .unknown("acme.sh proved it by '\(way)'")
    default: .unknown(way.isEmpty ? "acme.sh does not say how it proved it" : "acme.sh proved it by '\(way)'")
    }
  }

  /// lexicon's names for what acme.sh calls otherwise.
  private static let providers = [
    "dns_ali": "aliyun", "dns_aws": "route53", "dns_azure": "azure", "dns_cf": "cloudflare",
    "dns_cloudns": "cloudns",
    "dns_dgon": "digitalocean", "dns_dnsimple": "dnsimple", "dns_dp": "dnspod",
    "dns_dreamhost": "dreamhost", "dns_gandi_livedns": "gandi", "dns_gcloud": "googleclouddns",
    "dns_gd": "godaddy",
    "dns_he": "henet", "dns_hetzner": "hetzner", "dns_infomaniak": "infomaniak", "dns_inwx": "inwx",
    "dns_joker": "joker", "dns_linode_v4": "linode4", "dns_me": "dnsmadeeasy", "dns_namecheap": "namecheap",
    "dns_namecom": "namecom", "dns_namesilo": "namesilo", "dns_netcup": "netcup", "dns_njalla": "njalla",
    "dns_nsone": "nsone", "dns_ovh": "ovh", "dns_pdns": "powerdns", "dns_porkbun": "porkbun",
    "dns_rackspace": "rackspace",
    "dns_transip": "transip", "dns_vultr": "vultr", "dns_yandex": "yandex", "dns_zonomi": "zonomi",
  ]

  /// Commands are kept in base64, between two marks.
  static func decoded(_ value: String) -> String {
    let (start, end) = ("__ACME_BASE64__START_", "__ACME_BASE64__END_")
    guard value.hasPrefix(start), value.hasSuffix(end),
      let data = Data(base64Encoded: String(value.dropFirst(start.count).dropLast(end.count)))
    else { return value }
    return String(decoding: data, as: UTF8.self)
  }

  /// `NAME='value'`, a line each.
  private static func assignments(_ path: String) -> [String: String] {
    guard let data = InputFile.read(path, most: 1 << 20) else { return [:] }
    return String(decoding: data, as: UTF8.self).split(whereSeparator: \.isNewline).reduce(into: [:]) {
      all, line in
      guard let equals = line.firstIndex(of: "="), !line.hasPrefix("#") else { return }
      var value = line[line.index(after: equals)...]
      for quote in ["'", "\""] where value.count >= 2 && value.hasPrefix(quote) && value.hasSuffix(quote) {
        value = value.dropFirst().dropLast()
      }
      all[String(line[..<equals]).trimmed] = String(value)
    }
  }
}
