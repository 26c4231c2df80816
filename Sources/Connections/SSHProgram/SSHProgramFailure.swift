import Engine
import Fleet
import FoundationEssentials

/// What ssh's words mean when it does not get through (ssh(1) ends with 255 for any of them).
struct SSHProgramFailure {
  private let said: String
  private let host: Host
  private let pinned: [HostKey]

  init(_ said: String, at host: Host, pinned: [HostKey]) {
    (self.said, self.host, self.pinned) = (said, host, pinned)
  }

  var failure: ConnectFailure {
    if let changed { return ConnectFailure(reason: changed, isPassing: false) }
    let line = lastLine
    if said.contains("Permission denied") || said.contains("Too many authentication failures") {
      return ConnectFailure(reason: "ssh: \(line); \(tried)", isPassing: false)
    }
    let lasting = [
      "no matching", "Unable to negotiate", "Bad configuration option", "bad configuration option",
      "Bad owner or permissions",
      "terminating,", "incorrect passphrase", "invalid format",
    ]
    return ConnectFailure(
      reason: "ssh: \(line)", isPassing: !lasting.contains { said.contains($0) },
      isBusy: said.contains("kex_exchange_identification: Connection closed")
        || said.contains("Exceeded MaxStartups") || said.contains("Not allowed at this time"))
  }

  /// The keys that were offered, in their order.
  private var tried: String {
    let keys = said.matches(of: /Offering public key: (\S+) (\S+) (SHA256:\S+)/).map {
      "\($0.1) (\($0.2) \($0.3))"
    }
    guard !keys.isEmpty else { return "no key was offered: load one into an agent, or set identity" }
    let list = keys.joined(separator: ", ")
    return said.contains("Too many authentication failures")
      ? "keys tried, in this order: \(list); the server takes no more of them (MaxAuthTries in sshd_config): set identity"
      : "keys tried: \(list); add one's public half to that user's authorized_keys"
  }

  /// A key that is not one of those pinned, of the host or of one on the way.
  private var changed: String? {
    guard
      said.contains("Host key verification failed") || said.contains("REMOTE HOST IDENTIFICATION HAS CHANGED")
    else { return nil }
    let alias = SSHProgramFiles.alias(host.name)
    let isOwn =
      said.contains(alias) || !said.contains(/certfleet\.[A-Za-z0-9._-]+/)
    let who = isOwn ? host.name.rawValue : hop ?? host.name.rawValue
    let offered = said.matches(of: /Server host key: (\S+) (SHA256:[A-Za-z0-9+\/]+)/).last
    let shown = offered.map { "offered \($0.1) \($0.2)" } ?? "offered another type of key"
    let own = isOwn ? pinned.map { "\($0.type) \($0.fingerprint)" }.joined(separator: ", ") : ""
    return
      "\(isOwn ? "" : "via \(who): ")host key changed (\(own.isEmpty ? "" : "pinned \(own), ")\(shown)); if expected: \(Remedy.pinHost(Host.Name(who)))"
  }

  private var hop: String? {
    said.firstMatch(of: /certfleet\.([A-Za-z0-9._-]*[A-Za-z0-9])/).map { String($0.1) }
  }

  private var lastLine: String {
    let lines = said.split(whereSeparator: \.isNewline).map { $0.trimmingSuffix(while: \.isWhitespace) }
      .filter {
        !$0.isEmpty && !SSHProgram.isOwn($0) && !$0.hasPrefix("Authenticated to ")
      }
    // The last says mostly that the connection is gone, the one before why.
    let telling =
      lines.last { !$0.hasPrefix("Connection closed by") && !$0.hasPrefix("banner exchange") } ?? lines.last
    return telling.map { String($0).visible.shortened(to: 300) } ?? "it ended and said nothing"
  }
}

extension Substring {
  fileprivate func trimmingSuffix(while isLeft: (Character) -> Bool) -> Substring {
    var text = self
    while let last = text.last, isLeft(last) { text.removeLast() }
    return text
  }
}
