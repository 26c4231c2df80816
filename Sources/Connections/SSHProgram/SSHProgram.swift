import Fleet
import FoundationEssentials

/// How ssh(1) is called.
enum SSHProgram {
  static let connectTimeout = Duration.seconds(15)

  /// What no configuration changes: whose keys count, and that ssh does nothing but this.
  static func always(knownHosts: String) -> [(String, String)] {
    [
      ("BatchMode", "yes"), ("StrictHostKeyChecking", "yes"), ("UserKnownHostsFile", quoted(knownHosts)),
      ("GlobalKnownHostsFile", "/dev/null"), ("KnownHostsCommand", "none"), ("UpdateHostKeys", "no"),
      ("VerifyHostKeyDNS", "no"), ("CheckHostIP", "no"), ("NoHostAuthenticationForLocalhost", "no"),
      ("ControlMaster", "no"), ("ControlPath", "none"), ("ForwardAgent", "no"), ("ForwardX11", "no"),
      ("ClearAllForwardings", "yes"), ("PermitLocalCommand", "no"), ("Tunnel", "no"),
      ("ConnectTimeout", "15"), ("ServerAliveInterval", "15"), ("ServerAliveCountMax", "4"),
    ]
  }

  /// Without tokens (ssh_config(5), TOKENS): what is given is what is meant.
  static func literal(_ text: String) -> String { text.replacing("%", with: "%%") }
  static func quoted(_ path: String) -> String { "\"\(literal(path))\"" }

  /// - Parameters:
  ///   - files: where the pins are, and the hosts in between.
  ///   - jump: the host that it is reached through.
  ///   - command: what is run there; `nil` looks at the key alone.
  static func arguments(
    for host: Host, by jump: Host?, _ files: SSHProgramFiles, extra: [(String, String)] = [],
    command: String?
  ) -> [String] {
    var options = extra + always(knownHosts: files.knownHosts)
    options += [
      ("HostKeyAlias", files.keyAlias(of: host)), ("HostName", literal(host.address)),
      ("RemoteCommand", "none"), ("RequestTTY", "no"), ("EscapeChar", "none"), ("LogLevel", "DEBUG1"),
    ]
    if let jump { options.append(("ProxyJump", SSHProgramFiles.target(of: jump))) }
    if host.identity != nil, host.sshConfig == nil { options.append(("IdentitiesOnly", "yes")) }
    var words = ["-F", files.configuration(for: host)]
    words += options.flatMap { ["-o", "\($0.0)=\($0.1)"] }
    words += ["-p", "\(host.port)"]
    if let user = host.user { words += ["-l", user] }
    if let identity = host.identity { words += ["-i", identity] }
    return words + ["--", SSHProgramFiles.target(of: host)] + (command.map { [$0] } ?? [])
  }

  /// What ssh says on stderr with `LogLevel DEBUG1` when it has logged in; what comes behind it is the host's, beside what is ssh's own.
  static func isLoggedIn(_ line: String, to host: Host) -> Bool {
    line.hasPrefix("Authenticated to \(SSHProgramFiles.target(of: host)) ")
      || line.hasPrefix("Authenticated to \(host.address) ")
  }

  /// Whether ssh itself says so with that log level.
  static func isOwn(_ line: some StringProtocol) -> Bool {
    ["debug1: ", "Transferred: sent ", "Bytes per second: sent "].contains { line.hasPrefix($0) }
  }
}
