import Fleet

extension Node {
  private static let mostNames = 100

  func lineage() -> Lineage? {
    object { fields in
      let name = fields.required("name")?.name()
      let domains = fields["domains"].map { $0.domains() } ?? []
      let issuer = fields.required("issuer")?.name()
      let key = fields["key"].map { $0.keyPolicy() } ?? KeyPolicy()
      let challenge = fields["challenge"].map { $0.challenge() }
      let profile = fields["profile"]?.name()
      let preferredChain = fields["preferred_chain"]?.string()
      let files = fields.broughtFiles()
      let deployments = fields["deploy"]?.list()?.compactMap {
        $0.deployment(firstDomain: domains?.first { !$0.hasPrefix("*.") })
      }
      // With a mistake in one part the others are judged all the same; nothing of it is applied.
      guard let name, let issuer else { return nil }
      return Lineage(
        name: Lineage.Name(name), domains: domains ?? [], issuer: Issuer.Name(issuer),
        key: key ?? KeyPolicy(),
        challenge: challenge ?? nil, profile: profile, preferredChain: preferredChain, files: files,
        deployments: deployments ?? [])
    }
  }

  private func domains() -> [String]? {
    guard let items = list() else { return nil }
    var names: [String] = []
    for item in items {
      guard let text = item.string() else { continue }
      switch DomainName.read(text) {
      case .success(let name): if !names.contains(name) { names.append(name) }
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

  private func deployment(firstDomain: String?) -> Deployment? {
    object { fields in
      let selector = fields.required("to")?.selector()
      let rollout = fields["rollout"]?.name()
      let hooks = fields["hooks"]?.hooks()
      let verify = fields["verify"]?.list()?.compactMap { $0.verification(standardName: firstDomain) }
      guard let selector else { return nil }
      return Deployment(
        selector: selector, rollout: rollout.map { RolloutPolicy.Name($0) }, hooks: hooks ?? Hooks(),
        verify: verify ?? [])
    }
  }

  private func hooks() -> Hooks? {
    object { fields in
      Hooks(
        pre: fields["pre"]?.hookList() ?? [], deploy: fields["deploy"]?.hookList() ?? [],
        post: fields["post"]?.hookList() ?? [])
    }
  }

  private func hookList() -> [Hook] { listOrOne().compactMap { $0.hook() } }

  /// A command, or an object with one and its deadline.
  func hook(_ standardTimeout: Duration = Hook.standardTimeout) -> Hook? {
    guard case .object = value else {
      return hookCommand().map { Hook(command: $0, timeout: standardTimeout) }
    }
    return object { fields in
      let command = fields.required("run")?.hookCommand()
      let timeout = fields["timeout"].map { $0.duration() } ?? standardTimeout
      guard let command, let timeout else { return nil }
      return Hook(command: command, timeout: timeout)
    }
  }

  private func hookCommand() -> String? {
    guard let text = string() else { return nil }
    guard !text.allSatisfy(\.isWhitespace) else { return refuse("a hook cannot be empty") }
    guard !text.unicodeScalars.contains("\0") else { return refuse("a hook cannot hold the character NUL") }
    guard text.utf8.count < 128 << 10 else {
      return refuse(
        "the hook is \(text.utf8.count) bytes long; put it in a file on the host, 131071 are allowed")
    }
    return text
  }

  private func verification(standardName: String?) -> Verification? {
    object { fields in
      let port = fields.required("tls")?.portOrText()
      let name = fields["name"].map { $0.serverName() } ?? standardName
      if standardName == nil, fields["name"] == nil {
        fields.node.fail(
          "'name' is missing: the certificate declares no domain, or wildcards alone, and a server is asked for one name"
        )
      }
      guard let port, let name else { return nil }
      return Verification(port: port, serverName: name)
    }
  }

  /// A port as a number or, as people write it beside host names, as text.
  private func portOrText() -> UInt16? {
    guard case .string(let text) = value else { return port() }
    guard let port = UInt16(text), port > 0, text.allSatisfy(\.isNumber) else {
      return refuse("\(value.shown) is not a port (1 to 65535)")
    }
    return port
  }

  private func serverName() -> String? {
    guard let text = string() else { return nil }
    switch DomainName.read(text) {
    case .success(let name) where name.hasPrefix("*."):
      return refuse("'\(name)' is no name that a server could be asked for; write one that it stands for")
    case .success(let name): return name
    case .failure(let refused): return refuse("'\(text.visible.shortened(to: 60))' \(refused.reason)")
    }
  }
}

extension Fields {
  fileprivate func broughtFiles() -> BroughtFiles? {
    let (certificate, chain, key) = (self["certificate"], self["chain"], self["private_key"])
    guard let place = certificate ?? key ?? chain else { return nil }
    guard let certificate, let key else {
      return place.refuse("a certificate as files needs 'certificate' and 'private_key'")
    }
    let paths = (certificate.readableFile(), chain.map { $0.readableFile() }, key.secretFile())
    guard let path = paths.0, let keyPath = paths.2, paths.1 != .some(nil) else { return nil }
    return BroughtFiles(certificate: path, chain: paths.1 ?? nil, privateKey: keyPath)
  }
}
