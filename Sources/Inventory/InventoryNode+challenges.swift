import Fleet

extension InventoryNode {
  private enum ChallengeType: String, CaseIterable {
    case http01 = "http-01"
    case dns01 = "dns-01"
  }

  func challenge() -> Challenge? {
    typedObject { fields in
      switch fields.required("type")?.choice(ChallengeType.self) {
      case .http01: fields.http01().map(Challenge.http01)
      case .dns01: fields.dns01().map(Challenge.dns01)
      case nil: fields.ignoringTheRest()
      }
    }
  }

  fileprivate func listenAddress() -> ListenAddress? {
    guard let text = string() else { return nil }
    guard let parts = text.wholeMatch(of: /(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+)):([0-9]{1,5})/),
      let port = UInt16(parts.output.3), port > 0
    else { return refuse("\(value.shown) is not an address and port, such as '0.0.0.0:80' or '[::]:80'") }
    let address = String(parts.output.1 ?? parts.output.2 ?? "")
    guard address.isIPAddress else { return refuse("\(value.shown) holds no IP address") }
    return ListenAddress(address: address, port: port)
  }

  fileprivate func nsupdate() -> NSUpdate? {
    object { fields in
      let server = fields["server"]?.address()
      let port = fields["port"].map { $0.port() } ?? 53
      let keyFile = fields.required("key_file")?.secretFile()
      let zone = fields["zone"]?.zone()
      guard let port, let keyFile else { return nil }
      return NSUpdate(server: server, port: port, keyFile: keyFile, zone: zone)
    }
  }

  /// A name of lexicon's.
  fileprivate func provider(_ credentialsFile: String?) -> DNSProvider? {
    guard let text = string() else { return nil }
    guard text.wholeMatch(of: /[a-z][a-z0-9-]*/) != nil else {
      return refuse("\(value.shown) is no provider of lexicon's, such as 'cloudflare'; see: lexicon --help")
    }
    return DNSProvider(name: text, credentialsFile: credentialsFile)
  }

  fileprivate func zone() -> String? {
    guard let text = string() else { return nil }
    switch DomainName.read(text) {
    case .success(let name) where !name.isIPAddress && !name.hasPrefix("*"): return name
    case .success: return refuse("\(value.shown) is not a zone")
    case .failure(let refused): return refuse("'\(text.visible.shortened(to: 60))' \(refused.reason)")
    }
  }

  fileprivate func resolver() -> String? {
    guard let text = string() else { return nil }
    return text.isIPAddress ? text : refuse("\(value.shown) is not an IP address")
  }
}

extension InventoryObject {
  private enum Way: String, CaseIterable { case controller, hosts }

  fileprivate func http01() -> Challenge.HTTP01? {
    let via = self["via"].map { $0.choice(Way.self) } ?? .controller
    let (listen, webroot, port, hooks) = (self["listen"], self["webroot"], self["port"], challengeHooks())
    if via == .hosts {
      for other in [listen, hooks?.place].compactMap(\.self) {
        other.fail("does not go together with via: 'hosts', which takes 'webroot' and 'port'")
      }
      let root = (webroot ?? required("webroot"))?.hostPath()
      let number = port.map { $0.port() } ?? 80
      let selector = self["to"].map { $0.selector() }
      guard let root, let number, listen == nil, hooks == nil, selector != .some(nil) else { return nil }
      return .hosts(webroot: root, port: number, among: selector ?? nil)
    }
    self["to"]?.fail("'to' belongs to via: 'hosts': whose web servers show the token")
    port?.fail("'port' belongs to via: 'hosts'; a listener has it in 'listen'")
    let ways = [listen, webroot, hooks?.place].compactMap(\.self)
    for more in ways.dropFirst() { more.fail("choose one of 'listen', 'webroot' and 'auth_hook'") }
    if let hooks { return hooks.read.map(Challenge.HTTP01.hooks) }
    if let webroot { return webroot.webrootHere().map(Challenge.HTTP01.webroot) }
    return (listen.map { $0.listenAddress() } ?? .standardHTTP).map(Challenge.HTTP01.listener)
  }

  fileprivate func dns01() -> Challenge.DNS01? {
    let (hooks, nsupdate, provider) = (challengeHooks(), self["nsupdate"], self["provider"])
    let credentials = self["credentials_file"]
    if provider == nil { credentials?.fail("'credentials_file' belongs to 'provider'") }
    let resolver = self["resolver"]?.resolver()
    let timeout =
      self["propagation_timeout"].map { $0.duration() } ?? Challenge.DNS01.standardPropagationTimeout
    let ways = [hooks?.place, nsupdate, provider].compactMap(\.self)
    for more in ways.dropFirst() { more.fail("choose one of 'auth_hook', 'nsupdate' and 'provider'") }
    let updater: Challenge.DNS01.Updater?
    if let hooks {
      updater = hooks.read.map(Challenge.DNS01.Updater.hooks)
    } else if let nsupdate {
      updater = nsupdate.nsupdate().map(Challenge.DNS01.Updater.nsupdate)
    } else if let provider {
      updater = provider.provider(credentials?.secretFile()).map(Challenge.DNS01.Updater.provider)
    } else {
      updater = node.refuse(
        "dns-01 needs 'provider' (with 'credentials_file'), 'nsupdate', or 'auth_hook' (and 'cleanup_hook')")
    }
    guard let updater, let timeout else { return nil }
    return Challenge.DNS01(updater: updater, resolver: resolver, propagationTimeout: timeout)
  }

  private func challengeHooks() -> (place: InventoryNode, read: ChallengeHooks?)? {
    let (auth, cleanup) = (self["auth_hook"], self["cleanup_hook"])
    let (read, undo) = (
      auth?.hook(ChallengeHooks.standardTimeout), cleanup.map { $0.hook(ChallengeHooks.standardTimeout) }
    )
    guard let auth else {
      guard let cleanup else { return nil }
      cleanup.fail("'cleanup_hook' needs the hook that it cleans up after: 'auth_hook' is missing")
      return (cleanup, nil)
    }
    guard let read, undo != .some(nil) else { return (auth, nil) }
    return (auth, ChallengeHooks(auth: read, cleanup: undo ?? nil))
  }
}
