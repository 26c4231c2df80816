import Fleet
import Foundation
import Testing

@testable import Reporting

/// The report as a person reads it.
@Suite struct ReportScreenTests {
  private let now = Date(timeIntervalSince1970: 1_800_000_000)

  private func status(
    _ host: Fleet.Host.Name, _ lineage: Lineage.Name = "shop.example", wanted: Int = 2, active: Int? = 2,
    end: VisitEnd? = .ok, reason: String = "", rollout: Int? = 7, drift: Drift? = nil
  ) -> HostCertificateStatus {
    HostCertificateStatus(
      host: host, lineage: lineage, wanted: Generation(wanted), active: active.map { Generation($0) },
      activeSince: nil, isKept: active != nil, fingerprint: nil,
      expires: now.addingTimeInterval(29.5 * 86400),
      lastEnd: end, lastAt: now.addingTimeInterval(-720), lastReason: reason,
      lastRollout: rollout.map { Rollout.ID($0) }, seenAt: now.addingTimeInterval(-240), drift: drift,
      driftedAt: drift == nil ? nil : now.addingTimeInterval(-720))
  }

  private func certificate(_ name: Lineage.Name) -> ListedCertificate {
    ListedCertificate(
      lineage: Lineage(name: name, domains: [name.rawValue], issuer: "le", key: KeyPolicy(type: .ecdsaP256)),
      newest: nil, renewal: now.addingTimeInterval(9 * 86400))
  }

  private func rollout(_ state: RolloutState, _ id: Int = 7, wait: RolloutWait? = nil) -> RolloutSummary {
    var summary = RolloutSummary(
      id: Rollout.ID(id), state: state, reason: "", policy: "p", hosts: 3, waves: 2,
      certificates: ["shop.example"], startedAt: now.addingTimeInterval(-900), endedAt: now)
    summary.wait = wait
    return summary
  }

  private func report(
    _ statuses: [HostCertificateStatus], rollouts: [RolloutSummary] = [], unpinned: [Fleet.Host.Name] = [],
    shortfalls: [CertificateShortfall] = [], runs: RunMoments? = nil
  ) -> FleetReport {
    FleetReport(
      generatedAt: now, statuses: statuses,
      certificates: Set(statuses.map(\.lineage)).sorted().map { certificate($0) }, rollouts: rollouts,
      unpinned: unpinned, runs: runs, shortfalls: shortfalls)
  }

