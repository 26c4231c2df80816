import Foundation

/// A host with accounts and a configuration of its own, as far as a mount namespace goes: what is written below /etc, /home
/// and /usr/local/lib is there for this sshd alone, and gone with it. Needs root.
package final class PrivateHost: Sendable {
  package static let isPossible = geteuid() == 0

  package let ssh: SSHServer
  package let address: String

  package struct Account: Sendable {
    package let name: String
    package let shell: String
    /// What sudoers(5) says of it.
    package let sudo: String?
    /// More of its home: path and content.
    package let files: [String: String]
    /// Commands for root, when it is there.
    package let setup: String

    package init(
      _ name: String, shell: String = "/bin/sh", sudo: String? = nil, files: [String: String] = [:],
      setup: String = ""
    ) {
      self.setup = setup
      self.name = name
      self.shell = shell
      self.sudo = sudo
      self.files = files
    }
  }

  /// - Parameter authorizedKey: logs in as everybody.
  package init(
    in folder: String, at address: String, accounts: [Account], authorizedKey: String, options: [String] = []
  ) async throws {
    self.address = address
    try Files.makeFolder(folder + "/etc")
    try Files.write(folder + "/key.pub", authorizedKey)
    // Whoever opens a store in this process narrows its mask; what all users of a host read must not be their own alone.
    var setting = """
      umask 022
      mount -t tmpfs -o mode=755 tmpfs '\(folder)/etc'
      mkdir '\(folder)/etc/upper' '\(folder)/etc/work'
      mount -t overlay -o lowerdir=/etc,upperdir='\(folder)/etc/upper',workdir='\(folder)/etc/work' overlay /etc
      mount -t tmpfs -o mode=755 tmpfs /home
      mount -t tmpfs -o mode=755 tmpfs /usr/local/lib

      """
    for account in accounts {
      setting += """
        useradd --no-log-init -M -U -p '*' -d /home/\(account.name) -s \(account.shell) \(account.name)
        mkdir -p /home/\(account.name)/.ssh
        cp '\(folder)/key.pub' /home/\(account.name)/.ssh/authorized_keys

        """
      if let rule = account.sudo {
        setting +=
          "echo '\(account.name) \(rule)' >>/etc/sudoers.d/throwaway; chmod 440 /etc/sudoers.d/throwaway\n"
      }
      for (path, content) in account.files.sorted(by: { $0.key < $1.key }) {
        let source = "\(folder)/files/\(account.name)/\(path)"
        try Files.write(source, content)
        setting += "install -D '\(source)' '/home/\(account.name)/\(path)'\n"
      }
      setting += "chown -R \(account.name): /home/\(account.name)\n\(account.setup)\n"
    }
    ssh = try await SSHServer(in: folder, at: address, options: options, setting: setting)
  }

  /// A file as the host sees it.
  package func read(_ path: String) -> String { Files.read("/proc/\(ssh.id)/root" + path) }

  package func exists(_ path: String) -> Bool {
    FileManager.default.fileExists(atPath: "/proc/\(ssh.id)/root" + path)
  }

  /// Runs a command there as root.
  @discardableResult
  package func run(_ command: String) async throws -> String {
    try await Program.succeed(
      try Program.find("nsenter"), ["--mount=/proc/\(ssh.id)/ns/mnt", "/bin/sh", "-c", command])
  }
  /// Starts a command there as root, which becomes the daemon that it starts, by `exec`.
  package func start(_ command: String) throws -> Running {
    try Running(
      try Program.find("nsenter"), ["--mount=/proc/\(ssh.id)/ns/mnt", "/bin/sh", "-c", command], stdout: nil,
      stderr: nil)
  }
}
