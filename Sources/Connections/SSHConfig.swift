package import Fleet
import FoundationEssentials
import System

/// What ssh itself makes of ssh_config(5), with Include, Match and tokens: `ssh -G`.
package enum SSHConfig {
  private static let patience = Duration.seconds(10)

  /// ssh does not tell, or not what is needed.
  package struct Unreadable: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String
  }

  package static func settings(of host: String, in file: String?) throws -> SSHSettings {
    let said = try ask(host, file)
    func first(_ key: String) -> String? { said[key]?.first }
    guard let address = first("hostname"), let port = first("port").flatMap({ UInt16($0) }),
      let user = first("user")
    else { throw Unreadable(description: "'ssh -G \(host)' says neither hostname, port nor user") }
    return SSHSettings(
      address: address, port: port, user: user, identity: identity(said["identityfile"] ?? []),
      jumps: jumps(first("proxyjump") ?? "none"), keyAlias: first("hostkeyalias"),
      directives: Directives.ofConsequence(said), unhonoured: Directives.unhonoured(said))
  }

  /// The known_hosts files that ssh would look into, and the alias that it would look for there.
  static func knownHosts(of host: String) throws -> (files: [String], alias: String?) {
    let said = try ask(host, nil)
    let files = ["userknownhostsfile", "globalknownhostsfile"].flatMap { key in
      (said[key]?.first ?? "").split(separator: " ").map { Paths.expandingTilde(String($0)) }
    }
    return (files, said["hostkeyalias"]?.first)
  }

  /// Each keyword with its values, in the order of the lines.
  private static func ask(_ host: String, _ file: String?) throws -> [String: [String]] {
    let arguments = (file.map { ["-F", $0] } ?? []) + ["-G", host]
    let result = try ChildProcess.program(
      "ssh", arguments, package: "openssh-client", deadline: patience
    ).runBlocking()
    guard result.status == 0 else { throw Unreadable(description: result.lastLine.visible) }
    return result.stdout.split(separator: "\n").reduce(into: [:]) { said, line in
      let words = line.split(separator: " ", maxSplits: 1)
      if words.count == 2 { said[String(words[0]), default: []].append(String(words[1])) }
    }
  }

  /// Where none is configured, ssh lists all of its defaults; of several the first that is there.
  private static func identity(_ files: [String]) -> String? {
    let files = files.map(Paths.expandingTilde)
    if files.count == 1 { return files[0] }
    if files.contains(where: { $0.hasSuffix("/.ssh/id_rsa") }) { return nil }
    return files.first(where: FileManager.default.fileExists(atPath:)) ?? files.first
  }

  /// `[USER@]HOST[:PORT]`, with commas; the hosts are declared by these names, with keys of their own.
  private static func jumps(_ text: String) -> [String] {
    guard text != "none" else { return [] }
    return text.split(separator: ",").map { jump in
      let host = jump.replacing("ssh://", with: "").split(separator: "@").last.map(String.init) ?? ""
      guard host.count(where: { $0 == ":" }) == 1 else { return host }
      return String(host.prefix { $0 != ":" })
    }
  }
}
