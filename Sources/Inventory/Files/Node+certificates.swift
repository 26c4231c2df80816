import Fleet

extension Node {
  private enum ChallengeType: String, CaseIterable { case http01 = "http-01" }
  private static let mostNames = 100

  func lineage() -> Lineage? {
    object { fields in
      let name = fields.required("name")?.name()
      let domains = fields.required("domains")?.domains() ?? []
      let issuer = fields.required("issuer")?.name()
      let key = fields["key"].map { $0.keyType() } ?? .ecdsaP256
      let challenge = fields["challenge"].map { $0.challenge() } ?? .http01(listen: .standardHTTP)
      let deployments = fields["deploy"]?.list()?.compactMap { $0.deployment(firstDomain: domains.first) }
      if let wildcard = domains.first(where: { $0.hasPrefix("*.") }), case .http01 = challenge {
        fields.node.fail("'\(wildcard)' cannot be proven by http-01; wildcards need dns-01")
      }
      guard let name, !domains.isEmpty, let issuer, let key, let challenge else { return nil }
      return Lineage(
        name: Lineage.Name(name), domains: domains, issuer: Issuer.Name(issuer), key: key,
        challenge: challenge,
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
    return names
  }

  private func keyType() -> KeyType? { object { $0.required("type")?.choice(KeyType.self) } }

  private func challenge() -> Challenge? {
    object { fields in
      let type = fields.required("type")?.choice(ChallengeType.self)
      let listen = fields["listen"].map { $0.listenAddress() } ?? .standardHTTP
      guard type != nil, let listen else { return nil }
      return .http01(listen: listen)
    }
  }

  private func listenAddress() -> ListenAddress? {
    guard let text = string() else { return nil }
    guard let parts = text.wholeMatch(of: /(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+)):([0-9]{1,5})/),
      let port = UInt16(parts.output.3), port > 0
    else { return refuse("\(value.shown) is not an address and port, such as '0.0.0.0:80' or '[::]:80'") }
    return ListenAddress(address: String(parts.output.1 ?? parts.output.2 ?? ""), port: port)
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
  private func hook() -> Hook? {
    guard case .object = value else { return hookCommand().map { Hook(command: $0) } }
    return object { fields in
      let command = fields.required("run")?.hookCommand()
      let timeout = fields["timeout"].map { $0.duration() } ?? Hook.standardTimeout
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
    case .success(let name): return name
    case .failure(let refused): return refuse("'\(text.visible.shortened(to: 60))' \(refused.reason)")
    }
  }
}
