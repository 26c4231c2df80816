import Agents
import Engine
import Fleet
package import Inventory
package import Reporting
import Storage
import System

extension Controller {
  /// What hosts have today beside what certfleet brought; nothing is changed there.
  ///
  /// - Parameter selector: `nil` is all that are declared.
  package func discover(_ selector: String?) async throws -> DiscoveredFleet {
    let hosts = try pick(selector, among: try await store.hosts())
    let connector = try await connector()
    let known = Set(try await store.generationsByFingerprint().values.flatMap(\.keys))
    let results = try await BoundedConcurrency.run(over: hosts, limit: Self.hostsAtOnce) { host in
      do throws(HostDiscovery.Failure) {
        let discovery = HostDiscovery(of: host, connector: connector)
        return (
          host.name,
          Result<_, HostDiscovery.Failure>.success(
            try await Discovering(host: host, discovery: discovery).run())
        )
      } catch { return (host.name, .failure(error)) }
    }
    var (found, failed): ([DiscoveredHost], [Host.Name: String]) = ([], [:])
    for (host, result) in results {
      switch result {
      case .success(let one): found.append(one)
      case .failure(let failure): failed[host] = failure.description
      }
    }
    found.sort { $0.host.name < $1.host.name }
    return DiscoveredFleet(found, failed: failed, managed: known)
  }
}

extension DiscoveredFleet.Line {
  package var row: FoundCertificate {
    FoundCertificate(
      names: names, hosts: hosts, services: services, ports: ports, clients: clients, issuer: issuer,
      isSelfSigned: isSelfSigned, isManaged: isManaged, notAfter: ends)
  }
}

/// One host: two questions over its login, and one to each of its ports.
private struct Discovering {
  let host: Host
  let discovery: HostDiscovery

  func run() async throws(HostDiscovery.Failure) -> DiscoveredHost {
    var found = DiscoveredHost(host, survey: try await discovery.ask(.survey))
    let files = found.files
    if !files.certificates.isEmpty || !files.keys.isEmpty {
      found.take(try await discovery.ask(.files(certificates: files.certificates, keys: files.keys)))
    }
    let names = Set(found.certificates.compactMap { $0.names.first { !$0.hasPrefix("*") } }).sorted()
    let ports = found.ports.filter { !Self.unasked.contains($0) && $0 != Int(host.port) }.prefix(
      Self.mostPorts)
    let asked = (names.prefix(1) + [host.address] + names.dropFirst()).prefix(Self.mostNames)
    let served =
      (try? await BoundedConcurrency.run(over: ports, limit: Self.portsAtOnce) { port in
        await serves(port, asked)
      })?.flatMap { $0 } ?? []
    for (question, leaf) in served.sorted(by: { ($0.0.port, $0.0.serverName) < ($1.0.port, $1.0.serverName) })
    {
      found.take(leaf, at: question)
    }
    return found
  }

  /// A server shows by the name what it has for it. Where neither the first nor no name is answered, nothing speaks TLS.
  private func serves(_ port: Int, _ names: some Sequence<String>) async -> [(TLSQuestion, ServedLeaf)] {
    var (served, failures): ([(TLSQuestion, ServedLeaf)], Int) = ([], 0)
    for name in names where failures < 2 || !served.isEmpty {
      let question = TLSQuestion(port: UInt16(port), serverName: name, startTLS: Self.clear[port])
      do throws(NoAnswer) {
        served.append((question, try await TLSProbe().served(by: host, at: question)))
      } catch { failures += 1 }
    }
    return served
  }

  private static let mostPorts = 60
  private static let portsAtOnce = 8
  private static let mostNames = 20
  /// Where something else than TLS is spoken, which a greeting of TLS might disturb: ssh, http, DNS, portmapper, printers.
  private static let unasked: Set = [22, 53, 80, 111, 515, 631, 9100]
  /// What is spoken first, by IANA's numbers.
  private static let clear: [Int: StartTLS] = [
    21: .ftp, 25: .smtp, 110: .pop3, 119: .nntp, 143: .imap, 389: .ldap, 587: .smtp, 3306: .mysql,
    4190: .sieve,
    5222: .xmpp, 5432: .postgres,
  ]
}
