import Agents
import Fleet
import Foundation
import Testing
import ThrowawayFleet

/// Somebody without privilege who has an account on the host.
struct Attacker: Sendable {
  let name: String
  let uid: uid_t
  let gid: gid_t

  static let daemon = Attacker(name: "daemon", uid: 1, gid: 1)
  static let www = Attacker(name: "www-data", uid: 33, gid: 33)

  /// Runs a script as them, to its end.
  @discardableResult
  func run(_ script: String, in scene: AgentScene) async throws -> Program.Result {
    try await Program.run(
      try Program.find("setpriv"), words + ["/bin/sh", "-c", "cd '\(scene.scratch.path)'; \(script)"])
  }

  /// Does something over and over while `body` runs.
  func repeating(_ script: String, in scene: AgentScene, while body: () async throws -> Void) async throws {
    let attack = try Running(
      try Program.find("setpriv"),
      words + ["/bin/sh", "-c", "cd '\(scene.scratch.path)'; while :; do \(script); done"],
      stdout: "/dev/null", stderr: "/dev/null")
    let result: Result<Void, any Error>
    do { result = .success(try await body()) } catch { result = .failure(error) }
    await attack.stop()
    try result.get()
  }

  private var words: [String] { ["--reuid=\(uid)", "--regid=\(gid)", "--clear-groups", "--"] }

  func owns(_ path: String) { chown(path, uid, gid) }
}

extension AgentScene {
  /// A host on which somebody else can look around.
  static func withOthers(_ shell: Shell) throws -> AgentScene {
    let scene = try AgentScene(shell)
    // Whatever the mask of the process that runs the tests is.
    for path in [scene.scratch.path, scene.base] { chmod(path, 0o755) }
    return scene
  }

  /// A folder of an attacker's.
  func folder(_ name: String, of attacker: Attacker, mode: mode_t = 0o755) throws -> String {
    let path = try folder(name)
    chmod(path, mode)
    attacker.owns(path)
    return path
  }

  func place(
    _ path: String, _ allowances: FileInstallation.Allowance..., parts: [String] = ["privkey.pem"],
    owner: String? = nil, group: String? = nil, mode: String = "0600"
  ) -> AgentRequest.Destination {
    .init(
      lineage: "x", parts: parts, path: path, mode: mode, owner: owner, group: group, allowances: allowances)
  }

  /// What a visit with this came to: `ok`, or everything that the host complains of.
  func visit(
    _ generation: Int = 1, hooks: Hooks = Hooks(), _ destinations: AgentRequest.Destination...
  ) async throws -> String {
    let replies = try await replies(
      request(
        generation: generation, hooks: hooks, token: VisitToken("t\(UInt32.random(in: 0...UInt32.max))"),
        destinations: destinations))
    switch replies.end {
    case .end(.ok, _): return "ok"
    case .end(let end, let text):
      return ([end.rawValue] + replies.steps.filter { !$0.hasSuffix(" ok") } + [text]).joined(separator: "; ")
    default: return "no end: \(replies)"
    }
  }

  func acl(_ entries: String, _ path: String) async throws {
    try await Program.succeed(try Program.find("setfacl"), ["-m", entries, path])
  }

  func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

  func owner(of path: String) -> uid_t? {
    var facts = stat()
    return lstat(path, &facts) == 0 ? facts.st_uid : nil
  }

  func mode(of path: String) -> mode_t? {
    var facts = stat()
    return lstat(path, &facts) == 0 ? facts.st_mode & 0o7777 : nil
  }
}
