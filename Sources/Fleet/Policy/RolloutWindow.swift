package import FoundationEssentials
import System

/// A time of the week in which visits may begin, in a time zone of its own.
package struct RolloutWindow: Hashable, Sendable {
  /// On which days it opens; one that passes midnight belongs to the day on which it opened.
  package var days: Set<Weekday>
  package var from: TimeOfDay
  /// Equal to `from`: the whole day.
  package var to: TimeOfDay
  /// An identifier of the IANA database, such as `Europe/Berlin`.
  package var zone: String

  package init(days: Set<Weekday>, from: TimeOfDay, to: TimeOfDay, zone: String) {
    self.days = days
    self.from = from
    self.to = to
    self.zone = zone
  }

  /// The times, of a week from the day before `moment` on, in which it is open, in their order.
  package func openings(around moment: Date) -> [DateInterval] {
    // Never another zone in its place: it would open at a wrong hour, and nobody would know.
    guard let offset = TimeZones.offset(of: zone, at: moment) else { return [] }
    // Days as clocks there show them, counted as if they were UTC's.
    let today = Int(((moment.timeIntervalSince1970 + Double(offset)) / Self.day).rounded(.down))
    return (today - 1...today + 8).compactMap { day in
      guard days.contains(Weekday(day: day)), let opens = self.moment(from, on: day),
        let closes = self.moment(to, on: to <= from ? day + 1 : day), opens < closes
      else { return nil }
      return DateInterval(start: opens, end: closes)
    }
  }

  private static let day: TimeInterval = 86400

  /// - Parameter day: since 1 January 1970.
  private func moment(_ time: TimeOfDay, on day: Int) -> Date? {
    let wall = Double(day) * Self.day + Double(time.minutes) * 60
    return TimeZones.moment(of: Date(timeIntervalSince1970: wall), in: zone)
  }

  /// Whether this machine has the zone; where it has not, nobody knows when the window is open.
  package var isZoneKnown: Bool { TimeZones.contains(zone) }

  /// When it closes; `nil` while it is not open.
  package func closing(at moment: Date) -> Date? {
    openings(around: moment).filter { $0.start <= moment && moment < $0.end }.map(\.end).max()
  }

  /// When it opens next after `moment`.
  package func nextOpening(after moment: Date) -> Date? {
    openings(around: moment).first { $0.start > moment }?.start
  }
}

/// A time as clocks on a wall show it.
package struct TimeOfDay: Hashable, Sendable, Comparable {
  /// Since midnight; 24:00 is 1440.
  package let minutes: Int

  package init(minutes: Int) { self.minutes = minutes }

  package static func < (a: Self, b: Self) -> Bool { a.minutes < b.minutes }
}

package enum Weekday: String, Hashable, Sendable, Codable, CaseIterable {
  case monday = "mon"
  case tuesday = "tue"
  case wednesday = "wed"
  case thursday = "thu"
  case friday = "fri"
  case saturday = "sat"
  case sunday = "sun"

  /// - Parameter day: since 1 January 1970, which was a Thursday.
  init(day: Int) { self = Weekday.allCases[((day + 3) % 7 + 7) % 7] }
}

extension RolloutWindow: CustomStringConvertible {
  /// As in the inventory: `mon-fri 02:00-05:00 Europe/Berlin`.
  package var description: String {
    let names = Weekday.allCases.filter(days.contains).map(\.rawValue)
    let all = Weekday.allCases.map(\.rawValue)
    let first = names.first.flatMap(all.firstIndex(of:)) ?? 0
    let isRange = names.count > 2 && names == Array(all[first...].prefix(names.count))
    let shown = isRange ? "\(names[0])-\(names[names.count - 1])" : names.joined(separator: ",")
    return "\(shown) \(from)-\(to) \(zone)"
  }
}

extension TimeOfDay: CustomStringConvertible {
  package var description: String {
    let (hour, minute) = minutes.quotientAndRemainder(dividingBy: 60)
    return "\(hour < 10 ? "0" : "")\(hour):\(minute < 10 ? "0" : "")\(minute)"
  }
}

extension RolloutWindow: Codable {
  private enum Key: String, CodingKey { case days, from, to, zone }

  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    self.init(
      days: Set(try values.decode([Weekday].self, forKey: .days)),
      from: try values.decode(TimeOfDay.self, forKey: .from),
      to: try values.decode(TimeOfDay.self, forKey: .to), zone: try values.decode(String.self, forKey: .zone))
  }

  package func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: Key.self)
    try values.encode(Weekday.allCases.filter(days.contains), forKey: .days)
    try values.encode(from, forKey: .from)
    try values.encode(to, forKey: .to)
    try values.encode(zone, forKey: .zone)
  }
}

/// As it is written: `02:00`.
extension TimeOfDay: Codable {
  package init(from decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer()
    let text = try value.decode(String.self)
    let parts = text.split(separator: ":").compactMap { Int($0) }
    guard parts.count == 2 else {
      throw DecodingError.dataCorruptedError(in: value, debugDescription: "'\(text)' is not a time of day")
    }
    self.init(minutes: parts[0] * 60 + parts[1])
  }

  package func encode(to encoder: any Encoder) throws {
    var value = encoder.singleValueContainer()
    try value.encode(description)
  }
}
