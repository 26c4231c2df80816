import Foundation

/// Debian 12 with nothing in it but what boots, booted by systemd-nspawn(1) in the network of this machine. Needs root.
package final class BootedDebian: Sendable {
  package let root: String
  private let container: Running
  private let leader: Int32

  package static let isPossible = geteuid() == 0

  package init(in folder: String) async throws {
    root = folder + "/root"
    try await Program.succeed(
      try Program.find("debootstrap"),
      ["--variant=minbase", "--include=systemd-sysv,dbus", "bookworm", root])
    container = try Running(
      try Program.find("systemd-nspawn"),
      ["-D", root, "--boot", "--register=no", "--keep-unit", "--console=pipe", "--resolv-conf=copy-host"],
      stdout: folder + "/console", stderr: folder + "/console")
    let (id, console) = (container.id, folder + "/console")
    try await eventually("it boots: \(Files.read(console))", within: .seconds(120)) {
      Self.leader(of: id) != nil
    }
    guard let leader = Self.leader(of: id) else { throw Program.Failed("it has no leader") }
    self.leader = leader
    do {
      try await eventually("it has booted", within: .seconds(120)) {
        let state = try await self.run("systemctl is-system-running")
        return ["running", "degraded"].contains(
          state.stdout.trimmingCharacters(in: .whitespacesAndNewlines))
      }
    } catch {
      let state = try await run("systemctl is-system-running; systemctl list-jobs --no-pager")
      throw Program.Failed("\(error): \(state.everything)\n\(Files.read(console))")
    }
  }

  /// Its PID 1, as this machine counts. At first there is another child beside it, which makes it (proc(5), NSpid).
  private static func leader(of container: Int32) -> Int32? {
    Files.read("/proc/\(container)/task/\(container)/children").split(separator: " ").compactMap { Int32($0) }
      .first { Files.read("/proc/\($0)/status").contains(/NSpid:.*\t1\n/) }
  }

  /// What root types there.
  package func run(_ command: String) async throws -> Program.Result {
    try await Program.run(
      try Program.find("nsenter"),
      [
        "--target", "\(leader)", "--all", "/usr/bin/env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME=/root", "USER=root",
        "LANG=C.UTF-8", "DEBIAN_FRONTEND=noninteractive", "/bin/sh", "-c", "cd && \(command)",
      ])
  }

  /// - Returns: its stdout.
  @discardableResult
  package func succeed(_ command: String) async throws -> String {
    let result = try await run(command)
    guard result.status == 0 else {
      throw Program.Failed("\(command) ended with \(result.status): \(result.everything)")
    }
    return result.stdout
  }

  /// A shutdown would take longer than its folder is there. Its processes end with it (prctl(2), PR_SET_PDEATHSIG).
  deinit { container.signal(SIGKILL) }

  package func stop() async { await container.stop() }
}
