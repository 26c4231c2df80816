/// Which CAs a domain lets issue for it: CAA records (RFC 8659).
package struct IssuePermission: Sendable {
  private let dig: Dig

  /// - Parameter resolver: an IP address; `nil` asks the system's.
  package init(resolver: String?) { dig = Dig(server: resolver) }

  /// Records that let others issue.
  package struct Refusal: Hashable, Sendable {
    /// Whose records they are: the name's, or the nearest above it that has any (§3).
    package let zone: String
    /// `issue`, or `issuewild`.
    package let tag: String
    /// Empty where nobody may.
    package let allowed: [String]
  }

  /// - Parameter name: may begin with `*.`.
  /// - Returns: `nil` where one of these may issue, or nobody answers.
  /// - Throws: `ProofFailure` when dig is not there.
  package func refusal(of name: String, to identities: [String]) async throws -> Refusal? {
    let isWildcard = name.hasPrefix("*.")
    let identities = identities.map { $0.lowercased() }
    var labels = name.split(separator: ".").drop { $0 == "*" }
    while !labels.isEmpty {
      let zone = labels.joined(separator: ".")
      guard let records = try await dig.records(.caa, of: zone) else { return nil }
      if !records.isEmpty { return refusal(by: records.map(\.data), of: zone, isWildcard, identities) }
      labels.removeFirst()
    }
    return nil
  }

  private func refusal(by records: [String], of zone: String, _ isWildcard: Bool, _ identities: [String])
    -> Refusal?
  {
    // `0 issue "letsencrypt.org; validationmethods=dns-01"`
    let properties = records.compactMap { record -> (tag: String, issuer: String)? in
      let words = record.split(maxSplits: 2, whereSeparator: \.isWhitespace)
      guard words.count == 3 else { return nil }
      let value = words[2].filter { $0 != "\"" }.prefix { $0 != ";" }
      return (words[1].lowercased(), value.filter { !$0.isWhitespace }.lowercased())
    }
    let wild = properties.filter { $0.tag == "issuewild" }
    let relevant = isWildcard && !wild.isEmpty ? wild : properties.filter { $0.tag == "issue" }
    guard let tag = relevant.first?.tag, !relevant.contains(where: { identities.contains($0.issuer) }) else {
      return nil
    }
    return Refusal(zone: zone, tag: tag, allowed: relevant.map(\.issuer).filter { !$0.isEmpty }.sorted())
  }
}
