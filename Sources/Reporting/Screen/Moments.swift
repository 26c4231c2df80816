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
