package import Fleet
package import FoundationEssentials

extension Store {
  package func pinnedKeys(of host: Host.Name) throws -> [HostKey] {
    try database.rows(
      "SELECT type, key, fingerprint FROM host_key WHERE host = ? ORDER BY type", [.text(host.rawValue)]
    ) { HostKey(type: $0.text(0), encoded: $0.text(1), fingerprint: $0.text(2)) }
  }

  /// Every host's pinned keys, for a run over the fleet.
  package func pinnedKeys() throws -> [Host.Name: [HostKey]] {
    let all = try database.rows("SELECT host, type, key, fingerprint FROM host_key ORDER BY host, type") {
      (Host.Name($0.text(0)), HostKey(type: $0.text(1), encoded: $0.text(2), fingerprint: $0.text(3)))
    }
    return Dictionary(grouping: all, by: \.0).mapValues { $0.map(\.1) }
  }

  /// The declared hosts of which no key is pinned.
  package func hostsWithoutKey() throws -> Set<Host.Name> {
    Set(
      try database.rows(
        "SELECT name FROM host WHERE NOT EXISTS (SELECT 1 FROM host_key WHERE host = host.name)"
      ) {
        Host.Name($0.text(0))
      })
  }

  /// Makes `keys` the only ones that a host may show, for each of the hosts.
  package func pin(_ keys: [Host.Name: [HostKey]], now: Date) throws {
    try transaction {
      // One question for all, where they are many.
      let former =
        keys.count == 1
        ? try keys.keys.reduce(into: [:]) { $0[$1] = try pinnedKeys(of: $1) } : try pinnedKeys()
      for (host, keys) in keys.sorted(by: { $0.key < $1.key }) {
        try replace(former[host] ?? [], by: keys, of: host, now)
      }
      try database.countRevision()
    }
  }

  private func replace(
    _ former: [HostKey], by keys: [HostKey], of host: Host.Name, _ now: Date
  ) throws {
    if !former.isEmpty {
      try database.run("DELETE FROM host_key WHERE host = ?", [.text(host.rawValue)])
    }
    let former = former.filter { !keys.contains($0) }
    for key in keys {
      try database.run(
        "INSERT INTO host_key (host, type, key, fingerprint, pinned_at) VALUES (?, ?, ?, ?, ?)",
        [.text(host.rawValue), .text(key.type), .text(key.encoded), .text(key.fingerprint), .moment(now)])
    }
    func text(_ keys: [HostKey]) -> String {
      keys.isEmpty ? "none" : keys.map { "\($0.type) \($0.fingerprint)" }.joined(separator: ", ")
    }
    let instead = former.isEmpty ? "" : ", no longer \(text(former))"
    try append(
      Event(at: now, subject: .init(host: host), kind: .note(.pinned, text: text(keys) + instead)))
  }
}

/// Hosts that libssh2 was found not to reach, and why.
extension Store {
  package func learnedWays() throws -> [Host.Name: (reason: String, basis: String)] {
    let ways = try database.rows("SELECT host, reason, basis FROM learned_way") {
      (Host.Name($0.text(0)), (reason: $0.text(1), basis: $0.text(2)))
    }
    return Dictionary(ways, uniquingKeysWith: { $1 })
  }

  /// - Parameter basis: what it depends on; where that is another, it is found out anew.
  package func rememberWay(to host: Host.Name, reason: String, basis: String) throws {
    try database.run(
      """
      INSERT INTO learned_way (host, reason, basis) VALUES (?, ?, ?)
      ON CONFLICT (host) DO UPDATE SET reason = excluded.reason, basis = excluded.basis
      """, [.text(host.rawValue), .text(reason), .text(basis)])
  }
}
