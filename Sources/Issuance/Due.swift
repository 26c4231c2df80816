public import Fleet
public import Foundation

extension Certificate {
  /// When it should be renewed: after two thirds of its lifetime, or half of it where that is below ten days.
  public var renewalMoment: Date {
    let lifetime = notAfter.timeIntervalSince(notBefore)
    return notBefore.addingTimeInterval(lifetime < 10 * 86400 ? lifetime / 2 : lifetime * 2 / 3)
  }

  public func isDue(at moment: Date) -> Bool { moment >= renewalMoment }
}

extension Lineage {
  /// Whether a new certificate is to be ordered: there is none, it is due, or it lacks a name that is wanted now.
  public func needsIssuing(newest: Certificate?, at moment: Date) -> Bool {
    guard let newest else { return true }
    return newest.isDue(at: moment) || Set(newest.names) != Set(domains)
  }
}
