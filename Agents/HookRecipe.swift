import Fleet

/// The scripts of `Agents/hooks`, by the names that an inventory has for them.
extension ReadyMadeHook {
  /// The program without which it cannot work; `nil` where it may be one of several.
  var program: String? {
    switch service {
    case .nginx: "nginx"
    case .haproxy: "haproxy"
    case .postfix: "postfix"
    case .dovecot: "doveadm"
    case .systemd: "systemctl"
    case .lighttpd: "lighttpd"
    case .prosody: "prosodyctl"
    case .redis: "redis-cli"
    case .postgresql: "psql"
    case .mariadb: "mariadb"
    case .proftpd: "proftpd"
    case .apache, .stunnel, .mosquitto: nil
    }
  }

  private var script: [UInt8] {
    switch service {
    case .nginx: PackageResources.nginx_sh
    case .apache: PackageResources.apache_sh
    case .haproxy: PackageResources.haproxy_sh
    case .postfix: PackageResources.postfix_sh
    case .dovecot: PackageResources.dovecot_sh
    case .systemd: PackageResources.systemd_sh
    case .lighttpd: PackageResources.lighttpd_sh
    case .stunnel: PackageResources.stunnel_sh
    case .prosody: PackageResources.prosody_sh
    case .mosquitto: PackageResources.mosquitto_sh
    case .redis: PackageResources.redis_sh
    case .postgresql: PackageResources.postgresql_sh
    case .mariadb: PackageResources.mariadb_sh
    case .proftpd: PackageResources.proftpd_sh
    }
  }

  var shellCommand: String { AgentScript.snippet(script, arguments: arguments) }
}

extension Hook {
  private var readyMade: ReadyMadeHook? { try? ReadyMadeHook(command) }

  /// What the host's shell is given.
  var shellCommand: String { readyMade?.shellCommand ?? command }

  /// The program that the hook begins with, where that can be told: what has to be on the host.
  var program: String? {
    if let readyMade { return readyMade.program }
    let word = String(command.prefix { !" \t\n;&|<>()".contains($0) })
    guard !word.isEmpty, word.utf8.allSatisfy(\.isArgumentByte) else { return nil }
    return word.contains("=") || word.hasPrefix("~") || Self.reservedWords.contains(word) ? nil : word
  }

  /// POSIX XCU 2.4; what they begin cannot be judged by its first word.
  private static let reservedWords: Set<String> = ["if", "for", "while", "until", "case", "function"]
}
