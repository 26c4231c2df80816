import Agents
import Fleet
import Foundation
import Testing
import ThrowawayFleet

/// Runs the agent by a shell, as sshd would, with files for the streams.
struct Shell: Sendable, CustomTestStringConvertible {
  let words: [String]
  var testDescription: String { words.joined(separator: " ") }

  static let all = [["dash"], ["bash", "--posix"], ["busybox", "sh"], ["mksh"], ["yash", "--posix"]].map {
    Shell(words: $0)
  }

  /// - Parameter path: the only folder with programs; `nil` is this machine's.
  func run(_ bytes: [UInt8], home: String, path: String? = nil) async throws -> Program.Result {
    var environment = ["HOME": home]
    environment["PATH"] = path
    return try await Program.run(
      try Program.find(words[0]), words.dropFirst() + ["-s"], environment: environment,
      stdin: String(decoding: bytes, as: UTF8.self))
  }
}

/// A host as the agent sees it: a folder.
struct AgentScene {
  let scratch: ScratchFolder
  let shell: Shell
  var base: String { scratch.path + "/base" }

  init(_ shell: Shell) throws {
    self.shell = shell
    scratch = try ScratchFolder()
    try Files.makeFolder(base)
  }

  func request(
    generation: Int, hooks: Hooks = Hooks(), token: VisitToken? = nil, epoch: Int = 1,
    confirm: Duration = .zero, verify: [Verification] = [], more: [AgentRequest.File] = [],
    destinations: [AgentRequest.Destination] = [], staysAsItIs: Bool = false, replacesOthers: Bool = false
  ) -> AgentRequest {
    var visit = PlannedVisit(
      host: Host(name: "web1", address: "a", base: base),
      certificates: [
        PlannedCertificate(
          lineage: "x", generation: Generation(generation), fingerprint: Fingerprint("f\(generation)"),
          domains: ["x.example", "y.example"],
          hooks: hooks, verify: verify)
      ])
    visit.certificates[0].replacesOthers = replacesOthers
    let files = ["cert.pem", "chain.pem", "fullchain.pem", "privkey.pem"].map { name in
      AgentRequest.File(
        lineage: "x", name: name, mode: name == "privkey.pem" ? "0600" : "0644",
        content: Array("\(name) \(generation)\n".utf8))
    }
    return AgentRequest(
      nonce: "n0nce", token: token ?? VisitToken("t\(generation)"), epoch: epoch, rollout: Rollout.ID(1),
      wave: 1, visit: visit,
      materials: .init(files: files + more, destinations: destinations), confirmTimeout: confirm,
      staysAsItIs: staysAsItIs)
  }

  /// A folder on the host that is nobody else's.
  func folder(_ name: String) throws -> String {
    let path = scratch.path + "/" + name
    try Files.makeFolder(path)
    chmod(path, 0o755)
    return path
  }

  /// - Parameter clock: the controller's.
  func replies(_ request: AgentRequest, clock: Date = Date()) async throws -> [AgentReply] {
    try await replies(bytes: request.bytes(now: clock))
  }

  func replies(bytes: [UInt8], path: String? = nil) async throws -> [AgentReply] {
    let result = try await shell.run(bytes, home: scratch.path, path: path)
    var parser = ReplyParser(nonce: "n0nce")
    return try parser.consume(Array(result.stdout.utf8))
  }

  func replies(_ task: AgentTask, path: String? = nil) async throws -> [AgentReply] {
    try await replies(
      bytes: task.bytes(nonce: "n0nce", host: Host(name: "web1", address: "a", base: base)), path: path)
  }

  /// Starts a visit and does not wait for it.
  func start(_ request: AgentRequest) throws -> Running {
    let input = try scratch.write("stdin", String(decoding: request.bytes(now: Date()), as: UTF8.self))
    return try Running(
      try Program.find(shell.words[0]), shell.words.dropFirst() + ["-s"], environment: ["HOME": scratch.path],
      stdin: input, stdout: scratch.path + "/out", stderr: scratch.path + "/out")
  }

  /// What is live now: `1`, `2` …
  var live: String? {
    (try? FileManager.default.destinationOfSymbolicLink(atPath: base + "/live/x"))
      .map { String($0.split(separator: "/").last ?? "") }
  }

  var generations: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: base + "/archive/x")) ?? []).sorted()
  }
}

extension [AgentReply] {
  var end: AgentReply? { last { if case .end = $0 { true } else { false } } }
  var outputs: [String] {
    compactMap { if case .output(_, let output) = $0 { output.text } else { nil } }
  }
  /// The steps that were reported, with how they went.
  var steps: [String] {
    compactMap {
      if case .step(let step, _, _, let outcome, _) = $0 { "\(step.rawValue) \(outcome)" } else { nil }
    }
  }
}
