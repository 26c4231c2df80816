package import Fleet

/// What the agent that is installed on a host may be asked for: its `agent.conf`.
package struct AgentPermissions: Hashable, Sendable {
  /// A line each; what stands in none of them is refused.
  package let lines: [String]

  /// What an inventory needs of a host.
  ///
  /// - Parameters:
  ///   - visit: everything that is declared for it.
  ///   - webroots: where tokens may be placed.
  ///   - keyTypes: of the keys that the host is to make itself.
  package init(
    for visit: PlannedVisit, destinations: [AgentRequest.Destination], webroots: [String],
    keyTypes: [KeyType]
  ) {
    var lines = ["base \(visit.host.base)"]
    lines += visit.certificates.map { "certificate \($0.lineage.declared)" }
    lines += visit.certificates.compactMap { certificate in
      certificate.layout.map { AgentRequest.record(of: $0, for: certificate.lineage) }
    }
    if visit.host.takeOver == .certbot {
      lines += visit.certificates.map { "certbot \($0.lineage.declared)" }
    }
    lines += webroots.map { "webroot \($0)" }
    lines += destinations.map(Self.file)
    lines += visit.certificates.flatMap(\.hooks.directories).map {
      "hooks-directory \(Int(Hook.standardTimeout.seconds)) \($0)"
    }
    lines += keyTypes.map { "key \($0.rawValue)" }
    for entry in AgentHooks(visit).all + AgentHooks(visit.retired).all {
      lines.append("# \(entry.moment.rawValue): \(entry.words.visible)")
      lines.append(AgentRequest.permission(for: entry))
      if let program = AgentRequest.program(of: entry) { lines.append("need \(program)") }
    }
    var seen: Set<String> = []
    self.lines = lines.filter { seen.insert($0).inserted }
  }

  private static func file(_ place: AgentRequest.Destination) -> String {
    let parts = place.parts.joined(separator: "+")
    let ownership = "\(place.owner ?? "-"):\(place.group ?? "-")"
    return "file \(place.lineage.declared) \(place.path) \(parts) \(place.mode) \(ownership) \(place.allowed)"
  }

  package var text: String {
    """
    # What certfleet's agent on this host may be asked for; anything else is refused. A line each:
    # base FOLDER, certificate NAME, certbot CERTIFICATE, webroot FOLDER, key TYPE, file CERTIFICATE PATH PARTS MODE OWNER:GROUP
    # and shared, symlink or -, layout CERTIFICATE OWNER GROUP MODE, hooks-directory SECONDS FOLDER, need COMMAND, and
    # hook MOMENT LONGEST_SECONDS USER stop|continue COMMAND [VARIABLE VALUE]..., texts as they are sent:
    # %s is a space, %n a newline, %t a tab, %q a quote and %p a per cent sign.

    """ + lines.map { $0 + "\n" }.joined()
  }
}
