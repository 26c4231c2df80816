import Agents
import Engine
import Fleet
import Foundation
import Install
import Issuance
import PKI
import Storage
import struct Fleet.Host
import System

/// Small joints between modules that do not know each other.

/// Looks at a host with OpenSSL.
struct TLSProbe: Probe {
  private static let timeout = Duration.seconds(5)

  func served(by host: Host, at question: TLSQuestion) async throws(NoAnswer) -> Fingerprint {
    do {
      return try await ServedCertificate.fingerprint(
        at: question.address ?? host.address, port: question.port, serverName: question.serverName,
        startTLS: question.startTLS, timeout: Self.timeout)
    } catch {
      throw NoAnswer(
        reason: "\(error)", isOurs: (error as? ServedCertificate.NoAnswer)?.isOurs ?? false)
    }
  }
}

/// What people have said to rollouts, from whichever terminal.
struct StoredInstructions: InstructionSource {
  let store: Store

  func instructions(for rollout: Rollout.ID) async throws -> OperatorInstructions {
    try await store.instructions(for: rollout)
  }
}

/// Runs a hook beside a wave.
struct ShellHooks: LocalHooks {
  func run(_ command: String, environment: [String: String], timeout: Duration) async -> LocalHookResult {
    do {
      let lists = try LongLists(environment)
      defer { lists.remove() }
      let environment = lists.environment
      let result = try await ChildProcess.shell(command, environment: environment, deadline: timeout).run()
      let outcome: Outcome =
        switch result.status {
        case _ where result.timedOut: .timedOut
        case 0: .succeeded
        case 129...192: .signalled(Int(result.status) - 128)
        default: .exited(Int(result.status))
        }
      return LocalHookResult(
        outcome: outcome, stdout: CapturedOutput(result.stdout), stderr: CapturedOutput(result.stderr))
    } catch { return LocalHookResult(outcome: .failed("\(error)")) }
  }
}

/// Variables that are too long for the kernel (execve(2): MAX_ARG_STRLEN): in their place NAME_FILE names a file with the
/// words of NAME, a line each. Nothing is ever cut.
private struct LongLists {
  private static let longest = 100_000
  private(set) var environment: [String: String]
  private var folder: URL?

  init(_ environment: [String: String]) throws {
    self.environment = environment
    for (name, value) in environment where value.utf8.count > Self.longest {
      let folder = try self.folder ?? Self.makeFolder()
      self.folder = folder
      let file = folder.appending(path: name)
      try Data((value.replacing(" ", with: "\n") + "\n").utf8).write(to: file)
      self.environment[name] = nil
      self.environment[name + "_FILE"] = file.path(percentEncoded: false)
    }
  }

  private static func makeFolder() throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appending(path: "certfleet-\(UUID().uuidString)")
    try FileManager.default.createDirectory(
      at: folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    return folder
  }

  func remove() { folder.map { try? FileManager.default.removeItem(at: $0) } }
}

extension CapturedOutput {
  fileprivate init(_ text: String) {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { String($0).visible }
    self.init(text: lines.joined(separator: "\n"), totalBytes: text.utf8.count)
  }
}

/// Keeps events in the store, then shows them.
struct ShownRecorder: Recorder {
  let store: Store
  let display: RunDisplay

  func record(_ event: Event) async throws {
    try await store.record(event)
    display.show(event)
  }

  func read<Value: Sendable>(
    _ rollout: Rollout.ID, _ query: @Sendable (RolloutLedger) -> Value
  ) async throws -> Value {
    try await store.read(rollout, query)
  }
}

/// A lineage's issuing with one CA, in the store.
struct StoredOrder: OrderKeeper {
  let store: Store
  let lineage: Lineage.Name
  let directory: String
  let challenge: Challenge

  func willOrder(_ names: [String], with key: CertificateKey) async throws {
    try await store.keepIntent(toOrder: names, with: key, for: lineage, at: directory, now: Date())
  }

  func pending() async throws -> PendingCertificate? {
    try await store.pendingCertificate(of: lineage, at: directory)
  }

  func keep(_ order: PendingCertificate?) async throws {
    try await store.keep(order, of: lineage, at: directory, now: Date())
  }

  func willPresent(_ proof: Proof) async throws {
    try await store.keepPresented(proof, by: challenge, of: lineage)
  }

  func didCleanUp(_ proof: Proof) async throws {
    try await store.forgetPresented(proof, of: lineage)
  }
}
