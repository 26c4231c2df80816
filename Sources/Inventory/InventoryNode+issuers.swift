import Fleet
import FoundationEssentials
import PKI

extension InventoryNode {
  private enum IssuerType: String, CaseIterable { case acme, certbot, files }

  func issuer() -> Issuer? {
    object { fields in
      let name = fields.required("name")?.name()
      let type = fields["type"].map { $0.choice(IssuerType.self) } ?? .acme
      let source: Issuer.Source? =
        switch type {
        case .acme: fields.acmeAuthority().map(Issuer.Source.acme)
        case .certbot: fields.certbotFolder().map(Issuer.Source.certbot)
        case .files: .files
        case nil: fields.ignoringTheRest()
        }
      guard let name, let source else { return nil }
      return Issuer(name: Issuer.Name(name), source: source)
    }
  }

  fileprivate func directory() -> String? {
    guard let text = string() else { return nil }
    guard let url = URL(string: text), let scheme = url.scheme, url.host?.isEmpty == false else {
      return refuse("\(value.shown) is not a URL")
    }
    guard scheme == "https" else {
      return refuse("\(value.shown) is not an https URL; RFC 8555 §6.1 demands https")
    }
    return text
  }

  fileprivate func contact() -> String? {
    guard let text = string() else { return nil }
    guard text.wholeMatch(of: /mailto:[^@\s]+@[^@\s]+/) != nil else {
      let hint = text.contains("@") && !text.hasPrefix("mailto:") ? "; write 'mailto:\(text.visible)'" : ""
      return refuse("\(value.shown) is not a mailto: address\(hint)")
    }
    return text
  }

  fileprivate func caFile() -> String? {
    guard let path = expandedPath() else { return nil }
    guard FileManager.default.isReadableFile(atPath: path) else {
      return refuse(
        "\(value.shown) cannot be read; expected a PEM file with the CA of the directory's certificate")
    }
    return path
  }

  fileprivate func keyID() -> String? {
    guard let text = string() else { return nil }
    return text.isEmpty ? refuse("a key identifier cannot be empty") : text
  }

  fileprivate func hmacKeyFile() -> String? {
    guard let path = secretFile() else { return nil }
    do {
      _ = try HMACKey(contentsOf: path)
      return path
    } catch { return refuse("\(value.shown): \(error)") }
  }
}

extension InventoryObject {
  fileprivate func acmeAuthority() -> ACMEAuthority? {
    let directory = required("directory")?.directory()
    let staging = self["staging"]?.directory()
    let contact = self["contact"]?.listOrOne().compactMap { $0.contact() }
    let agrees = self["agree_to_terms"]?.bool() ?? false
    let caFile = self["ca_file"]?.caFile()
    let parallel =
      self["parallel"].map { $0.integer(in: 1...100, "a number of orders") } ?? ACMEAuthority.standardParallel
    let external = externalAccount()
    if !agrees {
      node.fail("'agree_to_terms' is missing; read the CA's terms of service and set it to true")
    }
    guard let directory, let parallel else { return nil }
    return ACMEAuthority(
      directory: directory, staging: staging ?? Self.knownStaging[directory], contact: contact ?? [],
      agreesToTerms: agrees, caFile: caFile, externalAccount: external, parallel: parallel)
  }

  /// Where rehearsals go that the user need not look up.
  private static let knownStaging = [
    "https://acme-v02.api.letsencrypt.org/directory": "https://acme-staging-v02.api.letsencrypt.org/directory"
  ]

  private func externalAccount() -> ExternalAccount? {
    let (id, file) = (self["eab_kid"], self["eab_hmac_key_file"])
    if let inline = self["eab_hmac_key"] {
      return inline.refuse(
        "a key does not belong into the inventory; write it into a file that only you can read, and name that as eab_hmac_key_file"
      )
    }
    switch (id, file) {
    case (nil, nil): return nil
    case (_?, nil): return node.refuse("'eab_kid' needs its key: 'eab_hmac_key_file' is missing")
    case (nil, _?): return node.refuse("'eab_hmac_key_file' needs the key's identifier: 'eab_kid' is missing")
    case (let id?, let file?):
      let (keyID, keyFile) = (id.keyID(), file.hmacKeyFile())
      guard let keyID, let keyFile else { return nil }
      return ExternalAccount(keyID: keyID, keyFile: keyFile)
    }
  }

  fileprivate func certbotFolder() -> CertbotFolder? {
    let path = self["path"].map { $0.expandedPath() } ?? CertbotFolder.standardPath
    let handOver = self["hand_over"].map { $0.choice(CertbotFolder.HandOver.self) } ?? .nextRun
    guard let path, let handOver else { return nil }
    return CertbotFolder(path: path, handOver: handOver)
  }
}
