import Fleet

extension InventoryNode {
  private static let mostNames = 100

  func lineage() -> Lineage? {
    object { fields in
      let name = fields.required("name")?.name()
      let domains = fields["domains"].map { $0.domains() } ?? []
      let issuers = fields.required("issuer")?.issuers()
      let key = fields["key"].map { $0.keyPolicy() } ?? KeyPolicy()
      let challenge = fields["challenge"].map { $0.challenge() }
      let profile = fields["profile"]?.name()
      let preferredChain = fields["preferred_chain"]?.string()
      let files = fields.broughtFiles()
      let deployments = fields["deploy"]?.list()?.compactMap {
        $0.deployment(firstDomain: domains?.first { !$0.hasPrefix("*.") })
      }
      // With a mistake in one part the others are judged all the same; nothing of it is applied.
      guard let name, let issuers, let issuer = issuers.first else { return nil }
      return Lineage(
        name: Lineage.Name(name), domains: domains ?? [], issuer: issuer,
        standIns: Array(issuers.dropFirst()), key: key ?? KeyPolicy(),
        challenge: challenge ?? nil, profile: profile, preferredChain: preferredChain, files: files,
        deployments: deployments ?? [])
    }
  }

  /// One, or one and those that stand in for it.
  private func issuers() -> [Issuer.Name]? {
    guard case .array(let items) = value else { return name().map { [Issuer.Name($0)] } }
    if items.isEmpty { return refuse("a certificate needs an issuer") }
    let names = listOrOne().compactMap { $0.name().map { Issuer.Name($0) } }
    if Set(names).count < names.count { fail("names an issuer twice") }
    return names.isEmpty ? nil : names
  }

  private func domains() -> [String]? {
    guard let items = list() else { return nil }
    var names: [String] = []
    for item in items {
      guard let text = item.string() else { continue }
      switch DomainName.read(text) {
      case .success(let name):
        for note in NameNotes.of(text, readAs: name) { item.note(note) }
        if !names.contains(name) { names.append(name) }
      case .failure(let refused): item.fail("'\(text.visible.shortened(to: 60))' \(refused.reason)")
      }
    }
    if items.isEmpty { fail("a certificate needs at least one name") }
    if names.count > Self.mostNames {
      fail("\(names.count) names; CAs allow \(Self.mostNames) in one certificate")
    }
    return names.isEmpty ? nil : names
  }

  private func keyPolicy() -> KeyPolicy? {
    typedObject { fields in
      let type = fields["type"].map { $0.choice(KeyType.self) } ?? KeyPolicy().type
      let isReused = fields["reuse"].map { $0.bool() } ?? false
      let place = fields["on"].map { $0.choice(KeyPolicy.Place.self) } ?? .controller
      guard let type, let isReused, let place else { return nil }
      return KeyPolicy(type: type, isReused: isReused, place: place)
    }
  }
}

extension InventoryObject {
  fileprivate func broughtFiles() -> ProvidedFiles? {
    let (certificate, chain, key) = (self["certificate"], self["chain"], self["private_key"])
    guard let place = certificate ?? key ?? chain else { return nil }
    guard let certificate, let key else {
      return place.refuse("a certificate as files needs 'certificate' and 'private_key'")
    }
    let paths = (certificate.readableFile(), chain.map { $0.readableFile() }, key.secretFile())
    guard let path = paths.0, let keyPath = paths.2, paths.1 != .some(nil) else { return nil }
    return ProvidedFiles(certificate: path, chain: paths.1 ?? nil, privateKey: keyPath)
  }
}
