import Fleet
import FoundationEssentials

/// Where a validation record has to be, and whether it is there: asked of the zone's own servers, as a CA's resolver
/// will, and not of a cache that may still say no.
struct Propagation: Sendable {
  let resolver: String?
  let timeout: Duration

  private static let longestDelegation = 8
  private static let pause = Duration.seconds(2)

  /// The name at the end of the CNAME records, with which a validation is delegated to another zone.
  func target(of name: String) async throws -> String {
    var (current, seen) = (Dig.plain(name), Set<String>())
    while seen.insert(current).inserted, seen.count <= Self.longestDelegation {
      let found = try await Dig(server: resolver).records(.cname, of: current)
      guard let next = found?.first(where: { $0.owner == current }) else { return current }
      current = Dig.plain(next.data)
    }
    throw ProofFailure(
      "the CNAME records of \(name) go round in a circle, or are more than \(Self.longestDelegation)")
  }

  /// Waits until every server of the zone that answers shows the record.
  ///
  /// - Throws: `ProofFailure`, with who does not show it.
  func wait(for record: TXTRecord) async throws {
    let name = try await target(of: record.name)
    let servers = try await nameServers(for: name)
    let deadline = ContinuousClock.now + timeout
    while true {
      let lacking = try await servers.filterAsync { try await !shows(record.value, at: name, $0) }
      if lacking.isEmpty { return }
      guard ContinuousClock.now + Self.pause < deadline else {
        throw ProofFailure(
          "\(name): after \(timeout.short) the TXT record is not seen at \(lacking.map(\.description).joined(separator: ", ")); check the hook or the update, or set a longer propagation_timeout"
        )
      }
      try await Task.sleep(for: Self.pause)
    }
  }

  struct Server: Hashable, CustomStringConvertible {
    let name: String
    let address: String
    var description: String { "\(name) (\(address))" }
  }

  /// The zone that `name` is in, by its NS records.
  func zone(of name: String) async throws -> String { try await delegation(of: name).zone }

  private func delegation(of name: String) async throws -> (zone: String, servers: [String]) {
    let dig = Dig(server: resolver)
    let labels = name.split(separator: ".")
    for start in labels.indices {
      let zone = labels[start...].joined(separator: ".")
      let found = try await dig.records(.ns, of: zone)?.filter { $0.owner == zone }
      if let found, !found.isEmpty { return (zone, found.map { Dig.plain($0.data) }) }
    }
    throw ProofFailure("\(name): no zone is found; check the name and the resolver")
  }

  /// The addresses of the servers of the zone that `name` is in, those that answer.
  private func nameServers(for name: String) async throws -> [Server] {
    let dig = Dig(server: resolver)
    let (zone, names) = try await delegation(of: name)
    var servers: [Server] = []
    for server in names {
      for kind in [Dig.Kind.a, .aaaa] {
        for address in try await dig.records(kind, of: server) ?? [] {
          servers.append(Server(name: server, address: address.data))
        }
      }
    }
    // One that cannot be asked from here, such as an IPv6 address on an IPv4 machine, says nothing.
    let answering = try await servers.filterAsync {
      try await Dig(server: $0.address).records(.soa, of: zone, recursing: false) != nil
    }
    guard !answering.isEmpty else {
      throw ProofFailure(
        "none of the name servers of \(zone) answers: \(names.joined(separator: ", "))")
    }
    return answering
  }

  private func shows(_ value: String, at name: String, _ server: Server) async throws -> Bool {
    let found = try await Dig(server: server.address).records(.txt, of: name, recursing: false)
    return found?.contains { $0.data.replacing("\"", with: "").replacing(" ", with: "") == value } ?? false
  }
}

extension Array where Element: Sendable {
  fileprivate func filterAsync(_ holds: (Element) async throws -> Bool) async rethrows -> [Element] {
    var kept: [Element] = []
    for element in self where try await holds(element) { kept.append(element) }
    return kept
  }
}
