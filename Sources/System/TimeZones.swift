import CZone
package import FoundationEssentials

/// The time zones of the system's tzdata, by their names in the IANA database.
package enum TimeZones {
  package static func contains(_ name: String) -> Bool { certfleet_zone_exists(name) }

  /// How far a zone's clocks are ahead of UTC at a moment, in seconds.
  ///
  /// - Returns: `nil` where the system has no such zone.
  package static func offset(of name: String, at moment: Date) -> Int? {
    guard contains(name) else { return nil }
    return Int(certfleet_zone_offset(name, Int64(moment.timeIntervalSince1970.rounded(.down))))
  }

  /// The first moment that clocks of a zone show as this wall time. A time that a day leaves out, when clocks are put forward, is the
  /// next that it has.
  ///
  /// - Parameter wall: as if it were UTC.
  package static func moment(of wall: Date, in name: String) -> Date? {
    guard let before = offset(of: name, at: wall.addingTimeInterval(-86400)),
      let after = offset(of: name, at: wall.addingTimeInterval(86400))
    else { return nil }
    for offset in [before, after] {
      let moment = wall.addingTimeInterval(-Double(offset))
      if self.offset(of: name, at: moment) == offset { return moment }
    }
    // Between them clocks are put forward: the first second with the later offset.
    var (early, late) = (
      wall.addingTimeInterval(-Double(after)).timeIntervalSince1970,
      wall.addingTimeInterval(-Double(before)).timeIntervalSince1970
    )
    while late - early > 1 {
      let middle = ((early + late) / 2).rounded(.down)
      if offset(of: name, at: Date(timeIntervalSince1970: middle)) == before {
        early = middle
      } else {
        late = middle
      }
    }
    return Date(timeIntervalSince1970: late)
  }
}
