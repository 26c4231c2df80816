package import Reporting
import Storage

extension Controller {
  /// Those that are at work, or were within the last day; `nil` where the state is one controller's alone.
  package func controllers() async throws -> [ListedController]? {
    #if PostgreSQL
      guard isShared else { return nil }
      return try await store.controllers().map {
        ListedController(
          name: $0.name, sites: $0.sites.sorted(),
          state: $0.isLiving ? $0.leads ? "leads" : "at work" : "lost",
          visits: $0.visits, process: $0.process, version: $0.version, since: $0.beganAt, seenAt: $0.seenAt)
      }
    #else
      return nil
    #endif
  }
}
