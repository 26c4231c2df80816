import Fleet
import FoundationEssentials
package import Reporting
import Storage

extension Controller {
  /// So many rollouts are drawn, and of so many hosts with trouble is told what happened.
  private static let rolloutsDrawn = 5
  private static let hostsWithHistory = 100
  private static let eventsOfEach = 40

  /// The fleet, or a part of it, as a web page.
  package func page(_ filter: ReportFilter = ReportFilter()) async throws -> FleetPage {
    let report = try await report(filter)
    var rollouts: [(RolloutSummary, RolloutReport)] = []
    for summary in report.rollouts.prefix(Self.rolloutsDrawn) {
      rollouts.append((summary, try await rolloutReport(summary.id.number).report))
    }
    var events: [Host.Name: [Event]] = [:]
    for host in Set(report.troubles.flatMap(\.hosts)).sorted().prefix(Self.hostsWithHistory) {
      events[host] = try await store.events(Store.LogFilter(host: host, most: Self.eventsOfEach)).map(\.event)
    }
    return FleetPage(
      report, controller: try await store.identity().name, rollouts: rollouts, events: events)
  }
}
