import Controller
import Fleet
import Foundation
import Issuance
import Planning
import Reporting
import Storage
import System
import Testing
import ThrowawayFleet

@Suite struct RunTests {
  @Test func `a whole run, through the library, with a listener and no terminal`() async throws {
    let scene = try await ControllerScene()
    let controller = try await scene.prepared()
    let preview = try await controller.preview(try await controller.runRequest(only: nil))
    #expect(preview.issue.map(\.action) == [.take])
    #expect(scene.events.isEmpty, "a preview does nothing")
    let result = try await controller.run(try await controller.runRequest(only: nil))
    #expect(result.outcome == .converged && !result.hadNothingToDo && result.unfinished.isEmpty)
    // Nobody has seen that it is served.
    #expect(result.report.shortfalls == [.unverified("one.example")])
    #expect(
      result.report.summary.hasSuffix(
        "nobody looks at what is served of one.example: no 'verify' is declared"))
    // A hundred days later nobody has replaced it.
    let late = try await controller.report(now: Date().addingTimeInterval(100 * 86400))
    #expect(
      late.shortfalls.contains { $0.isSerious }
        && late.summary.contains("one.example: web[1-2] have a certificate that has ended"))
    #expect(scene.ends == ["web1": .ok, "web2": .ok])
    #expect(result.report.statuses.map(\.isConverged) == [true, true])
    #expect(scene.generation(on: 1) == "1" && scene.generation(on: 2) == "1")
    let begun = scene.events.compactMap { told in
      if case .rolloutBegins(let id, _) = told { id } else { nil }
    }
    let takenIn = scene.events.compactMap { told in
      if case .issuing(.tookIn(let one, let reason)) = told { (one.lineage, reason) } else { nil }
    }
    #expect(begun == [Rollout.ID(1)])
    #expect(takenIn.map(\.0) == ["one.example"] && takenIn.map(\.1) == [.first])
    #expect(try await controller.run(try await controller.runRequest(only: nil)).hadNothingToDo)
    await scene.stop()
  }

  @Test func `what failed is told, tried again by itself, and gone back from`() async throws {
    let scene = try await ControllerScene()
    let controller = try await scene.prepared(
      policy: ", max_failed: '100%'", hook: "test ! -e ~/broken || [ $CERTFLEET_ACTION = rollback ]")
    let home = scene.scratch.path + "/home1"
    try Files.write(home + "/broken", "")
    let failed = try await controller.run(try await controller.runRequest(only: nil))
    #expect(failed.outcome == .failed)
    #expect(scene.ends == ["web1": .rolledBack, "web2": .ok])
    #expect(failed.unfinished.first?.hosts.map(\.end) == [.rolledBack, .ok])
    try FileManager.default.removeItem(atPath: home + "/broken")
    #expect(try await controller.run(try await controller.retryRequest(1)).outcome == .converged)
    #expect(scene.ends["web1"] == .ok)

    // Another certificate, and back from it.
    try await SelfSigned.make("one.example", in: scene.scratch.path)
    #expect(
      try await controller.run(try await controller.runRequest(only: ["one.example"])).outcome == .converged)
    #expect(scene.generation(on: 1) == "2")
    let back = try await controller.revertTarget("one.example", to: nil)
    #expect(back.targets.map(\.generation) == [Generation(1)])
    #expect(try await controller.goBack(back).outcome == .converged)
    #expect(scene.generation(on: 1) == "1" && scene.generation(on: 2) == "1")
    let forced = try await controller.startRequest("one.example", to: "web2*", push: .everything)
    #expect(try await controller.preview(forced).rollouts.map(\.hostCount) == [1])
    await scene.stop()
  }

  @Test func `people steer a rollout: approve, pause, resume, cancel`() async throws {
    let scene = try await ControllerScene()
    let controller = try await scene.prepared(waves: "[1, {take: 'rest', approve: true}]")
    let author = Controller.Author(["SUDO_USER": "anna"], why: "a test")
    let waiting = try await controller.run(try await controller.runRequest(only: nil))
    #expect(waiting.outcome == .waiting && scene.ends == ["web1": .ok])
    #expect(try await controller.isPaused(1))
    await #expect(throws: ControllerError.self) {
      try await controller.approve(1, wave: nil, plan: "0123456789", by: author)
    }
    func standing() async throws -> RolloutWait? { try await controller.listRollouts()[0].wait }
    #expect(try await standing() == .approval(wave: 2))
    #expect(try await controller.report().summary.contains("rollout 1 waits: wave 2 waits for approval"))
    #expect(try await controller.approve(1, wave: nil, plan: nil, by: author) == 2)
    // Approved, and no run has been since.
    #expect(try await standing() == nil)
    #expect(try await controller.report().summary.contains("rollout 1 not finished: goes on at the next run"))
    try await controller.pause(1, by: author)
    #expect(try await standing() == .person("anna: a test"))
    #expect(try await controller.run(try await controller.runRequest(only: nil)).outcome == .waiting)
    try await controller.resume(1, by: author)
    #expect(try await controller.run(try await controller.runRequest(only: nil)).outcome == .converged)
    #expect(scene.ends == ["web1": .ok, "web2": .ok])
    let said = try await controller.log(.init(rollout: Rollout.ID(1))).compactMap { logged -> String? in
      if case .instructed(let instruction, let name, _) = logged.event.kind {
        "\(name): \(instruction.word)"
      } else {
        nil
      }
    }
    #expect(said == ["anna: wave 2 approved", "anna: pause asked for", "anna: resume asked for"])

    try await SelfSigned.make("one.example", in: scene.scratch.path)
    _ = try await controller.run(try await controller.runRequest(only: nil))
    #expect(try await controller.cancel(2, by: author) == .cancelled)
    await #expect(throws: ControllerError.self) { try await controller.pause(2, by: author) }
    await scene.stop()
  }

  @Test func `a host that has no pinned key is left out, and keeps nobody else from the certificate`()
    async throws
  {
    let scene = try await ControllerScene()
    try await scene.declare()
    let controller = try scene.controller()
    // Nothing is known of any of them: nothing is begun. What others have made is taken in, which asks no CA.
    let none = try await controller.run(try await controller.runRequest(only: nil))
    #expect(none.outcome == .failed && scene.ends.isEmpty)
    #expect(try await controller.listCertificates().map(\.newest?.generation) == [Generation(1)])
    let web2 = try await controller.hostsToPin(["web2"])[0]
    _ = try await controller.pin(web2, wanted: try await scene.hosts[1].fingerprint(), keeping: false) {
      _, _ in false
    }
    #expect(try await controller.hostsToPin([]).map(\.name) == ["web1"])
    let one = try await controller.run(try await controller.runRequest(only: nil))
    #expect(one.outcome == .failed && scene.ends == ["web2": .ok])
    #expect(try await controller.rolloutReport(1).report.state == .succeeded)
    let told = scene.events.compactMap { if case .leftOut(let hosts) = $0 { hosts.map(\.host) } else { nil } }
    #expect(told == [["web1", "web2"], ["web1"]])
    _ = try await controller.pin(
      try await controller.hostsToPin([])[0], wanted: try await scene.hosts[0].fingerprint(), keeping: false
    ) { _, _ in false }
    #expect(try await controller.run(try await controller.runRequest(only: nil)).outcome == .converged)
    #expect(scene.ends == ["web1": .ok, "web2": .ok])
    await scene.stop()
  }

  @Test func `asked to stop, nothing is begun`() async throws {
    let scene = try await ControllerScene()
    let controller = try await scene.prepared()
    let stop = StopSignal()
    stop.request()
    let result = try await controller.run(try await controller.runRequest(only: nil), stop: stop)
    #expect(result.wasInterrupted && scene.ends.isEmpty)
    #expect(scene.generation(on: 1) == nil)
    await scene.stop()
  }
}
