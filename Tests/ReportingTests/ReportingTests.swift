import Fleet
import Foundation
import Reporting
import Testing

@Suite struct TextTests {
  @Test func `columns are aligned and lines end clean`() {
    var table = Table("A", "LONG")
    table.add("xyz", "1")
    table.add("", "")
    #expect(table.text == "A    LONG\nxyz  1\n\n")
  }

  @Test func `without a terminal a line says who is waited for, and again after twice as long`() {
    var progress = RolloutProgress()
    _ = progress.take(
      Event(
        at: Date(), subject: .init(rollout: Rollout.ID(1), wave: 1, host: "web7"),
        kind: .visitStarted(VisitToken("t"))))
    let start = ContinuousClock.now
    let wall = Date()
    func said(after seconds: Int) -> String? {
      progress.waiting(now: start + .seconds(seconds), wall: wall + Double(seconds))
    }
    #expect(said(after: 20) == nil)
    #expect(said(after: 40)?.hasPrefix("waiting for web7, at work for 40") == true)
    #expect(
      said(after: 90) == nil && said(after: 101)?.hasPrefix("waiting for web7, at work for 1m 4") == true)
    _ = progress.take(
      Event(
        at: Date(), subject: .init(rollout: Rollout.ID(1), wave: 1, host: "web7"),
        kind: .visitEnded(.ok, reason: "")))
    #expect(said(after: 9999) == nil)
  }

  @Test func `output of a host cannot forge a line of the log`() {
    let result = StepResult(
      step: .deploy, outcome: .exited(1), stdout: CapturedOutput(text: "a\u{1B}[2J\nb\r", totalBytes: 7))
    let event = Event(
      at: Date(timeIntervalSince1970: 0), subject: .init(host: "web1"), kind: .step(result))
    let text = EventLine.log(event, withOutput: false)
    #expect(
      text
        == "1970-01-01 00:00:00Z  web1  deploy: exit status 1: a\\u{1B}[2J | b (0ms)\n    stdout| a\\u{1B}[2J\n    stdout| b\\r\n"
    )
  }

  @Test(arguments: [
    (
      CertificateShortfall.ended("c", ["web1"], Date(timeIntervalSince1970: 0)),
      "c: web1 has a certificate that has ended", true
    ),
    (.overdue("c", since: Date(timeIntervalSince1970: 0)), "c: its renewal is due since 1970-01-01", true),
    (.notIssued("c", why: "the CA is not there"), "c: not issued: the CA is not there", true),
    (
      .renewalFails(
        "c",
        OrderBackoff(failures: 3, retryAt: Date(timeIntervalSince1970: 0), reason: "no answer", isCAs: false),
        isUrgent: false), "c: its renewal has failed 3 times, tried again from 1970-01-01", false
    ),
    (.lacksNames("c", ["www.c"]), "c: hosts went back to one without www.c", false),
    (
      .fromStandIn("c", "other", insteadOf: "first"),
      "c: is from other, as first could not issue it; the next renewal is first's again", false
    ),
    (.unverified("c"), "nobody looks at what is served of c", false),
  ])
  func `not everything is as it should be, whatever hosts have`(
    shortfall: CertificateShortfall, words: String, isSerious: Bool
  ) {
    let status = HostCertificateStatus(
      host: "web1", lineage: "c", wanted: Generation(1), active: Generation(1), activeSince: nil,
      isKept: true,
      fingerprint: nil, expires: nil, lastEnd: .ok, lastAt: nil, lastReason: "", lastRollout: nil)
    let good = FleetReport(generatedAt: Date(), statuses: [status])
    #expect(good.summary == "1 host, 1 certificate: everything is as it should be")
    let report = FleetReport(
      generatedAt: Date(), statuses: [status], shortfalls: [shortfall])
    #expect(!report.summary.contains("everything is as it should be") && report.summary.contains(words))
    #expect(shortfall.isSerious == isSerious)
  }

  @Test func `what is declared and perhaps not meant is told`() {
    func host(_ name: Fleet.Host.Name, _ address: String, base: String = "/b", unhonoured: [String] = [])
      -> Fleet.Host
    {
      var host = Fleet.Host(name: name, address: address, base: base)
      host.sshConfig = SSHConfigUse(host: name.rawValue, file: nil, unhonoured: unhonoured)
      return host
    }
    func lineage(_ name: Lineage.Name, _ domains: [String], _ type: KeyType = .ecdsaP256) -> Lineage {
      Lineage(name: name, domains: domains, issuer: "i", key: KeyPolicy(type: type))
    }
    let directory = "https://acme-staging-v02.api.letsencrypt.org/directory"
    let issuer = Issuer(name: "le", source: .acme(ACMEAuthority(directory: directory)))
    #expect(
      InventoryWarnings.lines(
        of: FleetDeclaration(
          hosts: [
            host("a1", "x"), host("a2", "x"), host("a3", "x", base: "/c"),
            host("b", "y", unhonoured: ["RemoteCommand", "StrictHostKeyChecking"]),
          ], issuers: [issuer],
          lineages: [
            lineage("c", ["one", "two"]), lineage("d", ["two", "one"]), lineage("e", ["three"]),
            lineage("f", ["three"], .rsa2048),
          ])) == [
          "a[1-2] are one host: x port 22, base /b; declare it once, or give each a base of its own",
          "b: ssh_config's RemoteCommand is not honoured: certfleet runs its own command, and forwards nothing",
          "b: ssh_config's StrictHostKeyChecking is not honoured: only pinned keys are taken",
          "issuer le: its directory is a staging server's, whose certificates browsers do not trust; 'staging' beside a 'directory' is for rehearsals",
          "c, d have the same names; a CA counts them as renewals of one certificate, and may refuse",
        ])
  }

  @Test func `a rollout that waits says for what, by what is so now, and a host stands where it was visited`()
    throws
  {
    let visits = ["web1", "web2", "web3"].map {
      PlannedVisit(host: Host(name: $0, address: "a"), certificates: [])
    }
    let policy = RolloutPolicy(
      name: "p", waves: [], parallel: 1, maxFailed: .count(0), maxUnreachable: .count(1))
    let plan = Plan(
      policy: policy,
      waves: [PlannedWave([visits[0]], by: .init(take: .count(1))), PlannedWave(Array(visits[1...]))])
    let rollout = Rollout(
      id: Rollout.ID(1), plan: plan, planHash: "h", state: .paused, reason: "", startedAt: Date() - 420,
      endedAt: nil)
    var ledger = RolloutLedger(waves: 2)
    ledger.state = .paused
    ledger.waves = [
      .init(state: .passed, since: Date() - 300), .init(state: .gated, reason: "wave 2 waits for approval"),
    ]
    ledger.visits = [
      "web1": .init(wave: 1, attempt: 1, token: "t", end: .unreachable),
      "web2": .init(wave: 1, attempt: 1, token: "t", end: .ok),
    ]
    func text(_ wait: RolloutWait?) -> String { RolloutReport(rollout, ledger, wait: wait).text(now: Date()) }
    #expect(text(.approval(wave: 2)).hasPrefix("rollout 1 (policy p): wave 2 waits for approval\n"))
    #expect(text(.approval(wave: 2)).contains("approve with: certfleet rollout approve 1 --wave 2; then"))
    // Approved since.
    #expect(text(nil).hasPrefix("rollout 1 (policy p): goes on at the next run\n"))
    #expect(!text(nil).contains("waits for approval"))
    #expect(
      text(nil).contains(
        "├ wave 1 (1) passed, 5m ago\n│   unreachable: web1\n│   ok: web2\n└ wave 2 (rest) gated\n    not started: web3\n"
      ))
    #expect(text(nil).contains("  begun 7m ago\n"))
    ledger.waves[1] = .init(state: .draining, reason: "nobody knows how the visit ended: web3")
    #expect(text(nil).hasPrefix("rollout 1 (policy p): nobody knows how the visit ended: web3\n"))
  }

  @Test func `a report names who is behind and why the rollout ended`() throws {
    let status = HostCertificateStatus(
      host: "web1", lineage: "c", wanted: Generation(2), active: Generation(1), activeSince: nil,
      isKept: true,
      fingerprint: nil,
      expires: nil, lastEnd: .rolledBack, lastAt: nil, lastReason: "no", lastRollout: Rollout.ID(4))
    let report = FleetReport(generatedAt: Date(), statuses: [status])
    #expect(report.summary == "1 host, 1 certificate: web1 lacks the newest certificate")
    #expect(report.text(now: Date()).contains("rolled back (rollout 4): no"))
    #expect(try JSONText.encode(report, as: .report).contains("\"last_end\" : \"rolled_back\""))
  }
}

