import COpenSSL
package import Fleet
package import FoundationEssentials
import Glibc

/// A leaf and the intermediates that came with it, leaf first.
package struct CertificateChain: Sendable {
  package let leaf: X509Certificate
  package let intermediates: [X509Certificate]

  /// Reads a PEM chain as a CA sends it (RFC 8555 §9.1: only CERTIFICATE blocks, leaf first).
  ///
  /// - Throws: `Refused` when it holds anything else, or nothing.
  package init(pem: String) throws(Refused) {
    guard pem.utf8.count <= Self.largest else {
      throw Refused("it is \(pem.utf8.count >> 10) KiB long; \(Self.largest >> 10) are allowed")
    }
    let labels = pem.matches(of: /-----BEGIN ([A-Z0-9 ]+)-----/).map { String($0.output.1) }
    guard let first = labels.first else { throw Refused("it holds no PEM block") }
    guard labels.count <= Self.longest else {
      throw Refused("it has \(labels.count) certificates; \(Self.longest) are allowed")
    }
    if let other = labels.first(where: { $0 != "CERTIFICATE" }) {
      throw Refused("it holds a block '\(other)' beside \(first == other ? "or before" : "the") certificates")
    }
    var certificates: [X509Certificate] = []
    do {
      let bio = try MemoryBIO(pem.utf8)
      while let next = PEM_read_bio_X509(bio.pointer, nil, nil, nil) {
        certificates.append(X509Certificate(owning: next))
      }
      ERR_clear_error()
    } catch { throw Refused(error.description) }
    guard certificates.count == labels.count, let leaf = certificates.first else {
      throw Refused("certificate \(certificates.count + 1) of \(labels.count) cannot be read")
    }
    self.leaf = leaf
    self.intermediates = Array(certificates.dropFirst())
  }

  /// It goes to every host as it is, so there is no more in it than clients can use.
  private static let largest = 64 << 10
  private static let longest = 10

  /// A chain that must not be used, and why.
  package struct Refused: Error, Hashable, CustomStringConvertible {
    package let reason: String
    package init(_ reason: String) { self.reason = reason }
    package var description: String { reason }
  }

  package func pem() throws(OpenSSLError) -> String { try leaf.pem() + intermediatesPEM() }

  package func intermediatesPEM() throws(OpenSSLError) -> String {
    try intermediates.map { certificate throws(OpenSSLError) in try certificate.pem() }.joined()
  }

  /// Checks what must hold before any host sees the certificate: it is for this key and these names, and valid
  /// at `moment`, and that each certificate of the chain signed the one before it.
  ///
  /// - Parameter exactly: whether it may be for no other names.
  package func check(key: CertificateKey, names: [String], exactly: Bool = false, at moment: Date)
    throws(Refused)
  {
    guard key.matches(leaf) else {
      throw Refused("it is for another key than the one it was requested for")
    }
    let missing = Set(names.map(Self.plain)).subtracting(leaf.names.map(Self.plain))
    guard missing.isEmpty else {
      throw Refused("it lacks the name\(missing.count == 1 ? "" : "s") \(Self.shown(missing))")
    }
    let more = Set(leaf.names.map(Self.plain)).subtracting(names.map(Self.plain))
    guard !exactly || more.isEmpty else {
      throw Refused("it is for \(Self.shown(more)), too, which was not ordered")
    }
    for (signed, issuer) in zip([leaf] + intermediates, intermediates) where !signed.isSigned(by: issuer) {
      throw Refused(
        "its certificate of '\(issuer.subjectName.visible.shortened(to: 100))' did not sign the one before it, of '\(signed.subjectName.visible.shortened(to: 100))'"
      )
    }
    do {
      let (from, to) = (try leaf.notBefore(), try leaf.notAfter())
      // A CA may date a certificate some seconds ahead of the controller's clock; an hour means a wrong clock.
      guard from <= moment.addingTimeInterval(3600) else {
        throw Refused(
          "it is not valid before \(from.ISO8601Format()), and the clock here says \(moment.ISO8601Format())")
      }
      guard moment < to else {
        throw Refused(
          "it expired at \(to.ISO8601Format()), and the clock here says \(moment.ISO8601Format())")
      }
    } catch let refused as Refused {
      throw refused
    } catch { throw Refused("\(error)") }
  }

  /// Names are the same without regard to case, and addresses however they are written.
  private static func plain(_ name: String) -> String {
    var bytes = in6_addr()
    guard inet_pton(AF_INET6, name, &bytes) == 1 else { return name.lowercased() }
    return withUnsafeBytes(of: bytes) { $0.map { String($0, radix: 16) }.joined(separator: ":") }
  }

  private static func shown(_ names: Set<String>) -> String {
    let first = names.sorted().prefix(5).map { $0.visible.shortened(to: 100) }.joined(separator: ", ")
    return names.count > 5 ? "\(first) and \(names.count - 5) more" : first
  }

  /// The common name at the top of the chain: who vouches for its last certificate.
  package var rootName: String { (intermediates.last ?? leaf).issuerName }

  /// Whether a certificate of the chain was issued under this common name.
  package func isIssued(under name: String) -> Bool {
    ([leaf] + intermediates).contains { $0.issuerName == name }
  }

  /// The facts that are stored beside the bytes.
  package func facts(
    lineage: Lineage.Name, generation: Generation, issuedAt: Date, origin: Certificate.Origin?,
    orderedNames: [String]? = nil
  ) throws(OpenSSLError) -> Certificate {
    Certificate(
      lineage: lineage, generation: generation, fingerprint: try leaf.fingerprint(),
      serial: try leaf.serial(), names: leaf.names, notBefore: try leaf.notBefore(),
      notAfter: try leaf.notAfter(), issuedAt: issuedAt, keyType: leaf.key?.type, origin: origin,
      orderedNames: orderedNames)
  }
}
