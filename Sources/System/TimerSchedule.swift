package import FoundationEssentials
import Glibc

/// When systemd starts runs of certfleet, as far as calendar expressions say it (systemd.timer(5), OnCalendar=).
package struct TimerSchedule: Sendable {
  /// In their order, from the moment on that was asked about.
  package let starts: [Date]
  /// A run begins up to so much later (RandomizedDelaySec=).
  package let delay: TimeInterval

  package init(starts: [Date], delay: TimeInterval) {
    self.starts = starts
    self.delay = delay
  }

  /// The longest time that passes from one run to the next.
  package var longestPause: TimeInterval? {
    zip(starts, starts.dropFirst()).map { $1.timeIntervalSince($0) + delay }.max()
  }

  private static let unit = "certfleet.timer"
  /// Runs of a week, where they are a quarter of an hour apart.
  private static let startsAsked = 700
  private static let patience = Duration.seconds(10)

  /// What the installed timer does from now on; `nil` where there is none, or it says nothing by the calendar.
  package static func installed(_ environment: [String: String]) async -> TimerSchedule? {
    let settings = unitSettings(environment)
    var starts: Set<Date> = []
    for expression in settings["OnCalendar"] ?? [] {
      guard let said = await analyze("calendar", "--iterations=\(startsAsked)", expression) else {
        return nil
      }
      starts.formUnion(moments(in: said))
    }
    guard !starts.isEmpty else { return nil }
    var delay = 0.0
    if let span = settings["RandomizedDelaySec"]?.last, let said = await analyze("timespan", span) {
      delay = (said.firstMatch(of: /μs: ([0-9]+)/).flatMap { Double($0.1) } ?? 0) / 1e6
    }
    return TimerSchedule(starts: starts.sorted(), delay: delay)
  }

  /// Whether systemd runs here, has the timer, and does not start it.
  package static func isStopped(_ environment: [String: String]) async -> Bool {
    guard access("/run/systemd/system", F_OK) == 0, !unitSettings(environment).isEmpty else { return false }
    let result = try? await ChildProcess.program(
      "systemctl", ["is-active", "--quiet", unit], package: "systemd", deadline: patience
    ).run()
    return result.map { $0.status != 0 } ?? false
  }

  /// The assignments of the unit and of what is dropped in beside it; an empty one takes earlier ones back (systemd.unit(5)).
  private static func unitSettings(_ environment: [String: String]) -> [String: [String]] {
    let folders =
      environment["SYSTEMD_UNIT_PATH"]?.split(separator: ":").map(String.init)
      ?? [
        "/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system",
        "/usr/lib/systemd/system",
        "/lib/systemd/system",
      ]
    let main = folders.lazy.compactMap { text(of: "\($0)/\(unit)") }.first
    let dropIns = folders.map { "\($0)/\(unit).d" }.flatMap { folder in
      ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter { $0.hasSuffix(".conf") }
        .map { (name: $0, path: "\(folder)/\($0)") }
    }.sorted { $0.name < $1.name }
    guard let main else { return [:] }
    var settings: [String: [String]] = [:]
    for line in ([main] + dropIns.compactMap { text(of: $0.path) }).joined(separator: "\n").split(
      separator: "\n")
    {
      guard let words = line.wholeMatch(of: /\s*(\w+)\s*=\s*(.*?)\s*/) else { continue }
      let (name, value) = (String(words.1), String(words.2))
      settings[name] = value.isEmpty ? [] : settings[name, default: []] + [value]
    }
    return settings
  }

  private static func text(of path: String) -> String? {
    FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
  }

  private static func analyze(_ arguments: String...) async -> String? {
    let result = try? await ChildProcess.program(
      "systemd-analyze", arguments, package: "systemd", deadline: patience
    ).run()
    return result?.status == 0 ? result?.stdout : nil
  }

  /// Each moment stands there in UTC, alone or below one of the local zone.
  private static func moments(in said: String) -> [Date] {
    said.matches(of: /([0-9]{4})-([0-9]{2})-([0-9]{2}) ([0-9:]{8}) UTC/).compactMap {
      try? Date("\($0.1)-\($0.2)-\($0.3)T\($0.4)Z", strategy: .iso8601)
    }
  }
}
