import Fleet
import Foundation
import Testing
import ThrowawayFleet

@testable import Reporting

private typealias Notification = Reporting.Notification

/// What is told, and when again.
@Suite struct NotificationTests {
  private let now = Date(timeIntervalSince1970: 1_800_000_000)

  private func report(_ failed: [String], drifted: [String] = [], reason: String = "broken on purpose")
    -> FleetReport
  {
    let hosts = (1...4).map { "web\($0)" }
    return FleetReport(
      generatedAt: now,
      statuses: hosts.map { host in
        HostCertificateStatus(
          host: Host.Name(host), lineage: "shop.example", wanted: Generation(2),
          active: failed.contains(host) ? Generation(1) : Generation(2), activeSince: nil, isKept: true,
          fingerprint: nil, expires: nil, lastEnd: failed.contains(host) ? .rolledBack : .ok, lastAt: now,
          lastReason: failed.contains(host) ? reason : "", lastRollout: Rollout.ID(3), seenAt: now,
          drift: drifted.contains(host) ? Drift(.gone, "nothing there") : nil)
      })
  }

  private func told(_ report: FleetReport, since told: Notification.Told = [:]) -> Notification? {
    Notification(report, since: told, controller: "ctl1")
  }

  @Test func `the same is told once, more hosts again, and the end`() throws {
    #expect(told(report([])) == nil)
    let first = report(["web1"])
    #expect(told(first)?.title == "certfleet on ctl1: needs a person: web1: rolled back in rollout 3")
    #expect(told(first)?.severity == .critical)
    let known = Notification.state(of: first)
    #expect(told(first, since: known) == nil)
    #expect(told(report(["web1", "web2"]), since: known)?.title.contains("web[1-2]: rolled back") == true)
    // Fewer hosts is no news; none is.
    #expect(told(report(["web2"]), since: Notification.state(of: report(["web1", "web2"]))) == nil)
    let over = try #require(told(report([]), since: known))
    #expect(
      over.severity == .ok && over.title == "certfleet on ctl1: shop.example is well again (failed no more)")
    let other = try #require(told(report([], drifted: ["web3"]), since: known))
    #expect(other.severity == .warning && other.recovered.count == 1 && other.news.count == 1)
  }

  @Test func `trouble of a whole fleet is one message, and a short one`() throws {
    let statuses = (0..<10_000).map { index in
      HostCertificateStatus(
        host: Host.Name("web\(index).example.net"), lineage: Lineage.Name("c\(index % 50).example"),
        wanted: Generation(2),
        active: Generation(1), activeSince: nil, isKept: true, fingerprint: nil, expires: nil,
        lastEnd: .failedDirty,
        lastAt: now, lastReason: "reason number \(Array("abcdefghijklmnop")[index % 16])",
        lastRollout: Rollout.ID(3), seenAt: now)
    }
    let notification = try #require(told(FleetReport(generatedAt: now, statuses: statuses)))
    #expect(notification.text.utf8.count < 8000)
    for form in Notifier.WebhookForm.allCases {
      #expect(try notification.body(form, secret: nil).count < 30_000, "\(form)")
    }
  }

  @Test(arguments: ReportScreenTests.hostile)
  func `whatever a hook says, a mail and a webhook's body are one message`(text: String) async throws {
    let notification = try #require(told(report(["web1"], reason: text)))
    for form in Notifier.WebhookForm.allCases where form != .ntfy {
      _ = try JSONSerialization.jsonObject(with: notification.body(form, secret: "x"))
    }
    for (name, value) in notification.headers(.ntfy) {
      #expect(!(name + value).contains { $0.isNewline } && value.allSatisfy(\.isASCII))
    }
    // Python's own reader of mails.
    let scratch = try ScratchFolder()
    let mail = try scratch.write("mail", notification.mail(to: ["ops@example.com"]))
    let read = try await Program.succeed(
      try Program.find("python3"),
      [
        "-c",
        """
        import email, email.policy, sys
        m = email.message_from_bytes(open(sys.argv[1], 'rb').read(), policy=email.policy.default)
        print(len(m.keys()), len(m.defects), m['To'], m['Auto-Submitted']); print(m['Subject']); print(m.get_content(), end='')
        """, mail,
      ], environment: ["PYTHONIOENCODING": "utf-8", "PYTHONUTF8": "1"])
    let lines = read.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines[0] == "6 0 ops@example.com auto-generated", "\(read)")
    #expect(lines[1].hasPrefix("certfleet on ctl1: needs a person: web1"), "\(read)")
    #expect(read.contains("rolled back in rollout 3"))
  }

  @Test func `figures hold whatever names hold`() {
    let report = FleetReport(
      generatedAt: now,
      statuses: ReportScreenTests.hostile.map {
        HostCertificateStatus(
          host: "web1", lineage: Lineage.Name("c" + $0), wanted: nil, active: nil, activeSince: nil,
          isKept: false,
          fingerprint: nil, expires: nil, lastEnd: nil, lastAt: nil, lastReason: $0, lastRollout: nil)
      },
      certificates: ReportScreenTests.hostile.map {
        ListedCertificate(
          lineage: Lineage(
            name: Lineage.Name("c" + $0), domains: ["x"], issuer: "i", key: KeyPolicy(type: .ecdsaP256)),
          newest: nil, renewal: now)
      })
    for line in report.prometheus(version: "1").split(separator: "\n", omittingEmptySubsequences: false)
    where !line.isEmpty {
      #expect(
        line.hasPrefix("# ")
          || line.firstMatch(of: /^certfleet_[a-z_]+(\{([a-z]+="([^"\\\n]|\\[\\"n])*",?)+\})? -?[0-9.]+$/)
            != nil,
        "\(line)")
    }
  }
}
