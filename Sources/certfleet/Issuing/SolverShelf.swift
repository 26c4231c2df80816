import Fleet
import Issuance

/// The solvers of a run: one listener for each address, shared by all orders; the others as they are asked for.
actor SolverShelf {
  private let hosts: HostErrands
  private var listeners: [ListenAddress: HTTP01Listener] = [:]

  init(hosts: HostErrands) { self.hosts = hosts }

  func solver(for challenge: Challenge, of lineage: Lineage) -> any Solver {
    switch challenge {
    case .http01(.listener(let address)):
      let listener =
        listeners[address] ?? HTTP01Listener(address) { Console.standard.say("certfleet: \($0)") }
      listeners[address] = listener
      return listener
    case .http01(.webroot(let root)): return Webroot(root: root)
    case .http01(.hosts(let webroot, let port)):
      return HostWebroots(hosts: hosts.tokens(for: lineage, webroot: webroot, port: port))
    case .http01(.hooks(let hooks)): return HookPair(http01: hooks)
    case .dns01(let dns):
      switch dns.updater {
      case .hooks(let hooks): return HookPair(dns01: hooks, dns)
      case .nsupdate(let update): return DNSUpdate(update, dns)
      }
    }
  }

  func close() {
    for listener in listeners.values { listener.close() }
    listeners = [:]
  }
}
