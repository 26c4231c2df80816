import Foundation
import ThrowawayFleet

/// `make demo`: the whole of certfleet on a throwaway fleet, on real parts.
@main
enum Demo {
  static func main() async {
    do {
      try await Stage(root: FileManager.default.currentDirectoryPath).play()
    } catch {
      FileHandle.standardError.write(Data("demo: \(error)\n".utf8))
      exit(1)
    }
  }
}

/// One showing of the demo.
struct Stage {
  let root: String
  var folder: String { root + "/.demo" }
  var certfleet: CertfleetProgram { CertfleetProgram(home: folder + "/state") }
  private var keeps: Bool { ProcessInfo.processInfo.environment["DEMO_KEEP"] == "1" }

  func play() async throws {
    try clearStage()
    let watcher = Interruption { for id in Running.live { kill(id, SIGTERM) } }
    say("bringing up five hosts (sshd and nginx each) and Pebble, on \(Loopback.demo.prefix).0/24")
    let fleet = try await LoopbackFleet(
      in: folder, on: .demo, hosts: 5, certificates: [("demo.example", "demo.example")])
    do {
      try await acts(fleet)
    } catch {
      await fleet.stop()
      throw error
    }
    withExtendedLifetime(watcher) {}
    if keeps {
      try Files.write(folder + "/pids", fleet.ids.map(String.init).joined(separator: " ") + "\n")
      say("the fleet is left up; look around:")
      tell(
        "  export CERTFLEET_HOME=\(folder)/state", "  \(CertfleetProgram.path) report",
        "  \(CertfleetProgram.path) log --rollout 2",
        "  curl -k --resolve demo.example:8443:127.83.0.11 -v https://demo.example:8443/",
        "end it: kill $(cat \(folder)/pids)")
      // Here and now: the fleet's processes end with the object that stands for them.
      withExtendedLifetime(fleet) { exit(0) }
    } else {
      await fleet.stop()
      try FileManager.default.removeItem(atPath: folder)
      say("done; nothing is left running")
    }
  }

  private func acts(_ fleet: LoopbackFleet) async throws {
    say("declare the fleet, and pin every host's key")
    try await show(["apply", "inventory/demo"], expecting: 0)
    for host in fleet.hosts {
      try await show(
        ["host", "pin", host.name, "--fingerprint", try await host.ssh.fingerprint()], expecting: 0)
    }
    say("issue and roll out: one canary, then the rest")
    try await show(["run"], expecting: 0)
    let first = try await serials(fleet)
    guard Set(first).count == 1, !first[0].isEmpty else { throw Program.Failed("the hosts serve \(first)") }
    try await show(["report"], expecting: 0)
    say("run again: nothing changes")
    try await show(["run"], expecting: 0)
    if controllersCount > 1 { return try await shareWork(fleet) }
    say("renew, with a deploy hook that breaks on the canary")
    try Files.write(fleet.hosts[0].home + "/broken", "")
    try await show(["cert", "renew", "demo.example"], expecting: 0)
    try await show(["run"], expecting: 1)
    let second = try await serials(fleet)
    guard second == first else { throw Program.Failed("the hosts serve \(second), not \(first) as before") }
    try await show(["report"], expecting: 0)
    try await show(["log", "--rollout", "2"], expecting: 0)
  }

  /// What nginx serves on each host, asked with OpenSSL's own client.
  func serials(_ fleet: LoopbackFleet) async throws -> [String] {
    var serials: [String] = []
    for host in fleet.hosts {
      let serial = try await Served.serial(at: host.address, name: "demo.example")
      tell("  nginx on \(host.name) (\(host.address):8443) serves serial \(serial)")
      serials.append(serial)
    }
    return serials
  }

  /// Runs certfleet as a person would, its output on the terminal as it comes.
  func show(
    _ arguments: [String], expecting status: Int32, as certfleet: CertfleetProgram? = nil
  ) async throws {
    tell("$ certfleet \(arguments.joined(separator: " "))")
    let running = try Running(
      CertfleetProgram.path, arguments, environment: (certfleet ?? self.certfleet).environment, stdout: nil,
      stderr: nil)
    let ended = await running.ended()
    guard ended == status else { throw Program.Failed("it ended with \(ended), expected \(status)") }
    if status != 0 { tell("(exit code \(status), as it should be)") }
  }

  private func clearStage() throws {
    guard !Loopback.answers(Loopback.demo.host(1), 2222), !Loopback.answers(Loopback.demo.authority, 14000)
    else {
      throw Program.Failed("a demo fleet is up already; end it: kill $(cat \(folder)/pids)")
    }
    if FileManager.default.fileExists(atPath: folder) { try FileManager.default.removeItem(atPath: folder) }
  }

  func say(_ text: String) { tell("", "== \(text)") }
  func tell(_ lines: String...) {
    FileHandle.standardOutput.write(Data(lines.map { $0 + "\n" }.joined().utf8))
  }
}

/// ^C during the demo ends the fleet too.
private final class Interruption {
  private let sources: [any DispatchSourceSignal]

  init(_ end: @escaping @Sendable () -> Void) {
    sources = [SIGINT, SIGTERM, SIGHUP].map { number in
      signal(number, SIG_IGN)
      return DispatchSource.makeSignalSource(signal: number)
    }
    for source in sources {
      source.setEventHandler {
        end()
        exit(130)
      }
      source.activate()
    }
  }
}
