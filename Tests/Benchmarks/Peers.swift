import Foundation
import System
import ThrowawayFleet

/// What people use today, installed for this benchmark alone and driven as its users drive it: files are copied, and a
/// command runs. It is less than what a rollout does.
struct Peers {
  private static let folder = FileManager.default.currentDirectoryPath + "/.build/bench-peers"
  private static let sources = FileManager.default.currentDirectoryPath + "/Tests/Benchmarks/Peers"
  private let scene: FleetScene
  private let copies: ScratchFolder

  /// Outside the sandbox, which has no network.
  static func install() async throws {
    guard !FileManager.default.isExecutableFile(atPath: folder + "/bin/ansible-playbook") else { return }
    Said.line("installing parallel-ssh, ClusterShell and Ansible into .build/bench-peers")
    let python = try Program.find("python3")
    try await Program.succeed(python, ["-m", "venv", folder])
    try await Program.succeed(
      folder + "/bin/pip", ["install", "--quiet", "parallel-ssh", "ClusterShell", "ansible-core"])
  }

  init(_ scene: FleetScene) throws {
    self.scene = scene
    copies = try ScratchFolder()
    for name in ["cert.pem", "key.pem"] {
      try copies.write(name, Files.read("\(scene.scratch.path)/\(name)"))
    }
  }

  private func addresses(_ hosts: Int) -> [String] { (1...hosts).map(FleetScene.address) }
  private var user: String { SystemUser.name }
  private var identity: String { scene.scratch.path + "/id" }

  func parallelSSH(hosts: Int) async throws -> Measured {
    try await Measured(
      "parallel-ssh, 2 copies, 1 command", hosts: hosts, Self.folder + "/bin/python",
      [Self.sources + "/parallel_ssh.py", String(FleetScene.width), user, identity, "2222", copies.path],
      stdin: addresses(hosts).joined(separator: "\n"))
  }

  func clush(hosts: Int) async throws -> Measured {
    let options =
      "-p 2222 -i \(identity) -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
    let nodes = addresses(hosts).joined(separator: ",")
    let clush = "\(Self.folder)/bin/clush -q -f \(FleetScene.width) -l \(user) -o '\(options)' -w \(nodes)"
    let script = """
      set -e
      \(clush) --copy \(copies.path)/cert.pem --dest \(copies.path)/copied-cert.pem
      \(clush) --copy \(copies.path)/key.pem --dest \(copies.path)/copied-key.pem
      \(clush) echo reloaded
      """
    return try await Measured(
      "clush, 2 copies, 1 command", hosts: hosts, "/bin/sh", ["-c", script],
      environment: ["HOME": copies.path])
  }

  func ansible(hosts: Int) async throws -> Measured {
    let lines = addresses(hosts).enumerated().map { "web\($0.offset) ansible_host=\($0.element)" }
    let inventory = try copies.write(
      "inventory",
      """
      [all:vars]
      ansible_port=2222
      ansible_user=\(user)
      ansible_ssh_private_key_file=\(identity)
      ansible_python_interpreter=\(try Program.find("python3"))
      folder=\(copies.path)
      [all]
      \(lines.joined(separator: "\n"))

      """)
    return try await Measured(
      "Ansible, 2 copies, 1 command", hosts: hosts, Self.folder + "/bin/ansible-playbook",
      ["-i", inventory, "-f", "50", Self.sources + "/playbook.yml"],
      environment: [
        "ANSIBLE_HOST_KEY_CHECKING": "False", "ANSIBLE_PIPELINING": "True", "HOME": copies.path,
      ])
  }
}
