package import Fleet
package import FoundationEssentials

/// A certificate that comes as files, checked in full before anything is done with it.
package struct ProvidedCertificate: Sendable {
  package let chain: CertificateChain
  package let key: PrivateKey

  /// Everything that keeps it from being used, all at once.
  package struct Refused: Error, CustomStringConvertible {
    package let problems: [String]
    package var description: String { problems.joined(separator: "; ") }
  }

  /// Reads and checks the files.
  ///
  /// - Parameter names: what the certificate must name; more is right.
  package init(_ files: ProvidedFiles, names: [String], at moment: Date) throws(Refused) {
    var problems: [String] = []
    func attempt<Value>(_ read: () throws(ProvidedFile.Unusable) -> Value) -> Value? {
      do {
        return try read()
      } catch {
        problems.append(error.description)
        return nil
      }
    }
    let leaf = attempt { () throws(ProvidedFile.Unusable) in
      try ProvidedFile(files.certificate).certificates()
    }
    let more = files.chain.map { path in
      attempt { () throws(ProvidedFile.Unusable) in try ProvidedFile(path).certificates() }
    }
    let key = attempt { () throws(ProvidedFile.Unusable) in try ProvidedFile(files.privateKey).privateKey() }
    let chain = leaf.flatMap { first in
      CertificateChain(certificates: first + (more.flatMap(\.self) ?? []))
    }
    if let chain {
      problems += chain.faults(names: names, at: moment)
      if let key { problems += Self.mismatch(chain.leaf, key) }
    }
    guard problems.isEmpty, let chain, let key else { throw Refused(problems: problems) }
    self.chain = chain
    self.key = key
  }

  /// As reading it, for a list of everything that is wrong.
  package static func problems(of files: ProvidedFiles, names: [String], at moment: Date) -> [String] {
    do {
      _ = try ProvidedCertificate(files, names: names, at: moment)
      return []
    } catch { return error.problems }
  }

  private static func mismatch(_ leaf: X509Certificate, _ key: PrivateKey) -> [String] {
    guard !leaf.belongs(to: key) else { return [] }
    let theirs = leaf.key?.fingerprint ?? "unknown"
    return [
      "the key does not belong to the certificate (key \(key.publicFingerprint), certificate's \(theirs))"
    ]
  }
}

extension CertificateChain {
  /// Leaf first; an order that is not that of the chain is put right. `nil` for none.
  init?(certificates: [X509Certificate]) {
    guard
      let leaf = certificates.first(where: { candidate in
        !certificates.contains { $0 !== candidate && $0.isSigned(by: candidate) }
      }) ?? certificates.first
    else { return nil }
    self.leaf = leaf
    var ordered: [X509Certificate] = []
    while let next = certificates.first(where: { candidate in
      candidate !== leaf && !ordered.contains { $0 === candidate }
        && (ordered.last ?? leaf).isSigned(by: candidate)
    }) { ordered.append(next) }
    intermediates = ordered
  }

  /// What a server or its clients would stumble over.
  func faults(names: [String], at moment: Date) -> [String] {
    var faults: [String] = []
    let missing = names.filter { name in !leaf.names.contains { Self.covers($0, name) } }
    if !missing.isEmpty {
      faults.append(
        "the certificate lacks \(missing.joined(separator: ", ")); it is for \(leaf.names.joined(separator: ", "))"
      )
    }
    let clock = "the clock here says \(moment.ISO8601Format())"
    if let from = try? leaf.notBefore(), from > moment {
      faults.append("the certificate is not valid before \(from.ISO8601Format()), and \(clock)")
    }
    if let to = try? leaf.notAfter(), to <= moment {
      faults.append("the certificate expired at \(to.ISO8601Format()), and \(clock)")
    }
    if let key = leaf.key, key.isRSA, key.bits < 2048 {
      faults.append("its RSA key has \(key.bits) bits; clients refuse fewer than 2048")
    }
    // A private CA's root may rightly be left out behind an intermediate; a leaf alone lacks what clients need.
    if intermediates.isEmpty, !leaf.isSelfIssued, !SystemTrust.knowsIssuer(of: leaf) {
      faults.append(
        "the certificate of its issuer '\(leaf.issuerName)' is missing; append it to the certificate's file, or name a file with it as 'chain'"
      )
    }
    return faults
  }

  /// RFC 6125 §6.4.3: `*` stands for the whole left-most label alone.
  private static func covers(_ pattern: String, _ name: String) -> Bool {
    if pattern == name { return true }
    guard pattern.hasPrefix("*."), let dot = name.firstIndex(of: ".") else { return false }
    return name[dot...] == pattern.dropFirst()
  }
}
