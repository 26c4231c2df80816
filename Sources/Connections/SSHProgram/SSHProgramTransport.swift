import Engine
import Fleet
import FoundationEssentials
import Glibc
import SSH
import System

/// Reaches hosts by the system's ssh, a process for each connection: for what the linked libssh2 cannot.
struct SSHProgramTransport: Transport {
  private let hosts: [Host.Name: Host]
  private let pins: HostKeyPins
  private let files: SSHProgramFiles
  private let written = Written()

  private static let package = "openssh-client"
  private static let patience = Duration.milliseconds(500)

  /// The files are written once, when they are first needed.
  private actor Written {
    private var isDone = false

    func once(_ write: () throws -> Void) throws {
      if !isDone { try write() }
      isDone = true
    }
  }

  /// - Parameter folder: for the pins and the configuration that ssh reads.
  init(hosts: [Host.Name: Host], pins: HostKeyPins, folder: String) {
    self.hosts = hosts
    self.pins = pins
    files = SSHProgramFiles(in: folder, hosts: self.hosts, pins: pins)
  }

  func open(_ command: String, on host: Host, slot: ConnectionSlot) async throws(TransportFailure)
    -> any CommandChannel
  {
    do {
      guard !pins.keys(of: host.name).isEmpty else {
        throw ConnectFailure(
          reason: "no host key is pinned; look at it and pin it: \(Remedy.pinHost(host.name))",
          isPassing: false)
      }
      guard host.passphraseFile == nil else {
        throw ConnectFailure(
          reason: "ssh does not take a passphrase from a file; load the key into an agent: ssh-add",
          isPassing: false)
      }
      try await written.once(files.write)
      let jump = try jump(of: host)
      let process = try PipedProcess(
        "ssh", SSHProgram.arguments(for: host, by: jump, files, command: command), package: Self.package)
      let early: [UInt8]
      do {
        early = try await login(to: host, process)
      } catch {
        process.end(after: .zero)
        throw error
      }
      DebugLog.write("\(host.name): logged in by ssh, and started '\(command)'")
      return PipedChannel(
        process, slot: slot, patience: Self.patience, early: early, isOwn: { SSHProgram.isOwn($0) })
    } catch {
      DebugLog.write("\(host.name): not connected by ssh: \(error)")
      throw TransportFailure(
        failure: (error as? ConnectFailure) ?? ConnectFailure(reason: "\(error)", isPassing: false))
    }
  }

  func offeredKey(of host: Host, types: [String]) async throws -> HostKey {
    try await written.once(files.write)
    // ssh tells a key only by learning it: into a file of its own, and without a login.
    let learned = "\(files.folder)/look.\(getpid()).\(host.name)"
    unlink(learned)
    defer { unlink(learned) }
    let options = [
      ("StrictHostKeyChecking", "accept-new"), ("UserKnownHostsFile", SSHProgram.quoted(learned)),
      ("HashKnownHosts", "no"),
      ("PreferredAuthentications", "none"),
      (
        "HostKeyAlgorithms",
        types.flatMap { $0 == "ssh-rsa" ? ["rsa-sha2-512", "rsa-sha2-256"] : [$0] }.joined(separator: ",")
      ),
    ]
    let arguments = SSHProgram.arguments(
      for: host, by: try jump(of: host), files, extra: options, command: nil)
    let process = try PipedProcess("ssh", arguments, package: Self.package)
    let (_, said) = try await saidUntilItsEnd(process, within: deadline(of: host))
    let words =
      (FileManager.default.contents(atPath: learned).map { String(decoding: $0, as: UTF8.self) } ?? "")
      .split(whereSeparator: \.isNewline).first.map { $0.split(separator: " ").map(String.init) } ?? []
    guard words.count >= 3, let blob = Data(base64Encoded: words[2]) else {
      throw SSHProgramFailure(said, at: host, pinned: []).failure
    }
    return HostKey(ServerKey(type: words[1], blob: Array(blob)))
  }

  private func jump(of host: Host) throws -> Host? {
    guard let via = host.via else { return nil }
    guard let jump = hosts[via] else {
      throw ConnectFailure(
        reason: "there is no host '\(via)', through which it is reached; apply the inventory",
        isPassing: false)
    }
    return jump
  }

  private func deadline(of host: Host) -> Duration {
    var (hops, next) = (1, host.via)
    while let via = next, hops < 10 { (hops, next) = (hops + 1, hosts[via]?.via) }
    return (SSHProgram.connectTimeout + .seconds(5)) * hops
  }

  /// Waits until ssh says that it has logged in. Nothing comes from the host before that.
  ///
  /// - Returns: what the host has said on stderr since.
  private func login(to host: Host, _ process: PipedProcess) async throws -> [UInt8] {
    var said: [UInt8] = []
    let limit = deadline(of: host)
    let end = ContinuousClock.now + limit
    while true {
      let output: PipedProcess.Output
      do {
        output = try await process.receive(within: end - .now)
      } catch is PipedProcess.TimedOut {
        throw ConnectFailure(
          reason: "ssh did not log in within \(limit.short)", isPassing: true)
      }
      switch output {
      case .stdout: continue
      case .stderr(let bytes):
        said = (said + bytes).suffix(16 << 10)
        let lines = said.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        // The last is not whole yet.
        if let line = lines.dropLast().lastIndex(where: {
          SSHProgram.isLoggedIn(String(decoding: $0, as: UTF8.self), to: host)
        }) {
          return Array(lines[(line + 1)...].joined(separator: [UInt8(ascii: "\n")]))
        }
      case .ended:
        let words = String(decoding: said, as: UTF8.self)
        throw SSHProgramFailure(words, at: host, pinned: pins.keys(of: host.name)).failure
      }
    }
  }

  private func saidUntilItsEnd(_ process: PipedProcess, within limit: Duration) async throws -> (Int, String)
  {
    var said = ""
    let end = ContinuousClock.now + limit
    defer { process.end(after: .zero) }
    while true {
      switch try await process.receive(within: end - .now) {
      case .stdout: continue
      case .stderr(let bytes): said = String((said + String(decoding: bytes, as: UTF8.self)).suffix(16 << 10))
      case .ended(let status): return (status, said)
      }
    }
  }
}
