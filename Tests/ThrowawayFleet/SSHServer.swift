import Foundation

/// A real sshd of the current user's, for one host.
package final class SSHServer: Sendable {
  package let address: String
  package let port: UInt16 = 2222
  private let folder: String
  private let program: Running

  /// - Parameters:
  ///   - home: what `$HOME` is for a login.
  ///   - authorizedKey: the one public key that may log in.
  package convenience init(
    in folder: String, at address: String, home: String, authorizedKey: String, extraOptions: [String] = []
  ) async throws {
    try Files.makeFolder(home)
    try Files.write(folder + "/authorized_keys", authorizedKey)
    try await self.init(
      in: folder, at: address,
      options: ["AuthorizedKeysFile \(folder)/authorized_keys", "SetEnv HOME=\(home)"] + extraOptions,
      setting: nil)
  }

  /// - Parameter setting: commands for root that come before sshd, in a mount namespace that they share.
  init(in folder: String, at address: String, options: [String], setting: String?) async throws {
    self.folder = folder
    self.address = address
    let sshd = try Program.find("sshd")
    // sshd of Debian insists on this folder when root runs it; without systemd nobody has made it.
    if geteuid() == 0 { try Files.makeFolder("/run/sshd") }
    try await Self.makeHostKey(in: folder)
    try Files.write(
      folder + "/sshd_config",
      """
      Port \(port)
      ListenAddress \(address)
      HostKey \(folder)/host_key
      PidFile none
      StrictModes no
      UsePAM no
      PasswordAuthentication no
      KbdInteractiveAuthentication no
      PermitRootLogin prohibit-password
      PrintMotd no
      PrintLastLog no
      MaxStartups 2000
      \(options.joined(separator: "\n"))

      """)
    let arguments = ["-D", "-e", "-f", folder + "/sshd_config"]
    let log = folder + "/sshd.log"
    if let setting {
      let script = "set -e\n\(setting)\nexec \(sshd) \(arguments.joined(separator: " "))\n"
      program = try Running(
        try Program.find("unshare"), ["--mount", "--propagation", "private", "/bin/sh", "-c", script],
        stdout: log, stderr: log)
    } else {
      program = try Running(sshd, arguments, stdout: log, stderr: log)
    }
    try await eventually("sshd answers at \(address): \(Files.read(folder + "/sshd.log"))") {
      Loopback.answers(address, 2222)
    }
  }

  private static func makeHostKey(in folder: String) async throws {
    try Files.makeFolder(folder)
    guard Files.read(folder + "/host_key").isEmpty else { return }
    try await KeyPair.make(at: folder + "/host_key", type: "ed25519")
  }

  /// `SHA256:…`, as `ssh-keygen -l` shows it.
  package func fingerprint() async throws -> String {
    let line = try await Program.succeed(
      try Program.find("ssh-keygen"), ["-l", "-f", folder + "/host_key.pub"])
    return line.split(separator: " ").dropFirst().first.map(String.init) ?? ""
  }

  /// Its private key; the public one is beside it, with `.pub`.
  package var hostKeyFile: String { folder + "/host_key" }

  package var log: String { Files.read(folder + "/sshd.log") }
  package var id: Int32 { program.id }

  /// The processes of the logins that are open now, without what runs in them.
  package var sessions: [Int32] {
    let first = children(of: id)
    return first + first.flatMap(children)
  }

  /// Has it read its files anew, and waits until it has: it listens again, under the same number.
  package func reload() async throws {
    func starts() -> Int { log.components(separatedBy: "Server listening on").count }
    let before = starts()
    kill(id, SIGHUP)
    try await eventually("sshd has read its files anew") { starts() > before }
  }

  /// Kills the logins that are open now; what runs in them goes on. One that is still coming in is held while its processes are counted.
  package func killSessions() {
    for session in children(of: id) { kill(session, SIGSTOP) }
    for session in sessions { kill(session, SIGKILL) }
  }

  /// proc(5), stat: the state and the parent follow the name, which is in parentheses.
  private func children(of parent: Int32) -> [Int32] {
    let all = ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { Int32($0) }
    return all.filter {
      let fields = Files.read("/proc/\($0)/stat").split(separator: ")").last?.split(separator: " ") ?? []
      return fields.count > 1 && fields[0] != "Z" && fields[1] == "\(parent)"
        && Files.read("/proc/\($0)/comm") == "sshd\n"
    }
  }

  package func stop() async { await program.stop() }
}

/// SSH keys by ssh-keygen.
package enum KeyPair {
  package static func make(at path: String, type: String, passphrase: String = "") async throws {
    try await Program.succeed(
      try Program.find("ssh-keygen"), ["-q", "-t", type, "-N", passphrase, "-C", "throwaway", "-f", path])
  }
}
