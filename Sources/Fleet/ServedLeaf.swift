package import FoundationEssentials

/// The certificate that a server showed.
package struct ServedLeaf: Hashable, Sendable {
  package let fingerprint: Fingerprint
  /// Its common name, or else its first name; for a person.
  package let name: String
  /// `nil` where it could not be read.
  package let notAfter: Date?

  /// `nil` where it is another kind, or could not be read.
  package let keyAlgorithm: KeyAlgorithm?

  /// The kinds of which servers may have a certificate each for one name.
  package enum KeyAlgorithm: Hashable, Sendable, CaseIterable { case rsa, ecdsa }

  package init(
    _ fingerprint: Fingerprint, name: String = "", notAfter: Date? = nil, keyAlgorithm: KeyAlgorithm? = nil
  ) {
    (self.fingerprint, self.name, self.notAfter, self.keyAlgorithm) = (
      fingerprint, name, notAfter, keyAlgorithm
    )
  }

  /// `CN=old.example until 2026-12-27`.
  package var words: String {
    let until = notAfter.map { " until \($0.ISO8601Format().prefix(10))" } ?? ""
    return (name.isEmpty ? fingerprint.short : "CN=\(name.visible.shortened(to: 80))") + until
  }
}
