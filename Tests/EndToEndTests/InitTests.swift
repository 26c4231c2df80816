import Foundation
import Testing
import ThrowawayFleet

/// From nothing to an inventory that applies.
@Suite struct InitTests {
  private func run(_ arguments: String..., in scratch: ScratchFolder) async throws -> Program.Result {
    try await Program.run(
      CertfleetProgram.path, arguments,
      environment: CertfleetProgram(home: scratch.path + "/state").environment)
  }

  @Test func `what is said by options is an inventory, and nothing is written over`() async throws {
    let scratch = try ScratchFolder()
    let file = scratch.path + "/new/fleet.json5"
    let made = try await run(
      "init", scratch.path + "/new", "--hosts", "web1.example.com,root@10.0.0.2:2222,10.0.0.3", "--user",
      "deploy", "--domains",
      "Example.com,www.example.com", "--service", "postfix", "--email", "ops@example.com", "--agree-tos",
      in: scratch)
    #expect(
      made.status == 0 && made.stdout.contains("  certfleet apply \(file)\n  certfleet host pin\n"),
      "\(made.everything)")
    let text = Files.read(file)
    #expect(text.contains("{ name: \"10.0.0.2\", port: 2222, user: \"root\", become: false },"), "\(text)")
    #expect(
      text.contains("domains: [\"example.com\", \"www.example.com\"]")
        && text.contains("hooks: { deploy: [\"@postfix\"] }, verify: [{ tls: 25, starttls: \"smtp\" }]"),
      "\(text)")
    let applied = try await run("apply", file, in: scratch)
    #expect(applied.status == 0 && applied.stdout.contains("5 added"), "\(applied.everything)")
    let again = try await run(
      "init", scratch.path + "/new", "--hosts", "a", "--domains", "b.example", in: scratch)
    #expect(again.status != 0 && again.stderr.contains("is there already"), "\(again.everything)")
    #expect(Files.read(file) == text)
  }

  @Test func `what is not said, and cannot be asked, is named`() async throws {
    let scratch = try ScratchFolder()
    let silent = try await run("init", scratch.path, in: scratch)
    #expect(silent.status == 64 && silent.stderr.contains("say --hosts"), "\(silent.everything)")
    for hosts in ["a;rm -rf", "", "a:b:c"] {
      let bad = try await run("init", scratch.path, "--hosts", hosts, "--domains", "x.example", in: scratch)
      #expect(
        bad.status != 0 && !FileManager.default.fileExists(atPath: scratch.path + "/fleet.json5"), "\(hosts)")
    }
    // Without a word to the terms it does not apply, and says so.
    let made = try await run("init", scratch.path, "--hosts", "a", "--domains", "x.example", in: scratch)
    #expect(made.status == 0, "\(made.everything)")
    let applied = try await run("apply", scratch.path + "/fleet.json5", in: scratch)
    #expect(applied.status == 65 && applied.stderr.contains("read the CA's terms"), "\(applied.everything)")
  }

  @Test func `five answers at a terminal are an inventory that applies`() async throws {
    let scratch = try ScratchFolder()
    let asked = try await Program.run(
      try Program.find("script"),
      ["-qec", "\(CertfleetProgram.path) init \(scratch.path)/new", "/dev/null"],
      environment: CertfleetProgram(home: scratch.path + "/state").environment,
      stdin: "web1.example.com web2.example.com\ndeploy\nexample.com\n\nops@example.com\n")
    #expect(asked.status == 0, "\(asked.everything)")
    let text = Files.read(scratch.path + "/new/fleet.json5")
    #expect(text.contains("defaults: { user: \"deploy\", become: true }"), "\(asked.everything)")
    #expect(text.contains("agree_to_terms: true") && text.contains("\"@nginx\""))
    #expect(try await run("apply", scratch.path + "/new/fleet.json5", in: scratch).status == 0)
  }
}
