/// A certificate as a further file on a host, for what cannot read certbot's layout.
package struct FileInstallation: Hashable, Sendable, Codable {
  package var format: Format
  /// Absolute, or `~/` and a path in the home of whom the agent runs as.
  package var path: String
  /// The second file of a format that keeps the key apart.
  package var keyPath: String?
  package var owner: String?
  package var group: String?
  /// Octal, of the file that holds the key, or of the only one; `nil` is 0600 with a key and 0644 without.
  package var mode: String?
  /// What is refused otherwise.
  package var allowances: [Allowance]
  /// A file on the controller with the password of a keystore.
  package var passwordFile: String?

  private enum CodingKeys: String, CodingKey {
    case format, path, owner, group, mode
    case keyPath = "key_path"
    case allowances = "allow"
    case passwordFile = "password_file"
  }

  package init(
    format: Format, path: String, keyPath: String? = nil, owner: String? = nil, group: String? = nil,
    mode: String? = nil, allowances: Set<Allowance> = [], passwordFile: String? = nil
  ) {
    self.format = format
    self.path = path
    self.keyPath = keyPath
    self.owner = owner
    self.group = group
    self.mode = mode
    self.allowances = allowances.sorted { $0.rawValue < $1.rawValue }
    self.passwordFile = passwordFile
  }

  package enum Format: String, Hashable, Sendable, Codable, CaseIterable {
    /// The chain in one PEM file and the key in another.
    case pem
    /// The leaf and its intermediates.
    case fullchain
    /// Leaf, intermediates and key in one PEM file, in HAProxy's order.
    case haproxy
    /// The leaf in DER, and the key as PKCS#8 in another file where one is named.
    case der
    case pkcs12
    /// What Java reads as a keystore: PKCS#12 whose entry has the lineage's name.
    case javaKeystore = "java-keystore"

    package var needsKeyPath: Bool { self == .pem }
    package var mayHaveKeyPath: Bool { self == .pem || self == .der }
    package var needsPassword: Bool { self == .pkcs12 || self == .javaKeystore }
    /// Whether the file at `path` holds the private key.
    package var holdsKey: Bool { self == .haproxy || needsPassword }
    /// Whether a host that has made its own key could write it without the controller.
    package var canHaveKeyOfHost: Bool { self == .pem || self == .fullchain || self == .haproxy }
  }

  /// A destination that could be turned against the host, by name.
  package enum Allowance: String, Hashable, Sendable, Codable, CaseIterable {
    /// The file is a symbolic link: what it points to is replaced.
    case symlink
    /// Others may write its folder.
    case shared
    /// Key and certificate are in two folders, which do not change in one moment: a host that loses power in between has
    /// one old and one new until its next visit.
    case apart
  }

  /// Whether key and certificate go to two folders.
  package var isApart: Bool {
    func folder(_ path: String) -> Substring { path.prefix(upTo: path.lastIndex(of: "/") ?? path.startIndex) }
    return keyPath.map { folder($0) != folder(path) } ?? false
  }

  /// Every path that it writes.
  package var paths: [String] { [path] + (keyPath.map { [$0] } ?? []) }
}
