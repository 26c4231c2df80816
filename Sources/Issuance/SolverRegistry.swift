import Fleet

/// The solvers of a run: one listener for each address, shared by all orders; the others as they are asked for.
actor SolverRegistry {
  private let hosts: any IssuingHosts
  private let tell: IssuingListener
  private let sharesPorts: Bool
  private var listeners: [ListenAddress: HTTP01Listener] = [:]

  init(hosts: any IssuingHosts, sharesPorts: Bool, tell: @escaping IssuingListener) {
    self.sharesPorts = sharesPorts
    self.hosts = hosts
    self.tell = tell
  }

  func solver(for challenge: Challenge, of lineage: Lineage) -> any Solver {
    switch challenge {
    case .http01(.listener(let address)):
      let listener =
        listeners[address]
        ?? HTTP01Listener(address, isShared: sharesPorts, warn: { [tell] in tell(.listenerFailing($0)) })
      listeners[address] = listener
      return listener
    case .http01(.webroot(let root)): return Webroot(root: root)
    case .http01(.hosts(let webroot, let port, let selector)):
      return HostWebroots(
        hosts: hosts.tokens(for: lineage, among: selector, webroot: webroot, port: port))
    case .http01(.hooks(let hooks)): return HookPair(http01: hooks)
    case .dns01(let dns):
      switch dns.updater {
      case .hooks(let hooks): return HookPair(dns01: hooks, dns)
      case .nsupdate(let update): return DNSUpdate(update, dns)
      case .provider(let provider): return Lexicon(provider, dns)
      }
    }
  }

  func close() {
    for listener in listeners.values { listener.close() }
    listeners = [:]
  }
}
