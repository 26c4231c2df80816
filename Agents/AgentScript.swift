public import Fleet
import Foundation
public import struct Fleet.Host

/// The script that is sent to a host. `certfleet-agent.sh` beside this file is embedded as it is.
public enum AgentScript {
  /// What is run over SSH; every login shell understands it. Where an agent is installed, sshd runs that instead.
  public static func command(for host: Host) -> String {
    host.become ? "exec sudo -n /bin/sh -s" : "exec /bin/sh -s"
  }

  /// The script itself.
  public static var text: String { String(decoding: PackageResources.certfleet_agent_sh, as: UTF8.self) }

  /// The same for the wire, with the end of its last line. There is one of it, however many hosts it goes to at once.
  static let bytes = PackageResources.certfleet_agent_sh + Array("\n".utf8)

  /// The version of the protocol that the script speaks.
  public static let version = 4

  /// A smaller script with its positional parameters set. An argument holds no quote.
  static func snippet(_ script: [UInt8], arguments: [String]) -> String {
    let quoted = arguments.map { "'\($0)'" }
    return "set -- \(quoted.joined(separator: " "))\n" + String(decoding: script, as: UTF8.self)
  }
}
