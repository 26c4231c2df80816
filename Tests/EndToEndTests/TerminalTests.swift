import Foundation
import Testing
import ThrowawayFleet

/// What people see in a terminal: a real one, in tmux.
@Suite(.serialized) struct TerminalTests {
  /// A tmux server of its own with one window.
  private struct Terminal {
    let socket: String
    let tmux: String

    init(in folder: String, columns: Int, environment: [String: String], _ words: [String]) async throws {
      socket = folder + "/tmux-\(columns)"
      tmux = try Program.find("tmux")
      let command = words.map { "'\($0)'" }.joined(separator: " ")
      let settings = environment.map { "\($0.key)='\($0.value)'" }.joined(separator: " ")
      try await Program.succeed(
        tmux,
        [
          "-S", socket, "-f", "/dev/null", "new-session", "-d", "-x", "\(columns)", "-y", "30",
          "env \(settings) \(command); echo ended with $?; exec sleep 600",
        ], environment: ["TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "SHELL": "/bin/sh"])
    }

    func screen() async throws -> String {
      try await Program.succeed(tmux, ["-S", socket, "capture-pane", "-p", "-S", "-100", "-J"])
    }

    func resize(to columns: Int) async throws {
      try await Program.succeed(tmux, ["-S", socket, "resize-window", "-x", "\(columns)", "-y", "30"])
    }

    func end() async { _ = try? await Program.run(tmux, ["-S", socket, "kill-server"]) }
  }

  private func shows(_ text: String, in terminal: Terminal) async throws -> String {
    var screen = ""
    try await eventually("the terminal shows '\(text)': \(screen)") {
      screen = (try? await terminal.screen()) ?? ""
      return screen.contains(text)
    }
    return screen
  }

  @Test(arguments: [20, 40, 80, 200])
  func `waves are drawn in place, and nothing is left of them`(columns: Int) async throws {
    let scene = try await Scene(hosts: 3)
    try Files.write(scene.hosts[1].home + "/hold-deploy", "")
    let terminal = try await Terminal(
      in: scene.scratch.path, columns: columns, environment: scene.certfleet.environment,
      [CertfleetProgram.path, "run"])
    let drawn = try await shows("▶ wave 2", in: terminal)
    #expect(drawn.contains("✓ wave 1  1/1") && drawn.contains("rollout 1 · "), "\(drawn)")
    // One picture of each wave, however often it was drawn.
    #expect(drawn.components(separatedBy: "▶ wave 2").count == 2, "\(drawn)")
    try await terminal.resize(to: 60)
    try FileManager.default.removeItem(atPath: scene.hosts[1].home + "/hold-deploy")
    let last = try await shows("ended with 0", in: terminal)
    #expect(!last.contains("▶") && last.contains("rollout 1 succeeded"), "\(last)")
    await terminal.end()
    await scene.fleet.stop()
  }

  @Test func `without colour there is none, and a dumb terminal gets lines alone`() async throws {
    let scene = try await Scene(hosts: 1)
    for more in [["NO_COLOR": "1"], ["TERM": "dumb"]] {
      let log = scene.scratch.path + "/raw"
      let result = try await Program.run(
        try Program.find("script"),
        ["-q", "-c", "\(CertfleetProgram.path) run; \(CertfleetProgram.path) report", log],
        environment: scene.certfleet.environment.merging(["TERM": "xterm"]) { $1 }.merging(more) { $1 })
      #expect(result.status == 0)
      let raw = Files.read(log)
      #expect(raw.contains("everything is as it should be") && !raw.contains("\u{1B}[3"), "\(raw)")
      if more["TERM"] != nil { #expect(!raw.contains("\u{1B}"), "\(raw)") }
    }
    await scene.fleet.stop()
  }

  @Test func `cron gets a mail when a person must act, and else none`() async throws {
    let scene = try await Scene(hosts: 3)
    let good = try await scene.expect(0, "run", "--quiet")
    #expect(good.stdout.isEmpty && good.stderr.isEmpty, "\(good.everything)")
    #expect(try await scene.expect(0, "report", "--check").stdout.hasPrefix("CERTFLEET OK - 3 of 3 places"))
    try Files.write(scene.hosts[0].home + "/break-deploy", "")
    try await scene.expect(0, "cert", "renew", "one.example")
    let bad = try await scene.expect(1, "run", "--quiet")
    #expect(bad.stderr.isEmpty)
    let lines = bad.stdout.split(separator: "\n")
    #expect(lines.count <= 12 && lines[0].hasPrefix("certfleet on "), "\(bad.stdout)")
    #expect(bad.stdout.contains("✗ web1: one.example rolled back in rollout 2"), "\(bad.stdout)")
    #expect(bad.stdout.contains("broken on purpose") && bad.stdout.contains("certfleet rollout retry 2"))
    let check = try await scene.expect(2, "report", "--check").stdout
    #expect(check.hasPrefix("CERTFLEET CRITICAL - ") && check.split(separator: "\n").count == 1, "\(check)")
    await scene.fleet.stop()
  }

  @Test func `the log finds what is asked for, and goes on with what happens`() async throws {
    let scene = try await Scene(hosts: 2)
    try scene.steer(0, "break-deploy")
    try await scene.expect(1, "run")
    func lines(_ words: String...) async throws -> [Substring] {
      try await Program.succeed(
        CertfleetProgram.path, ["log"] + words, environment: scene.certfleet.environment
      ).split(separator: "\n").filter { !$0.hasPrefix("    ") }
    }
    let failed = try await lines("--failed")
    #expect(failed.count == 4 && failed[0].contains("deploy one.example: exit status 3"), "\(failed)")
    #expect(try await lines("--step", "deploy", "--host", "web1").count == 1)
    let said = try await lines("--grep", "BROKEN ON purpose")
    #expect(said.count >= 2 && said.allSatisfy { $0.contains("web1") }, "\(said)")
    #expect(try await lines("--until", "1h").isEmpty)
    #expect(try await scene.expect(64, "log", "--step", "deplyo").stderr.contains("'deplyo' is no step: "))
    let following = try scene.certfleet.start(
      "log", "--follow", "--failed", output: scene.scratch.path + "/followed")
    try await eventually("what was is shown") {
      Files.read(scene.scratch.path + "/followed").contains("halted")
    }
    try await scene.expect(1, "rollout", "retry", "1")
    try await eventually("what happens is shown") {
      Files.read(scene.scratch.path + "/followed").contains("rollout 2  halted")
    }
    await following.stop()
    await scene.fleet.stop()
  }

  @Test func `apply shows what changes field by field`() async throws {
    let scene = try await Scene(hosts: 1)
    let file = scene.scratch.path + "/fleet.json5"
    try Files.write(
      file,
      Files.read(file).replacing("port: 2222", with: "port: 2223").replacing(
        "domains: ['one.example']", with: "domains: ['one.example', 'www.one.example']"))
    let applied = try await scene.expect(0, "apply", "--dry-run", file).stdout
    #expect(
      applied.hasPrefix(
        """
        ~ host web1
            port  2222 → 2223
        ~ certificate one.example
            domains  + www.one.example
        0 added, 2 changed, 0 removed (dry run: nothing was stored)

        """), "\(applied)")
    let json = try await scene.expect(0, "apply", "--dry-run", "--json", file).stdout
    #expect(json.contains("\"host web1\"") && json.contains("\"field\" : \"port\""), "\(json)")
    await scene.fleet.stop()
  }
}
