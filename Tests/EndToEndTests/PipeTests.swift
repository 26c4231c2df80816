import Foundation
import Testing
import ThrowawayFleet

/// What people pipe in.
@Suite struct PipeTests {
  @Test func `an inventory and known hosts come by a pipe as by a file`() async throws {
    let scratch = try ScratchFolder()
    let certfleet = CertfleetProgram(home: scratch.path + "/state")
    let inventory = try scratch.write(
      "fleet.json5", "{hosts: [{name: 'web1', address: '127.0.0.1', identity: 'id'}]}")
    try await KeyPair.make(at: scratch.path + "/key", type: "ed25519")
    let known = try scratch.write("known", "127.0.0.1 " + Files.read(scratch.path + "/key.pub"))
    func shell(_ command: String) async throws -> Program.Result {
      try await Program.run(
        try Program.find("bash"), ["-c", command, CertfleetProgram.path], environment: certfleet.environment)
    }
    let piped = try await shell("cd \(scratch.path) && cat \(inventory) | $0 apply -")
    #expect(piped.status == 0 && piped.stdout.contains("+ host web1"), "\(piped.everything)")
    // What stands in it lies where it was piped.
    let shown = try await shell("$0 host show web1 --json")
    #expect(shown.stdout.replacing("\\/", with: "/").contains(scratch.path + "/id\""), "\(shown.everything)")
    let substituted = try await shell("$0 apply <(sed s/web1/web2/ \(inventory))")
    #expect(
      substituted.status == 0 && substituted.stdout.contains("+ host web2"), "\(substituted.everything)")
    for command in [
      "cat \(known) | $0 host pin --from-known-hosts -",
      "$0 host pin web2 --from-known-hosts <(cat \(known))",
    ] {
      let pinned = try await shell(command)
      #expect(pinned.status == 0, "\(pinned.everything)")
    }
    #expect(try await shell("$0 host list --json").stdout.matches(of: /SHA256:/).count == 2)
    let empty = try await shell("$0 apply - </dev/null")
    #expect(empty.status == 65 && empty.stderr.contains("is empty"), "\(empty.everything)")
  }
}