@Suite struct HostsLeftOutTests {
  @Test func `hosts that refuse for the same reason are one line`() {
    let hosts = (1...300).map { number -> HostLeftOut in
      let (name, address) = ("web\(number)", "10.0.0.\(number):22")
      return HostLeftOut(
        Host.Name(name),
        .refused(
          number % 3 == 0
            ? "ops@\(address) refused the login; keys tried: id"
            : number % 3 == 1
              ? "host key changed; if it was meant: certfleet host pin \(name)"
              : "its base belongs to the controller old, last at 2026-11-29T15:33:\(number % 60)Z: certfleet host claim \(name)"
        ))
    }
    let lines = HostsLeftOut.lines(of: hosts + [HostLeftOut("db1", .noPinnedKey)])
    #expect(lines.count == 4, "\(lines)")
    #expect(lines[0].hasPrefix("certfleet: left out: db1, no host key is pinned"))
    #expect(
      lines[1].contains("web[1,4,7")
        && lines[1].hasSuffix(": host key changed; if it was meant: certfleet host pin web1"))
    // Each with a reason of its own: the first ten, and who else.
    let own = (0..<40).map {
      HostLeftOut(Host.Name("h\($0)"), .refused(String(repeating: "x", count: $0 + 1)))
    }
    let told = HostsLeftOut.lines(of: own)
    #expect(
      told.count == 11 && told[10] == "certfleet: left out: h[10-39], for other reasons: certfleet host check"
    )
  }
}
