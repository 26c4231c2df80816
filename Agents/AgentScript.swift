import Foundation

/// The script that is sent to a host. `certfleet-agent.sh` beside this file is embedded as it is.
public enum AgentScript {
  /// What is run over SSH; every login shell understands it.
  public static func command(become: Bool) -> String {
    become ? "exec sudo -n /bin/sh -s" : "exec /bin/sh -s"
  }

  /// The script itself.
  public static var text: String { String(decoding: PackageResources.certfleet_agent_sh, as: UTF8.self) }
}
