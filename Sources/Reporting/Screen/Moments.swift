import Fleet
package import FoundationEssentials

extension Date {
  /// `2026-11-23 12:05:09Z`: UTC, because hosts and operators are anywhere.
  package var stamp: String { formatted(.iso8601.dateTimeSeparator(.space)) }

  /// `in 89d 3h`, `4m 10s ago`.
  package func relative(to now: Date) -> String {
    let seconds = timeIntervalSince(now)
    let distance = Duration.seconds(abs(seconds).rounded()).short
    return seconds >= 0 ? "in \(distance)" : "\(distance) ago"
  }
}

extension Date {
  /// `4m ago`, `3h ago`, `12d ago`: as much as a person needs at a glance.
  package func age(at now: Date) -> String {
    let seconds = now.timeIntervalSince(self)
    return seconds < 0 ? "in \(Self.coarse(-seconds))" : "\(Self.coarse(seconds)) ago"
  }

  /// How far away it is: `12d`, `6h`.
  package func distance(from now: Date) -> String { Self.coarse(abs(timeIntervalSince(now))) }

  /// One unit; beyond two days no hours.
  private static func coarse(_ seconds: Double) -> String {
    let whole = Int(seconds)
    if whole < 120 { return "\(whole)s" }
    if whole < 7200 { return "\(whole / 60)m" }
    if whole < 172_800 { return "\(whole / 3600)h" }
    return "\(whole / 86400)d"
  }
}
