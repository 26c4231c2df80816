package import Fleet

/// What is declared and is perhaps not what was meant, as lines.
package enum InventoryWarnings {
  package static func lines(of declared: FleetDeclaration) -> [String] {
    sameBases(declared.hosts) + unhonoured(declared.hosts) + staging(declared.issuers)
      + sameNames(declared.lineages)
  }

  /// What browsers do not trust, and is mostly left over from trying.
  private static func staging(_ issuers: [Issuer]) -> [String] {
    issuers.filter { $0.acme?.directory.lowercased().contains("staging") ?? false }.map {
      "issuer \($0.name): its directory is a staging server's, whose certificates browsers do not trust; 'staging' beside a 'directory' is for rehearsals"
    }
  }

  /// A CA counts them as one in its limits.
  private static func sameNames(_ lineages: [Lineage]) -> [String] {
    Dictionary(grouping: lineages.filter { !$0.domains.isEmpty && $0.key.place == .controller }) {
      Set($0.domains)
    }.values.filter { $0.count > 1 && Set($0.map(\.key.type)).count < $0.count }.map { lineages in
      let names = lineages.map(\.name.rawValue).sorted().joined(separator: ", ")
      return "\(names) have the same names; a CA counts them as renewals of one certificate, and may refuse"
    }.sorted()
  }

  /// Two names for one machine would be visited at the same time, and each would find the other's.
  private static func sameBases(_ hosts: [Host]) -> [String] {
    struct Place: Hashable {
      let address: String
      let port: UInt16
      let base: String
      let via: Host.Name?
      let isLocal: Bool
    }
    return Dictionary(grouping: hosts) {
      Place(
        address: $0.showsKey ? $0.address : "", port: $0.showsKey ? $0.port : 0, base: $0.base, via: $0.via,
        isLocal: !$0.showsKey)
    }.filter { $0.value.count > 1 }.map { place, hosts in
      let names = HostSet.folded(hosts.map(\.name))
      let machine = place.isLocal ? "this machine" : "\(place.address) port \(place.port)"
      return
        "\(names) are one host: \(machine), base \(place.base); declare it once, or give each a base of its own"
    }.sorted()
  }

  private static func unhonoured(_ hosts: [Host]) -> [String] {
    let uses = hosts.flatMap { host in (host.sshConfig?.unhonoured ?? []).map { ($0, host.name) } }
    return Dictionary(grouping: uses, by: \.0).sorted { $0.key < $1.key }.map { directive, uses in
      let names = HostSet.folded(uses.map(\.1))
      let why =
        switch directive {
        case "StrictHostKeyChecking": "only pinned keys are taken"
        case "KnownHostsCommand": "keys are pinned here"
        default: "certfleet runs its own command, and forwards nothing"
        }
      return "\(names): ssh_config's \(directive) is not honoured: \(why)"
    }
  }
}
