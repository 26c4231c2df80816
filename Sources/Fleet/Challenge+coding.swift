/// JSON as the inventory has it: flat, with the type and the way by their names there.
extension Challenge {
  private enum Key: String, CodingKey {
    case type, listen, webroot, via, port, to, nsupdate, resolver, provider
    case credentialsFile = "credentials_file"
    case authHook = "auth_hook"
    case cleanupHook = "cleanup_hook"
    case propagationSeconds = "propagation_timeout_seconds"
  }

  private enum TypeName: String, Codable {
    case http01 = "http-01"
    case dns01 = "dns-01"
  }

  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    let hooks = try values.decodeIfPresent(Hook.self, forKey: .authHook).map {
      ChallengeHooks(auth: $0, cleanup: try values.decodeIfPresent(Hook.self, forKey: .cleanupHook))
    }
    switch try values.decode(TypeName.self, forKey: .type) {
    case .http01:
      if let hooks {
        self = .http01(.hooks(hooks))
      } else if let webroot = try values.decodeIfPresent(String.self, forKey: .webroot) {
        let port = try values.decodeIfPresent(UInt16.self, forKey: .port)
        let selector = try values.decodeIfPresent(Selector.self, forKey: .to)
        self = .http01(
          port.map { .hosts(webroot: webroot, port: $0, among: selector) } ?? .webroot(webroot))
      } else {
        self = .http01(.listener(try values.decode(ListenAddress.self, forKey: .listen)))
      }
    case .dns01:
      let updater: DNS01.Updater =
        if let hooks {
          .hooks(hooks)
        } else if let name = try values.decodeIfPresent(String.self, forKey: .provider) {
          .provider(
            DNSProvider(
              name: name,
              credentialsFile: try values.decodeIfPresent(String.self, forKey: .credentialsFile)))
        } else {
          .nsupdate(try values.decode(NSUpdate.self, forKey: .nsupdate))
        }
      self = .dns01(
        DNS01(
          updater: updater, resolver: try values.decodeIfPresent(String.self, forKey: .resolver),
          propagationTimeout: .seconds(try values.decode(Double.self, forKey: .propagationSeconds))))
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: Key.self)
    func encode(_ hooks: ChallengeHooks) throws {
      try values.encode(hooks.auth, forKey: .authHook)
      try values.encodeIfPresent(hooks.cleanup, forKey: .cleanupHook)
    }
    switch self {
    case .http01(let way):
      try values.encode(TypeName.http01, forKey: .type)
      switch way {
      case .listener(let address): try values.encode(address, forKey: .listen)
      case .webroot(let root): try values.encode(root, forKey: .webroot)
      case .hosts(let webroot, let port, let selector):
        try values.encodeIfPresent(selector, forKey: .to)
        try values.encode("hosts", forKey: .via)
        try values.encode(webroot, forKey: .webroot)
        try values.encode(port, forKey: .port)
      case .hooks(let hooks): try encode(hooks)
      }
    case .dns01(let dns):
      try values.encode(TypeName.dns01, forKey: .type)
      switch dns.updater {
      case .hooks(let hooks): try encode(hooks)
      case .nsupdate(let update): try values.encode(update, forKey: .nsupdate)
      case .provider(let provider):
        try values.encode(provider.name, forKey: .provider)
        try values.encodeIfPresent(provider.credentialsFile, forKey: .credentialsFile)
      }
      try values.encodeIfPresent(dns.resolver, forKey: .resolver)
      try values.encode(dns.propagationTimeout.seconds, forKey: .propagationSeconds)
    }
  }
}
