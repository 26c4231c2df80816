public import Fleet
public import struct Fleet.Host

/// What the agent that is installed on a host may be asked for: its `agent.conf`.
public struct AgentPermissions: Hashable, Sendable {
  /// A line each; what stands in none of them is refused.
  public let lines: [String]

  /// What an inventory needs of a host.
  ///
  /// - Parameters:
  ///   - visit: everything that is declared for it.
  ///   - webroots: where tokens may be placed.
  public init(
    for visit: PlannedVisit, destinations: [AgentRequest.Destination], webroots: [String]
  ) {
    var lines = ["base \(visit.host.base)"]
    lines += visit.certificates.map { "certificate \($0.lineage.declared)" }
    lines += webroots.map { "webroot \($0)" }
    lines += destinations.map(Self.file)
    lines += visit.certificates.flatMap(\.hooks.directories).map { "hooks-directory \($0)" }
    for entry in AgentHooks(visit).all {
      let command = entry.hook.shellCommand
      // One of several lines stands there as it is sent.
      let text = command.contains("\n") ? AgentField.encode(command) : command
      if text != entry.words { lines.append("# \(entry.moment.rawValue): \(entry.words.visible)") }
      lines.append(entry.hook.user.map { "hook-as \($0) \(text)" } ?? "hook \(text)")
      lines += entry.hook.environment.keys.sorted().map { "environment \($0)" }
    }
    var seen: Set<String> = []
    self.lines = lines.filter { seen.insert($0).inserted }
  }

  private static func file(_ place: AgentRequest.Destination) -> String {
    let parts = place.parts.joined(separator: "+")
    let ownership = "\(place.owner ?? "-"):\(place.group ?? "-")"
    return "file \(place.path) \(parts) \(place.mode) \(ownership) \(place.allowed)"
  }

  public var text: String {
    """
    # What certfleet's agent on this host may be asked for; anything else is refused. A line each:
    # base FOLDER, certificate NAME, webroot FOLDER, file PATH PARTS MODE OWNER:GROUP shared+symlink or -,
    # hooks-directory FOLDER, hook COMMAND, hook-as USER COMMAND, environment VARIABLE.

    """ + lines.map { $0 + "\n" }.joined()
  }
}
