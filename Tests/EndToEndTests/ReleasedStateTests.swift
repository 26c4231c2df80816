import Foundation
import Testing
import ThrowawayFleet

/// A state that an earlier release has made (`Tests/Fixtures`): what it declared, ordered, showed to a CA and recorded, with a rollout
/// that waits and hosts that failed.
struct ReleasedState {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Fixtures/schema-5").path(percentEncoded: false)
  static let listings = folder + "/../listings"
  let scratch: ScratchFolder
  let certfleet: CertfleetProgram

  /// - Parameter name: `fleet`, or `declared`, which has everything of the example inventory and nothing more.
  init(_ name: String) throws {
    scratch = try ScratchFolder()
    certfleet = CertfleetProgram(home: scratch.path + "/state")
    try Files.makeFolder(certfleet.home)
    chmod(certfleet.home, 0o700)
    for (from, to) in [("\(name).db", "certfleet.db"), ("\(name).key", "sealing.key")] {
      let path = certfleet.home + "/" + to
      try FileManager.default.copyItem(atPath: Self.folder + "/" + from, toPath: path)
      chmod(path, 0o600)
    }
  }
}

@Suite struct ReleasedStateTests {
  /// What `--json` says is a promise: a change here is a change of a schema's version, or one member more. It is listed a few hours after
  /// the state was made, as later its hosts have not been seen for long, and its certificates end.
  @Test(arguments: [
    ("host-list", ["host", "list"]), ("cert-list", ["cert", "list"]),
    ("cert-show", ["cert", "show", "one.example"]),
    ("cert-show-broken", ["cert", "show", "broken.example"]), ("account-list", ["account", "list"]),
    ("rollout-list", ["rollout", "list"]), ("rollout-show", ["rollout", "show", "1"]),
    ("rollout-show-halted", ["rollout", "show", "3"]), ("log", ["log"]), ("report", ["report"]),
  ])
  func `what is listed of an earlier release's state is as it was written down`(
    name: String, words: [String]
  ) async throws {
    let state = try ReleasedState("fleet")
    let listed = try await Program.succeed(
      try Program.find("faketime"),
      ["-f", "@2026-11-28 12:00:00", CertfleetProgram.path] + words + ["--json"],
      environment: state.certfleet.environment.merging(["TZ": "UTC"]) { $1 })
    func withoutSeconds(_ text: String) -> String {
      text.replacing(/"generated_at" : "2026-11-28T12:00:[^"]*"/, with: "\"generated_at\" : \"now\"")
    }
    let written = Files.read(ReleasedState.listings + "/\(name).\(name == "log" ? "jsonl" : "json")")
    #expect(!written.isEmpty && withoutSeconds(listed) == written)
  }

  @Test func `the log of an earlier release still verifies, and is gone on with`() async throws {
    let state = try ReleasedState("fleet")
    #expect(try await state.certfleet.succeed("log", "--verify").contains("events"))
    try await state.certfleet.succeed("rollout", "resume", "1", "--why", "the window is open")
    #expect(try await state.certfleet.succeed("log", "--verify").contains("events"))
    #expect(try await state.certfleet.succeed("log").contains("the window is open"))
  }

  /// What a plan says depends on the day; that it can be made does not.
  @Test(arguments: ["fleet", "declared"])
  func `a plan can be made of an earlier release's state`(name: String) async throws {
    let state = try ReleasedState(name)
    let plan = try await state.certfleet.succeed("plan", "--json")
    #expect(plan.contains("one.example") || plan.contains("example.com"))
  }

  @Test func `the same inventory, applied again, changes nothing that an earlier release stored`()
    async throws
  {
    let state = try ReleasedState("declared")
    let applied = try await state.certfleet.succeed("apply", ReleasedState.folder + "/declared.json5")
    // But for what goes by a default that has changed since: one in a hundred hosts may fail.
    let changed = "~ rollout policy standard\n    max_failed  0 → 1%\n0 added, 1 changed, 0 removed\n"
    #expect(applied.hasPrefix(changed), "\(applied)")
    let again = try await state.certfleet.succeed("apply", ReleasedState.folder + "/declared.json5")
    #expect(again.contains("nothing"), "\(again)")
  }
}
