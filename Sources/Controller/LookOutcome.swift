import Fleet
import Reporting

/// What a look means for what comes next; what was seen is kept.
struct LookOutcome: Sendable, Codable {
  /// Those that were looked at.
  var hosts: Set<Host.Name> = []
  /// Hosts that let nobody in until a person has acted, and why.
  var refused: [Host.Name: String] = [:]
  var unreachable: [Host.Name: String] = [:]
  /// What is not as it should be, or was not seen.
  var troubles: [LookReport.Item] = []

  init() {}

  init(_ result: LookResult) {
    hosts = Set(result.sightings.map(\.host))
    (refused, unreachable) = (result.refused, result.unreachable)
    // Who lets nobody in is told as such.
    troubles = LookReport(result.sightings.filter { result.refused[$0.host] == nil }, refused: []).items
      .filter {
        $0.result == .drifted || $0.result == .unseen
      }
  }

  mutating func add(_ other: LookOutcome) {
    hosts.formUnion(other.hosts)
    refused.merge(other.refused) { $1 }
    unreachable.merge(other.unreachable) { $1 }
    troubles += other.troubles
  }
}
