import Fleet
import FoundationEssentials
import System

extension InventoryNode {
  func waves() -> [WaveRule]? {
    guard let items = list() else { return nil }
    let rules = items.compactMap { $0.waveRule() }
    guard !items.isEmpty else {
      return refuse("a rollout needs at least one wave, such as [1, '10%', 'rest']")
    }
    guard rules.count == items.count else { return nil }
    if let early = rules.dropLast().firstIndex(where: { $0.take == .rest }) {
      items[early].fail("'rest' can only be the last wave")
      return nil
    }
    return rules
  }

  /// A size, or an object that takes one and says what has to be given around it.
  private func waveRule() -> WaveRule? {
    guard case .object = value else { return waveSize().map { WaveRule(take: $0) } }
    return object { fields in
      let take = fields.required("take")?.waveSize()
      let bake = fields["bake"].map { $0.bakeTime() } ?? .zero
      let needsApproval = fields["approve"].map { $0.bool() } ?? false
      let parallel = fields["parallel"]
      let (failed, unreachable) = (fields["max_failed"], fields["max_unreachable"])
      guard let take, let bake, let needsApproval else { return nil }
      return WaveRule(
        take: take, bake: bake, needsApproval: needsApproval, parallel: parallel?.parallel(),
        maxFailed: failed?.limit(), maxUnreachable: unreachable?.limit())
    }
  }

  /// A count, a percentage, `rest`, or a selector.
  private func waveSize() -> WaveSize? {
    switch value {
    case .number: return integer(in: 1...1_000_000, "a number of hosts").map(WaveSize.count)
    case .string("rest"): return .rest
    case .string(let text) where text.hasSuffix("%"): return percent(from: 1).map(WaveSize.percent)
    case .string(let text) where !text.isEmpty && text.allSatisfy(\.isNumber):
      return refuse("\(value.shown) is a text; write a number of hosts without quotes")
    case .string: return selector().map(WaveSize.selected)
    default:
      return refuse(
        "expected a number of hosts, a percentage such as '10%', a selector, or 'rest', got \(value.shown)")
    }
  }

  private func bakeTime() -> Duration? {
    guard let bake = duration() else { return nil }
    guard bake <= .seconds(30 * 86400) else {
      return refuse("\(value.shown) is longer than 30 days; certificates would end before the rollout")
    }
    return bake
  }

  /// `{ days: "mon-fri", from: "02:00", to: "05:00", zone: "Europe/Berlin" }`
  func window() -> RolloutWindow? {
    object { fields in
      let days = fields["days"].map { $0.weekdays() } ?? Set(Weekday.allCases)
      let from = fields.required("from")?.timeOfDay()
      let to = fields.required("to")?.timeOfDay()
      let zone = fields.required("zone")?.timeZone()
      guard let days, let from, let to, let zone else { return nil }
      return RolloutWindow(days: days, from: from, to: to, zone: zone)
    }
  }

  /// `mon-fri`, `sat,sun`, `fri-mon`.
  private func weekdays() -> Set<Weekday>? {
    guard let text = string() else { return nil }
    var days: Set<Weekday> = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let ends = part.split(separator: "-", omittingEmptySubsequences: false).map {
        Weekday(rawValue: $0.trimmed)
      }
      guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1] else {
        return refuse("\(value.shown) are not days; write 'mon-fri', or 'sat,sun'")
      }
      days.formUnion(Weekday.from(first, through: last))
    }
    return days
  }

  private func timeOfDay() -> TimeOfDay? {
    guard let text = string() else { return nil }
    guard let match = text.wholeMatch(of: /([0-9]{1,2}):([0-9]{2})/), let hour = Int(match.1),
      let minute = Int(match.2), minute < 60, hour * 60 + minute <= 24 * 60
    else { return refuse("\(value.shown) is not a time of day (00:00 to 24:00)") }
    return TimeOfDay(minutes: hour * 60 + minute)
  }

  private func timeZone() -> String? {
    guard let text = string() else { return nil }
    guard TimeZones.contains(text) else {
      return refuse(
        "\(value.shown) is not a time zone; write its name in the IANA database, such as 'Europe/Berlin' or 'UTC'"
      )
    }
    return text
  }
}

extension Weekday {
  /// Past the end of the week where the last day is before the first.
  fileprivate static func from(_ first: Weekday, through last: Weekday) -> [Weekday] {
    let (start, end) = (allCases.firstIndex(of: first) ?? 0, allCases.firstIndex(of: last) ?? 0)
    let count = (end - start + allCases.count) % allCases.count + 1
    return (0..<count).map { allCases[(start + $0) % allCases.count] }
  }
}