  @Test func `a fleet without trouble says so, and what comes next`() {
    #expect(
      report([status("web1"), status("web2")]).text(now: now, on: .plain) == """
        2 hosts, 1 certificate: everything is as it should be
        seen 4m ago; nothing in use ends for 29d

        CERTIFICATE   HOSTS  SERVED            ENDS IN  RENEWS  GEN
        shop.example  2/2    ████████████████  29d      9d      -

        next: shop.example is renewed in 9d, 2027-01-24 08:00:00Z

        """)
  }

  @Test func `what needs a person comes first, the same trouble of many hosts once`() {
    let failed = (1...40).map { number in
      status(
        Host.Name("web\(number).example.net"), active: 1, end: .rolledBack,
        reason:
          "deploy hook of shop.example failed: exit status 1: nginx: [emerg] \(number + 100)#\(number + 100): cannot load"
      )
    }
    let text = report(
      failed + [status("db1", drift: Drift(.other, "a certificate of somebody else's"))],
      rollouts: [rollout(.partial)]
    ).text(now: now, on: .plain)
    #expect(text.hasPrefix("41 hosts, 1 certificate: one thing needs a person\n"))
    #expect(
      text.contains(
        """
        NEEDS A PERSON
        ✗ web[1-40].example.net: shop.example rolled back in rollout 7, 12m ago
            deploy hook of shop.example failed: exit status 1: nginx: [emerg] 101#101:
            cannot load
            certfleet log --rollout 7 --host web1.example.net
            certfleet rollout retry 7
        ! db1: shop.example has drifted, 12m ago
            not ours: a certificate of somebody else's
            certfleet host show db1
            certfleet run

        """), "\(text)")
  }

  @Test func `the same trouble in two rollouts is one, and the later one is to be tried again`() {
    let text = report(
      [
        status("web1", active: 1, end: .rolledBack, reason: "exit status 1", rollout: 6),
        status("web2", active: 1, end: .rolledBack, reason: "exit status 1", rollout: 7),
      ], rollouts: [rollout(.halted)]
    ).text(now: now, on: .plain)
    #expect(text.contains("✗ web[1-2]: shop.example rolled back in rollout 7, 12m ago\n"), "\(text)")
    #expect(text.contains("certfleet rollout retry 7\n") && !text.contains("rollout 6"), "\(text)")
  }

  @Test func `who waits for a person is told with the command`() {
    let text = report(
      [status("web1", active: 1, end: .ok)],
      rollouts: [rollout(.paused, wait: .approval(wave: 2))], unpinned: ["web9"],
      shortfalls: [.ended("shop.example", ["web1"], now.addingTimeInterval(-7200))]
    ).text(now: now, on: .plain)
    #expect(
      text.contains(
        """
        ✗ web1: shop.example has ended, 2h ago
            certfleet cert show shop.example
        ! web9: no host key is pinned, so nobody goes there
            certfleet host pin web9
        ! shop.example: rollout 7: wave 2 of 2 waits for approval, 15m ago
            certfleet rollout show 7
            certfleet rollout approve 7 --wave 2

        """), "\(text)")
  }

  @Test func `each rollout that waits for a person is told, however alike they are`() {
    let rollouts = [8, 7].map { rollout(.paused, $0, wait: .approval(wave: 2)) }
    let text = report([status("web1", active: 1)], rollouts: rollouts).text(now: now, on: .plain)
    #expect(
      text.contains("rollout approve 7 --wave 2") && text.contains("rollout approve 8 --wave 2"), "\(text)")
    #expect(text.hasPrefix("1 host, 1 certificate: 2 things need a person\n"))
  }

  @Test func `whether there is time is said at once`() {
    let text = report([status("web1"), status("web2", active: nil)]).text(now: now, on: .plain)
    #expect(text.contains("; nothing in use ends for 29d\n"), "\(text)")
  }

  /// Whatever a host, a hook or an inventory may hold.
  static let hostile = [
    "\u{1B}[2J\u{1B}[31mred", "a\nb\r\nc", "tab\tbed", "\u{202E}gnp.exe", "\u{0}nul",
    "日本語のエラー" + String(repeating: "字", count: 80),
    String(repeating: "x", count: 5000), "👩‍👩‍👧‍👦 family", "e\u{301}\u{301}\u{301}",
    "</td><script>alert(1)</script>",
    "=cmd|' /C calc'!A0", "{label=\"x\"} 1\nforged 2", "'; DROP TABLE host; --", "",
  ]

  @Test(arguments: [20, 40, 80, 200])
  func `no line is wider than the screen, whatever is in it`(width: Int) {
    let statuses = Self.hostile.enumerated().map { index, text in
      status(
        Host.Name("web\(index).some-long-name.of-a-site.example.net"),
        Lineage.Name("cert\(index)-\(String(repeating: "n", count: index * 9)).example"),
        active: 1, end: index.isMultiple(of: 2) ? .failedDirty : .ok, reason: text,
        drift: index.isMultiple(of: 3) ? Drift(.damaged, text) : nil)
    }
    for colour in [false, true] {
      let screen = Screen(width: width, hasColour: colour)
      let text = report(statuses, rollouts: [rollout(.paused, wait: .person("\u{1B}[1m root"))]).text(
        now: now, on: screen)
      for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
        let plain = String(line).replacing(/\u{1B}\[[0-9]+m/, with: "")
        #expect(plain.columns <= width, "\(plain.columns): \(plain)")
        #expect(
          !plain.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x202E },
          "\(plain.debugDescription)")
      }
    }
  }

  @Test func `Nagios gets one line, with the worst first and figures`() {
    let thresholds = FleetCheck.Thresholds(warning: .seconds(20 * 86400), critical: .seconds(7 * 86400))
    let good = FleetCheck(report([status("web1")]), thresholds)
    #expect(good.state == .ok)
    #expect(
      good.line
        == "CERTFLEET OK - 1 of 1 place as they should be, shop.example ends in 29d | days_left=29.5;20:;7: hosts=1;;;0 places=1;;;0 good=1;;;0;1 need_person=0;;;0 troubles=0;;;0"
    )
    let bad = FleetCheck(
      report([status("web1", active: 1, end: .failedDirty, reason: "a | b")]), thresholds)
    #expect(bad.state == .critical && bad.line.hasPrefix("CERTFLEET CRITICAL - 0 of 1 place"))
    #expect(bad.line.count { $0 == "|" } == 1)
    let drifted = FleetCheck(report([status("web1", drift: Drift(.gone, "nothing there"))]), thresholds)
    #expect(drifted.state == .warning)
    let near = FleetCheck(
      report([status("web1")]), .init(warning: .seconds(40 * 86400), critical: .seconds(30 * 86400)))
    #expect(near.state == .critical)
  }

  @Test func `a controller that does not run any more is told by who asks`() {
    let thresholds = FleetCheck.Thresholds(warning: .seconds(20 * 86400), critical: .seconds(7 * 86400))
    func check(_ hours: Double) -> FleetCheck {
      let end = now.timeIntervalSince1970 - hours * 3600
      return FleetCheck(
        report([status("web1")], runs: RunMoments(endedAt: end, succeededAt: end)), thresholds)
    }
    #expect(check(25).state == .ok && check(25).line.hasSuffix("last_run=90000s;;93600"))
    #expect(check(75).state == .critical, "\(check(75).line)")
    #expect(check(75).line.hasPrefix("CERTFLEET CRITICAL - no run for 3d 3h, is its timer on? systemctl"))
  }

  @Test func `a table's program reads a cell as text`() {
    let text = report(Self.hostile.map { status("web1", end: .failedClean, reason: $0) }).csv
    let lines = text.components(separatedBy: "\r\n")
    #expect(lines.count == Self.hostile.count + 2 && lines.last?.isEmpty == true)
    #expect(text.contains("'=cmd|' /C calc'!A0") && text.contains("\"{label=\"\"x\"\"} 1\\nforged 2\""))
  }
}
