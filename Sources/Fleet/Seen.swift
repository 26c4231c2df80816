package import FoundationEssentials

/// What was seen on one host's disk of one certificate.
package struct SeenOnDisk: Hashable, Sendable {
  /// Where the link leads that servers read through.
  package enum Link: Hashable, Sendable {
    case nothing
    case generation(Generation)
    /// It is no link of certfleet's.
    case other
  }

  package enum KeyFit: String, Hashable, Sendable {
    case yes, no
    /// There is none, or no certificate.
    case none
    /// OpenSSL cannot read them.
    case unknown
    /// There is no OpenSSL on the host.
    case unasked
  }

  package var link: Link
  package var certificate: SeenCertificate?
  package var key: KeyFit
  /// What else is not as it was put there: files, owners, modes.
  package var flaws: [String]

  package init(link: Link, certificate: SeenCertificate? = nil, key: KeyFit = .none, flaws: [String] = []) {
    (self.link, self.certificate, self.key, self.flaws) = (link, certificate, key, flaws)
  }
}

/// A certificate that a host has, which may be one that this state does not know.
package struct SeenCertificate: Hashable, Sendable {
  package var fingerprint: Fingerprint
  package var names: [String]
  package var notBefore: Date
  package var notAfter: Date

  package init(fingerprint: Fingerprint, names: [String], notBefore: Date, notAfter: Date) {
    (self.fingerprint, self.names, self.notBefore, self.notAfter) = (fingerprint, names, notBefore, notAfter)
  }
}

/// Whose a file is, as ls(1) shows it.
package struct Ownership: Hashable, Sendable {
  /// For example `-rw-r-----`.
  package var mode: String
  package var owner: String
  package var group: String

  package init(mode: String, owner: String, group: String) {
    (self.mode, self.owner, self.group) = (mode, owner, group)
  }

  /// The permissions in octal with a leading zero, as an inventory has them.
  package var octal: String {
    let bits = mode.dropFirst().prefix(9).reduce(0) { $0 << 1 | ("-ST".contains($1) ? 0 : 1) }
    return "0" + String(bits >> 6 & 7) + String(bits >> 3 & 7) + String(bits & 7)
  }
}

/// Who a controller is to hosts: made with its state, and never changed.
package struct ControllerIdentity: Hashable, Sendable {
  package var id: String
  /// Of the machine where the state was made; for a person.
  package var name: String

  package init(id: String, name: String) { (self.id, self.name) = (id, name) }
}

/// What a host remembers of the controller that its base belongs to.
package struct ControllerMark: Hashable, Sendable {
  package var id: String
  package var name: String
  /// The highest of that controller's that was seen.
  package var epoch: Int
  /// When it was there last.
  package var lastSeen: Date

  package init(id: String, name: String, epoch: Int, lastSeen: Date) {
    (self.id, self.name, self.epoch, self.lastSeen) = (id, name, epoch, lastSeen)
  }

  /// For a person.
  package var words: String {
    "the controller \(name) (\(id)), which was there last at \(lastSeen.ISO8601Format())"
  }
}
