import Foundation
import ThrowawayFleet

/// `DEMO_CONTROLLERS=3 make demo`: several controllers on one PostgreSQL, of which the one that leads is killed in the middle.
extension Stage {
  var controllersCount: Int {
    ProcessInfo.processInfo.environment["DEMO_CONTROLLERS"].flatMap(Int.init) ?? 1
  }

  func shareWork(_ fleet: LoopbackFleet) async throws {
    let count = controllersCount
    say("bring the state to PostgreSQL, for \(count) controllers")
    let server = try await PostgreSQLServer()
    let address = try await server.makeDatabase()
    try await show(["migrate", "--to", address], expecting: 0)
    let controllers = try (1...count).map { number in
      var controller = CertfleetProgram(home: number == 1 ? certfleet.home : "\(folder)/state\(number)")
      controller.environment["CERTFLEET_DATABASE"] = address
      if number > 1 {
        try Files.makeFolder(controller.home)
        chmod(controller.home, 0o700)
        try FileManager.default.copyItem(
          atPath: certfleet.home + "/sealing.key", toPath: controller.home + "/sealing.key")
      }
      try Files.write(controller.home + "/certfleet.conf", "{ name: 'controller\(number)' }\n")
      return controller
    }
    say("renew, and let all of them run; the one that leads is killed with hosts on the way")
    let before = try await serials(fleet)
    try await show(["cert", "renew", "demo.example"], expecting: 0, as: controllers[0])
    let outputs = (1...count).map { "\(folder)/run\($0).out" }
    var running: [Running] = []
    for (controller, output) in zip(controllers, outputs) {
      running.append(try controller.start("run", output: output))
      // The first one leads.
      try await eventually("it is at work", within: .seconds(30)) { !Files.read(output).isEmpty }
    }
    try await eventually("a visit", within: .seconds(60)) {
      let visits = try await server.run(
        "SELECT count(*) FROM visit_task WHERE session IS NOT NULL", in: address)
      return visits.trimmingCharacters(in: .whitespacesAndNewlines) != "0"
    }
    running[0].signal(SIGKILL)
    tell("$ kill -9 \(running[0].id)        # controller1, which leads")
    try await show(["controllers"], expecting: 0, as: controllers[1])
    for (number, run) in running.enumerated() {
      let status = await run.ended()
      guard number == 0 || status == 0 else {
        throw Program.Failed("controller\(number + 1) ended with \(status): \(Files.read(outputs[number]))")
      }
      tell("", "-- controller\(number + 1):", Files.read(outputs[number]))
    }
    let after = try await serials(fleet)
    guard Set(after).count == 1, after != before else { throw Program.Failed("the hosts serve \(after)") }
    for arguments in [["controllers"], ["report"], ["log", "--verify"]] {
      try await show(arguments, expecting: 0, as: controllers[1])
    }
    await server.stop()
  }
}
