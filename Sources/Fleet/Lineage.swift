/// A named certificate through all its renewals, and where it is to go.
public struct Lineage: Hashable, Sendable, Codable {
  public typealias Name = Identifier<Lineage>

  public var name: Name
  /// DNS names in A-label form, lower case, without duplicates; the first is the common one.
  public var domains: [String]
  public var issuer: Issuer.Name
  public var key: KeyType
  public var challenge: Challenge
  public var deployments: [Deployment]

  public init(
    name: Name, domains: [String], issuer: Issuer.Name, key: KeyType, challenge: Challenge,
    deployments: [Deployment]
  ) {
    self.name = name
    self.domains = domains
    self.issuer = issuer
    self.key = key
    self.challenge = challenge
    self.deployments = deployments
  }
}

/// The kinds of private key that a lineage may ask for, by certbot's and lego's names.
public enum KeyType: String, Hashable, Sendable, Codable, CaseIterable {
  case ecdsaP256 = "ecdsa-p256"
  case ecdsaP384 = "ecdsa-p384"
  case rsa2048 = "rsa-2048"
  case rsa3072 = "rsa-3072"
  case rsa4096 = "rsa-4096"
}

/// How control of a name is shown to the CA.
public enum Challenge: Hashable, Sendable, Codable {
  /// RFC 8555 §8.3, answered by a listener of our own at `listen`.
  case http01(listen: ListenAddress)
}

/// Where the controller's own listener waits: an IP address and a port.
public struct ListenAddress: Hashable, Sendable, Codable, CustomStringConvertible {
  public var address: String
  public var port: UInt16

  public init(address: String, port: UInt16) {
    self.address = address
    self.port = port
  }

  public var description: String { address.contains(":") ? "[\(address)]:\(port)" : "\(address):\(port)" }

  /// RFC 8555 §8.3: the validation request goes to port 80.
  public static let standardHTTP = ListenAddress(address: "0.0.0.0", port: 80)
}

/// Where certificates come from.
public struct Issuer: Hashable, Sendable, Codable {
  public typealias Name = Identifier<Issuer>

  public var name: Name
  /// The ACME directory's URL (RFC 8555 §7.1.1), always https.
  public var directory: String
  /// `mailto:` addresses for the account.
  public var contact: [String]
  public var agreesToTerms: Bool
  /// A PEM file with the CA that the directory's own TLS certificate chains to, where that is a private one.
  public var caFile: String?

  public init(
    name: Name, directory: String, contact: [String], agreesToTerms: Bool, caFile: String?
  ) {
    self.name = name
    self.directory = directory
    self.contact = contact
    self.agreesToTerms = agreesToTerms
    self.caFile = caFile
  }
}
