package import Fleet
import FoundationEssentials

/// The script that is sent to a host: parts in `agent/`, one subject each, one after another. They are embedded as they are.
package enum AgentScript {
  private typealias Part = PackageResources

  /// All of them, as an installed agent has them. `make lint` reads this list.
  private static let parts: [[UInt8]] = [
    PackageResources.frames_sh,
    PackageResources.request_sh,
    PackageResources.journal_sh,
    PackageResources.base_sh,
    PackageResources.places_sh,
    PackageResources.locks_sh,
    PackageResources.processes_sh,
    PackageResources.hooks_sh,
    PackageResources.certificates_sh,
    PackageResources.generations_sh,
    PackageResources.rollback_sh,
    PackageResources.preflight_sh,
    PackageResources.controller_sh,
    PackageResources.visit_sh,
    PackageResources.keepers_sh,
    PackageResources.files_sh,
    PackageResources.retire_sh,
    PackageResources.certbot_sh,
    PackageResources.directories_sh,
    PackageResources.tasks_sh,
    PackageResources.questions_sh,
    PackageResources.look_sh,
    PackageResources.validity_sh,
    PackageResources.permissions_sh,
    PackageResources.installed_sh,
    PackageResources.main_sh,
  ]

  /// What every visit needs.
  private static let visit: [[UInt8]] = [
    Part.frames_sh, Part.request_sh, Part.journal_sh, Part.base_sh, Part.places_sh, Part.locks_sh,
    Part.processes_sh, Part.hooks_sh, Part.certificates_sh, Part.generations_sh, Part.rollback_sh,
    Part.preflight_sh, Part.controller_sh, Part.visit_sh, Part.main_sh,
  ]
  /// For files elsewhere, for taking anything away, and for what certbot has there.
  private static let files: [[UInt8]] = [Part.keepers_sh, Part.files_sh, Part.retire_sh, Part.certbot_sh]
  /// For hooks in folders.
  private static let directories: [[UInt8]] = [Part.directories_sh]

  /// What is run over SSH; every login shell understands it. Where an agent is installed, sshd runs that instead.
  ///
  /// Where sudo may ask for a password, it asks with `passwordPrompt(nonce)` on stderr, and when it has let us through, `isThrough(nonce)` comes
  /// there: whatever its configuration, the password is sent to nobody but who asks so. A ticket of an earlier login is not used (sudo(8), -k).
  /// In the command they are in two pieces each, so that nobody who repeats it (ssh's own log does) says them.
  package static func command(for host: Host, nonce: String = "") -> String {
    guard let become = host.become else { return "exec /bin/sh -s" }
    let user = become.user.map { "-u \($0) " } ?? ""
    guard become.passwordFile != nil else {
      return "exec \(become.method.rawValue) -n \(user)/bin/sh -s"
    }
    func pieces(_ text: String) -> String { "\(text.prefix(10))''\(text.dropFirst(10))" }
    return
      "exec sudo -k -S -p '\(pieces(passwordPrompt(nonce)))' \(user)/bin/sh -c 'echo \"$0\" >&2; exec /bin/sh -s' '\(pieces(isThrough(nonce)))'"
  }

  package static func passwordPrompt(_ nonce: String) -> String { "certfleet-password-\(nonce):" }
  package static func isThrough(_ nonce: String) -> String { "certfleet-through-\(nonce)" }

  /// The script itself.
  package static var text: String { joined(parts) }

  private static func joined(_ parts: [[UInt8]]) -> String {
    parts.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "\n")
  }

  /// What goes over the wire: each host reads what it is sent, so it is sent what it needs, without comments and indentation. There is one
  /// of each in memory, however many hosts it goes to at once.
  enum Wire {
    /// For a visit, a claim and whatever else is asked of the host's base.
    static let whole = bytes(AgentScript.visit + files + directories + [Part.tasks_sh, Part.questions_sh])
    static let look = bytes(looking + [Part.main_sh])
    static let discover = bytes(looking + [Part.discover_sh, Part.main_sh])

    private static let looking: [[UInt8]] = [
      Part.frames_sh, Part.request_sh, Part.places_sh, Part.certificates_sh, Part.controller_sh,
      Part.look_sh,
    ]

    /// For a visit alone: with what its own records need. Where an earlier visit is to be ended, it asks for the rest.
    static func visit(withFiles: Bool, withDirectories: Bool) -> [UInt8] {
      switch (withFiles, withDirectories) {
      case (false, false): plain
      case (true, false): filesOnly
      case (false, true): directoriesOnly
      case (true, true): both
      }
    }

    private static let plain = bytes(AgentScript.visit)
    private static let filesOnly = bytes(AgentScript.visit + files)
    private static let directoriesOnly = bytes(AgentScript.visit + directories)
    private static let both = bytes(AgentScript.visit + files + directories)
    /// What a visit may have left out.
    static let rest = bytes(files + directories)

    private static func bytes(_ parts: [[UInt8]]) -> [UInt8] { Array((wire(joined(parts)) + "\n").utf8) }
  }

  /// No line within quotes begins with `#`, nor depends on white space at its start (a test looks at that).
  static func wire(_ script: String) -> String {
    script.split(separator: "\n").map { $0.drop { $0 == " " || $0 == "\t" } }
      .filter { !$0.isEmpty && !$0.hasPrefix("#") }.joined(separator: "\n")
  }

  /// The version of the protocol that the script speaks.
  package static let version = 7

  /// A smaller script with its positional parameters set.
  static func snippet(_ script: [UInt8], arguments: [String]) -> String {
    let words = arguments.map(quoted).joined(separator: " ")
    return "set -- \(words)\n" + String(decoding: script, as: UTF8.self)
  }

  /// One word of a shell's, whatever is in it (POSIX XCU 2.2.2).
  static func quoted(_ text: String) -> String { "'" + text.replacing("'", with: "'\\''") + "'" }
}
