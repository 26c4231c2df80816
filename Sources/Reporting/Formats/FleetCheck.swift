import Fleet
import FoundationEssentials

/// The fleet in one line for Nagios and what understands it (Monitoring Plugins' guidelines, "Plugin Output" and "Threshold").
package struct FleetCheck: Sendable {
  package enum State: Int32, Sendable {
    case ok, warning, critical, unknown

    fileprivate var word: String {
      switch self {
      case .ok: "OK"
      case .warning: "WARNING"
      case .critical: "CRITICAL"
      case .unknown: "UNKNOWN"
      }
    }
  }

  /// How long before the end of a certificate that hosts have.
  package struct Thresholds: Sendable {
    package let warning: Duration
    package let critical: Duration

    package init(warning: Duration, critical: Duration) {
      self.warning = warning
      self.critical = critical
    }
  }

  /// As the alert CertfleetSilent has it: a daily timer, and two hours.
  private static let longestSilence = 26.0 * 3600

  package let state: State
  package let line: String

  package init(_ report: FleetReport, _ thresholds: Thresholds) {
    let now = report.generatedAt
    let first = report.certificates.filter { $0.expires != nil }.min {
      ($0.expires ?? .distantFuture) < ($1.expires ?? .distantFuture)
    }
    let left = first?.expires.map { $0.timeIntervalSince(now) }
    let urgent = report.troubles.count(where: \.kind.needsPerson)
    // Who does not run any more cannot say so; only who asks sees it.
    let silence = report.runs.map { now.timeIntervalSince1970 - $0.endedAt }
    let isSilent = silence.map { $0 > Self.longestSilence } ?? false
    state =
      if isSilent || report.troubles.contains(where: { $0.kind.needsPerson && $0.kind.isFailure })
        || left.map({ $0 < thresholds.critical.seconds }) ?? false
      {
        .critical
      } else if !report.troubles.isEmpty || left.map({ $0 < thresholds.warning.seconds }) ?? false {
        .warning
      } else {
        .ok
      }
    let hosts = Set(report.statuses.map(\.host)).count
    let good = report.statuses.count(where: \.isConverged)
    var words = ["\(good) of \(FleetReport.counted(report.statuses.count, "place")) as they should be"]
    if isSilent, let silence {
      words.insert(
        "no run for \(Duration.seconds(silence.rounded()).short), is its timer on? systemctl list-timers certfleet.timer",
        at: 0)
    }
    if let worst = report.troubles.first {
      let subject =
        worst.hosts.isEmpty ? worst.certificates.first?.rawValue ?? "" : HostSet.folded(worst.hosts, upTo: 60)
      words.append("\(subject): \(worst.what)")
      if report.troubles.count > 1 { words.append("and \(report.troubles.count - 1) more") }
    }
    if let first, let end = first.expires {
      words.append(
        end <= now ? "\(first.lineage) has ended" : "\(first.lineage) ends in \(end.distance(from: now))")
    }
    let figures = [
      left.map {
        "days_left=\(Self.days($0));\(Self.days(thresholds.warning.seconds)):;\(Self.days(thresholds.critical.seconds)):"
      },
      "hosts=\(hosts);;;0", "places=\(report.statuses.count);;;0",
      "good=\(good);;;0;\(report.statuses.count)",
      "need_person=\(urgent);;;0", "troubles=\(report.troubles.count);;;0",
      silence.map { "last_run=\(Int($0.rounded()))s;;\(Int(Self.longestSilence))" },
    ].compactMap { $0 }
    // A bar would begin the figures.
    let text = words.joined(separator: ", ").visible.replacing("|", with: "/").shortened(to: 400)
    line = "CERTFLEET \(state.word) - \(text) | \(figures.joined(separator: " "))"
  }

  /// With one digit behind the point.
  private static func days(_ seconds: Double) -> String {
    let tenths = Int((seconds / 8640).rounded(.down))
    return tenths.isMultiple(of: 10)
      ? "\(tenths / 10)" : "\(tenths < 0 ? "-" : "")\(abs(tenths) / 10).\(abs(tenths) % 10)"
  }
}
