import Foundation
import Testing
import ThrowawayFleet

/// Each thing that is in the way is provoked, found, and gone by what was said to mend it.
@Suite struct DoctorTests {
  private func found(_ scene: Scene, _ status: Int32) async throws -> String {
    try await scene.expect(status, "doctor").stdout
  }

  @Test func `a fleet that lacks something is told so, and all is well when that is there`() async throws {
    let scene = try await Scene(hosts: 2)
    let first = try await found(scene, 1)
    #expect(
      first.contains(
        "✗ no run has ever ended: nothing is renewed by itself\n    certfleet run, and by a timer")
        && first.contains("! there is no account with pebble yet")
        && first.contains("the DNS has no address for one.example"),
      "\(first)")
    try await scene.expect(0, "run")
    let second = try await found(scene, 0)
    #expect(!second.contains("✗") && !second.contains("no account"), "\(second)")

    // A host that is not pinned, one that nothing goes to, a certificate that goes nowhere, and one that nobody looks at.
    let file = scene.scratch.path + "/fleet.json5"
    let text = Files.read(file)
    try Files.write(
      file,
      text.replacing("hosts: [", with: "hosts: [{name: 'new1', address: '127.0.0.9'}, ")
        .replacing("to: '*'", with: "to: 'name:web*'")
        .replacing(
          "certificates: [",
          with:
            "certificates: [{name: 'lone.example', domains: ['lone.example'], issuer: 'pebble', challenge: {type: 'http-01', listen: '127.0.0.1:1'}}, "
        ).replacing("verify: [{tls: 8443}],", with: ""))
    try await scene.expect(0, "apply", file)
    let third = try await found(scene, 0)
    for what in [
      "! no certificate goes to new1\n", "! lone.example is issued and goes to no host\n",
      "! nobody looks at what is served of one.example\n", "verify: [{ tls: 443 }]",
    ] { #expect(third.contains(what), "\(what): \(third)") }
    try Files.write(file, Files.read(file).replacing("to: 'name:web*'", with: "to: '*'"))
    try await scene.expect(0, "apply", file)
    let fourth = try await found(scene, 1)
    #expect(
      fourth.contains("✗ no host key of new1 is pinned") && fourth.contains("certfleet host pin new1"),
      "\(fourth)")
    try Files.write(file, text)
    try await scene.expect(0, "apply", file, "--prune", "--yes")
    #expect(try await found(scene, 0) == second)

    // Somebody else has the port, and the CA is gone.
    let port = try Running(
      try Program.find("python3"),
      [
        "-c",
        "import socket, time; s = socket.create_server(('\(scene.fleet.network.controller)', \(scene.fleet.authority.challengePort))); time.sleep(60)",
      ], stdout: nil, stderr: nil)
    try await eventually("the port is taken") {
      Loopback.answers(scene.fleet.network.controller, UInt16(scene.fleet.authority.challengePort))
    }
    let taken = try await found(scene, 1)
    #expect(taken.contains("✗ cannot listen on") && taken.contains("stop what holds the port"), "\(taken)")
    await port.stop()
    await scene.fleet.authority.stop()
    let gone = try await found(scene, 1)
    #expect(gone.contains("✗ pebble does not answer at https://"), "\(gone)")
    let json = try await scene.expect(1, "doctor", "--json").stdout
    #expect(
      json.contains("\"schema\" : \"certfleet/findings/2\"") && json.contains("\"severity\" : \"problem\""))
    await scene.fleet.stop()
  }

  @Test func `a damaged database and a full disk are found before they lose anything`() async throws {
    guard geteuid() == 0 else { return }
    let scratch = try ScratchFolder()
    let certfleet = CertfleetProgram(home: scratch.path + "/state")
    try scratch.write(
      "fleet.json5", "{ hosts: [\((1...400).map { "{name: 'web\($0)'}" }.joined(separator: ", "))] }")
    try await certfleet.succeed("apply", scratch.path + "/fleet.json5")
    // A little disk of its own, in a mount namespace.
    let small = try await Program.run(
      try Program.find("unshare"),
      [
        "--mount", "--propagation", "private", "/bin/sh", "-c",
        "cp -a '\(certfleet.home)' '\(scratch.path)/kept' && mount -t tmpfs -o size=20m,mode=700 tmpfs '\(certfleet.home)' && cp -a '\(scratch.path)/kept/.' '\(certfleet.home)' && '\(CertfleetProgram.path)' doctor",
      ], environment: certfleet.environment)
    #expect(
      small.status == 1 && small.stdout.contains("MB are free at \(certfleet.home)"), "\(small.everything)")
    // A page in the middle, as a failing disk leaves it.
    let file = try FileHandle(forUpdating: URL(filePath: certfleet.home + "/certfleet.db"))
    let size = try file.seekToEnd()
    try file.seek(toOffset: size / 2 / 4096 * 4096)
    try file.write(contentsOf: Data(repeating: 0x5a, count: 4096))
    try file.close()
    let damaged = try await certfleet("doctor")
    #expect(
      damaged.status != 0
        && (damaged.everything.contains("is damaged") || damaged.everything.contains("malformed")),
      "\(damaged.everything)")
  }
}
