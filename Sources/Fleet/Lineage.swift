/// A named certificate through all its renewals, and where it is to go.
package struct Lineage: Hashable, Sendable, Codable {
  package typealias Name = Identifier<Lineage>

  package var name: Name
  /// DNS names in A-label form, lower case, and IP addresses, without duplicates; the first is the common one. Empty
  /// where whatever the issuer's certificate names is right.
  package var domains: [String]
  package var issuer: Issuer.Name
  /// Others that issue when the first cannot and time is short, in their order.
  package var standIns: [Issuer.Name]
  package var key: KeyPolicy
  /// How an ACME server is shown control of the names; `nil` is `Challenge.standard`.
  package var challenge: Challenge?
  /// A set of rules of the CA's for its certificates, by its name (draft-ietf-acme-profiles).
  package var profile: String?
  /// The common name of an issuer in the chain that is wanted where the CA offers several (RFC 8555 §7.4.2).
  package var preferredChain: String?
  /// Where a certificate that is provided lies, for an issuer of files.
  package var files: ProvidedFiles?
  package var deployments: [Deployment]

  private enum CodingKeys: String, CodingKey {
    case name, domains, issuer, key, challenge, profile, files, deployments
    case preferredChain = "preferred_chain"
    case standIns = "stand_ins"
  }

  package init(
    name: Name, domains: [String], issuer: Issuer.Name, standIns: [Issuer.Name] = [],
    key: KeyPolicy = KeyPolicy(), challenge: Challenge? = nil, profile: String? = nil,
    preferredChain: String? = nil,
    files: ProvidedFiles? = nil, deployments: [Deployment] = []
  ) {
    self.name = name
    self.domains = domains
    self.issuer = issuer
    self.standIns = standIns
    self.key = key
    self.challenge = challenge
    self.profile = profile
    self.preferredChain = preferredChain
    self.files = files
    self.deployments = deployments
  }
}

extension Lineage {
  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    name = try values.decode(Name.self, forKey: .name)
    domains = try values.decode([String].self, forKey: .domains)
    issuer = try values.decode(Issuer.Name.self, forKey: .issuer)
    // What was stored earlier knows of none.
    standIns = try values.decodeIfPresent([Issuer.Name].self, forKey: .standIns) ?? []
    key = try values.decode(KeyPolicy.self, forKey: .key)
    challenge = try values.decodeIfPresent(Challenge.self, forKey: .challenge)
    profile = try values.decodeIfPresent(String.self, forKey: .profile)
    preferredChain = try values.decodeIfPresent(String.self, forKey: .preferredChain)
    files = try values.decodeIfPresent(ProvidedFiles.self, forKey: .files)
    deployments = try values.decode([Deployment].self, forKey: .deployments)
  }
}

extension Lineage {
  package func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(name, forKey: .name)
    try values.encode(domains, forKey: .domains)
    try values.encode(issuer, forKey: .issuer)
    if !standIns.isEmpty { try values.encode(standIns, forKey: .standIns) }
    try values.encode(key, forKey: .key)
    try values.encodeIfPresent(challenge, forKey: .challenge)
    try values.encodeIfPresent(profile, forKey: .profile)
    try values.encodeIfPresent(preferredChain, forKey: .preferredChain)
    try values.encodeIfPresent(files, forKey: .files)
    try values.encode(deployments, forKey: .deployments)
  }
}

extension Lineage {
  package func goes(to host: Host) -> Bool { deployments.contains { $0.selector.matches(host) } }

  package func hosts(among hosts: [Host]) -> [Host] { hosts.filter(goes) }
}

/// A lineage's private keys: of which kind, for how long, and where they are made.
package struct KeyPolicy: Hashable, Sendable, Codable {
  package var type: KeyType
  /// Whether a renewal keeps the key, as certbot's `--reuse-key`.
  package var isReused: Bool
  package var place: Place

  /// Who makes the key and therefore has it.
  package enum Place: String, Hashable, Sendable, Codable, CaseIterable {
    case controller
    /// Each host makes its own, so each host gets a certificate of its own.
    case host
  }

  private enum CodingKeys: String, CodingKey {
    case type, place
    case isReused = "is_reused"
  }

  package init(type: KeyType = .ecdsaP256, isReused: Bool = false, place: Place = .controller) {
    self.type = type
    self.isReused = isReused
    self.place = place
  }
}

/// The kinds of private key that a lineage may ask for, by certbot's and lego's names.
package enum KeyType: String, Hashable, Sendable, Codable, CaseIterable {
  case ecdsaP256 = "ecdsa-p256"
  case ecdsaP384 = "ecdsa-p384"
  case rsa2048 = "rsa-2048"
  case rsa3072 = "rsa-3072"
  case rsa4096 = "rsa-4096"
}

/// PEM files on the controller.
package struct ProvidedFiles: Hashable, Sendable, Codable {
  /// The certificate, with or without the chain behind it.
  package var certificate: String
  /// The intermediates, where they are in a file of their own.
  package var chain: String?
  package var privateKey: String

  private enum CodingKeys: String, CodingKey {
    case certificate, chain
    case privateKey = "private_key"
  }

  package init(certificate: String, chain: String?, privateKey: String) {
    self.certificate = certificate
    self.chain = chain
    self.privateKey = privateKey
  }
}

extension Lineage {
  /// What is issued for this lineage: itself; or, where each host has a key of its own, one for each host that it goes
  /// to, named `NAME@HOST`, which no declared name can be.
  package func instances(on hosts: [Host]) -> [Lineage] {
    guard key.place == .host else { return [self] }
    return self.hosts(among: hosts).map { host in
      var instance = self
      instance.name = Name("\(name)@\(host.name)")
      instance.deployments = deployments.filter { $0.selector.matches(host) }
        .map { deployment in
          var deployment = deployment
          deployment.selector = .name(of: host)
          return deployment
        }
      return instance
    }
  }
}

extension Identifier where Owner == Lineage {
  /// The name as it was declared, which is also that of the folder on a host.
  package var declared: Self {
    rawValue.utf8.contains(UInt8(ascii: "@")) ? Self(String(rawValue.prefix { $0 != "@" })) : self
  }

  /// The host that has this instance to itself; `nil` for a lineage that is the same everywhere.
  package var host: Host.Name? {
    rawValue.firstIndex(of: "@").map { Host.Name(String(rawValue[rawValue.index(after: $0)...])) }
  }
}

extension Lineage {
  /// What the controller asks of a host that it goes to.
  package func questions(to host: Host) -> [TLSQuestion] {
    deployments.filter { $0.selector.matches(host) }.flatMap(\.questions)
  }

  /// Whether the controller asks anything of every host that it goes to, or of none; `nil` where that differs.
  package var asksAll: Bool? {
    let answers = Set(deployments.map { !$0.questions.isEmpty })
    return answers.count == 1 ? answers.first : nil
  }
}

extension Deployment {
  fileprivate var questions: [TLSQuestion] {
    verify.filter { $0.place == .controller }
      .compactMap { if case .tls(let question) = $0.question { question } else { nil } }
  }
}
