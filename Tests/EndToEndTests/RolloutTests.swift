import Foundation
import System
import Testing
import ThrowawayFleet

/// Gates, people's words and ways back, on real hosts.
@Suite(.serialized) struct RolloutTests {
  @Test func `a wave waits for approval, and a rollout for whoever paused it`() async throws {
    let scene = try await Scene(hosts: 4, waves: "[1, {take: 2, approve: true}, 'rest']")
    let first = try await scene.expect(3, "run")
    #expect(first.stderr.contains("rollout 1: wave 2 waits for approval"))
    #expect(first.stdout.contains("approve with: certfleet rollout approve 1 --wave 2; then: certfleet run"))
    #expect(scene.generations() == ["1", "0", "0", "0"])
    try await scene.expect(3, "run")
    #expect(scene.runs(0, "deploy").count == 1 && scene.runs(1, "deploy").isEmpty)
    #expect(
      try await scene.expect(65, "rollout", "approve", "1", "--wave", "3").stderr.contains(
        "needs no approval"))
    #expect(
      try await scene.expect(65, "rollout", "approve", "1", "--plan", "00000000").stderr.contains(
        "look at it: certfleet rollout show 1 --plan"))
    #expect(try await scene.expect(65, "rollout", "approve", "9").stderr.contains("rollout 9 is not stored"))
    try await scene.expect(0, "rollout", "pause", "1", "--why", "lunch")
    #expect(
      try await scene.expect(0, "rollout", "approve", "1", "--why", "looks good").stdout
        == "wave 2 of rollout 1 is approved; go on with: certfleet run\n")
    try await scene.expect(3, "run")
    #expect(scene.generations() == ["1", "0", "0", "0"])
    try await scene.expect(0, "rollout", "resume", "1")
    #expect(
      try await scene.expect(65, "rollout", "resume", "1").stderr.contains("nobody has paused rollout 1"))
    try await scene.expect(0, "run")
    #expect(scene.generations() == ["1", "1", "1", "1"])
    #expect((0..<4).allSatisfy { scene.runs($0, "deploy").count == 1 })
    let log = try await scene.expect(0, "log", "--rollout", "1").stdout
    #expect(log.contains("wave 2 approved by \(SystemUser.name): looks good"))
    await scene.fleet.stop()
  }

  @Test func `a pause from another terminal is heard while a wave goes on, and a watcher sees it`()
    async throws
  {
    let scene = try await Scene(hosts: 5, waves: "['rest']", policy: ", parallel: 1")
    try scene.steer(1, "hold-deploy")
    let running = try scene.certfleet.start("run", output: scene.scratch.path + "/run.out")
    try await eventually("the second host is in its deploy hook") { scene.exists(1, "holding") }
    let watching = try scene.certfleet.start(
      "rollout", "watch", "1", output: scene.scratch.path + "/watch.out")
    try await eventually("it is watched") { !Files.read(scene.scratch.path + "/watch.out").isEmpty }
    #expect(
      try await scene.expect(0, "rollout", "show", "1").stdout.contains(
        "carries it out: certfleet rollout watch 1\n"))
    try await scene.expect(0, "rollout", "pause", "1", "--why", "stop here")
    // What people say is looked for once a second, before a host is begun.
    try await Task.sleep(for: .seconds(1.2))
    try scene.release(1, "hold-deploy")
    #expect(await running.ended() == 3)
    #expect(await watching.ended() == 3)
    #expect(scene.generations() == ["1", "1", "0", "0", "0"])
    let watched = Files.read(scene.scratch.path + "/watch.out")
    #expect(
      watched.contains("2 ok: web[1-2]") && watched.contains("rollout 1: paused by"), "\(watched)")
    #expect(watched.contains("3 not started: web[3-5]"))
    try await scene.expect(0, "rollout", "cancel", "1", "--why", "not today")
    #expect(scene.generations() == ["1", "1", "0", "0", "0"])
    let idle = try await scene.expect(1, "run")
    #expect(idle.stderr.contains("web[3-5]: skipped: cancelled by"))
    #expect(idle.stderr.contains("go on with: certfleet rollout retry 1"))
    try await scene.expect(0, "rollout", "retry", "1")
    #expect(scene.generations() == ["1", "1", "1", "1", "1"])
    #expect((0..<5).allSatisfy { scene.runs($0, "deploy").count == 1 })
    #expect(try await scene.expect(0, "rollout", "retry", "1").stderr.contains("nothing to do"))
    await scene.fleet.stop()
  }

  @Test func `a failed wave takes back what it had changed, or all`() async throws {
    for (reaction, expected) in [
      ("revert-wave", ["2", "1", "1", "1"]), ("revert-all", ["1", "1", "1", "1"]),
    ] {
      let scene = try await Scene(
        hosts: 4, waves: "[1, 2, 'rest']", policy: ", parallel: 1, on_failure: '\(reaction)'")
      try await scene.expect(0, "run")
      let before = try await scene.serials()
      try await scene.expect(0, "cert", "renew", "one.example")
      try scene.steer(2, "break-deploy")
      let run = try await scene.expect(1, "run")
      #expect(scene.generations() == expected, "\(reaction): \(run.stderr)")
      let state = reaction == "halt" ? "halted" : "rolled back"
      #expect(run.stdout.contains("rollout 2 \(state): wave 2 failed: 1 failed in wave 2, 0 allowed"))
      let serials = try await scene.serials()
      for host in 0..<4 where expected[host] == "1" { #expect(serials[host] == before[host]) }
      try scene.release(2, "break-deploy")
      try await scene.expect(0, "rollout", "retry", "2")
      #expect(scene.generations() == ["2", "2", "2", "2"])
      #expect(try await Set(scene.serials()).count == 1)
      await scene.fleet.stop()
    }
  }

  @Test func `after the bake a host is looked at again, and goes back when it no longer serves`() async throws
  {
    let scene = try await Scene(hosts: 2, waves: "[{take: 1, bake: '4s'}, 'rest']")
    try await scene.expect(0, "run")
    try await scene.expect(0, "cert", "renew", "one.example")
    let running = try scene.certfleet.start("run", output: scene.scratch.path + "/run.out")
    try await eventually("the canary bakes") {
      Files.read(scene.scratch.path + "/run.out").contains("wave 1 baking")
    }
    // Somebody on the host puts the old one back.
    try await Program.succeed(
      "/bin/sh",
      [
        "-c",
        "cd \"$HOME\" && ln -sfn ../archive/one.example/1 certs/live/one.example && \(LoopbackFleet.reload)",
      ],
      environment: ["HOME": scene.hosts[0].home])
    #expect(await running.ended() == 1)
    let output = Files.read(scene.scratch.path + "/run.out")
    #expect(output.contains("web1: rolled back: serves"))
    #expect(scene.generations() == ["1", "1"] && scene.runs(1, "deploy").count == 1)
    #expect(output.contains("rollout 2 halted: wave 1 failed"))
    await scene.fleet.stop()
  }

  @Test func `by hand: one certificate to some hosts, again, its hooks alone, and back`() async throws {
    let scene = try await Scene(hosts: 3, certificates: ["one.example", "two.example"], waves: "['rest']")
    func deploys() -> [Int] { (0..<3).map { scene.runs($0, "deploy").count } }
    #expect(
      try await scene.expect(65, "rollout", "start", "one.example", "--to", "name:web9").stderr.contains(
        "picks none of these hosts: web[1-3]"))
    try await scene.expect(0, "rollout", "start", "one.example", "--to", "name:web1")
    #expect(
      scene.generations() == ["1", "0", "0"] && scene.generations(of: "two.example") == ["0", "0", "0"])
    try await scene.expect(0, "run")
    #expect(deploys() == [2, 2, 2])
    let before = try await scene.serials()
    try await scene.expect(0, "rollout", "start", "one.example")
    #expect(deploys() == [2, 2, 2])
    try await scene.expect(0, "rollout", "start", "one.example", "--force", "--to", "name:web2")
    #expect(deploys() == [2, 3, 2])
    try await scene.expect(0, "rollout", "start", "one.example", "--hooks-only")
    #expect(
      deploys() == [3, 4, 3]
        && (0..<3).allSatisfy { scene.runs($0, "post").count == scene.runs($0, "pre").count })
    #expect(try await scene.serials() == before)
    try await scene.expect(0, "cert", "renew", "one.example")
    let run = try await scene.expect(0, "run")
    #expect(scene.generations() == ["2", "2", "2"])
    let number = try #require(run.stderr.firstMatch(of: /rollout ([0-9]+) succeeded/)?.1)
    let back = try await scene.expect(0, "rollout", "rollback", String(number), "--yes")
    #expect(back.stderr.contains("one.example: generation 1 ("))
    #expect(scene.generations() == ["1", "1", "1"])
    #expect(try await scene.serials() == before)
    #expect(try await scene.expect(0, "run").stderr == "nothing to do\n")
    await scene.fleet.stop()
  }

  @Test func `outside its window a rollout waits, and a policy waits for another`() async throws {
    let scene = try await Scene(hosts: 2, waves: "['rest']")
    // One moment, or a minute may end in between.
    let moment = Date()
    func time(_ hours: Double) -> String {
      moment.addingTimeInterval(hours * 3600).formatted(
        Date.VerbatimFormatStyle(
          format: "\(hour: .twoDigits(clock: .twentyFourHour, hourCycle: .zeroBased)):\(minute: .twoDigits)",
          timeZone: .gmt, calendar: .init(identifier: .gregorian)))
    }
    let window = ", window: {from: '\(time(2))', to: '\(time(3))', zone: 'UTC'}"
    try scene.declare(["one.example"], waves: "['rest']", policy: window, reload: true)
    let inventory = scene.scratch.path + "/fleet.json5"
    try await scene.expect(0, "apply", inventory)
    let waiting = try await scene.expect(3, "run")
    #expect(
      waiting.stderr.contains("rollout 1: waits for its window mon-sun \(time(2))-\(time(3)) UTC opens at "))
    #expect(scene.generations() == ["0", "0"])
    #expect(waiting.stdout.contains("at once, which is logged: certfleet rollout start 1 --now"))
    // Nobody is there to be asked.
    try await scene.expect(65, "rollout", "start", "1", "--now")
    let now = try await scene.expect(0, "rollout", "start", "1", "--now", "--yes", "--why", "it burns")
    #expect(scene.generations() == ["1", "1"], "\(now.everything)")
    #expect(
      try await scene.expect(0, "log", "--rollout", "1").stdout.contains(
        "start outside the window asked for by \(SystemUser.name): it burns"))
    try await scene.expect(0, "cert", "renew", "one.example")
    try await scene.expect(3, "run")
    #expect(scene.generations() == ["1", "1"])
    try await scene.expect(0, "rollout", "cancel", "2")
    try await scene.expect(0, "cert", "renew", "one.example")
    try await scene.expect(65, "run", "--now")
    try await scene.expect(0, "run", "--now", "--yes")
    #expect(scene.generations() == ["3", "3"])
    try await scene.expect(0, "cert", "renew", "one.example")
    try await scene.expect(3, "run")
    try scene.declare(["one.example"], waves: "['rest']", reload: true)
    try await scene.expect(0, "apply", inventory)
    let run = try await scene.expect(0, "run")
    #expect(run.stderr.contains("rollout 4 superseded"), "\(run.everything)")
    #expect(scene.generations() == ["4", "4"])
    // The same certificate's second deployment, of other hosts, waits for the first.
    let text = Files.read(inventory)
      .replacing(
        "deploy: [{ to: '*',",
        with: "deploy: [{to: 'name:web2', rollout: 'late', hooks: {deploy: 'true'}}, {to: 'name:web1',"
      )
      .replacing("rollouts: [", with: "rollouts: [{name: 'late', after: 'p'}, ")
    try scene.scratch.write("fleet.json5", text)
    try await scene.expect(0, "apply", inventory)
    try await scene.expect(0, "cert", "renew", "one.example")
    try scene.steer(0, "break-deploy")
    let held = try await scene.expect(1, "run")
    #expect(held.stderr.contains("policy late: waits until p has passed"))
    #expect(scene.generations() == ["4", "4"])
    try scene.release(0, "break-deploy")
    try await scene.expect(0, "run")
    #expect(scene.generations() == ["5", "5"])
    await scene.fleet.stop()
  }
}
