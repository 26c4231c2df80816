#if PostgreSQL
  import Fleet
  import Planning
  import Storage

  extension Controller {
    /// Those that are served by this controller, or by another one that is at work.
    func servedSites() async throws -> Set<String> {
      guard isShared else { return [] }
      return try await store.controllers().filter { $0.isLiving && $0.takesPart }
        .reduce(configuration.sites) { $0.union($1.sites) }
    }

    /// Hosts whose site no controller serves that is at work.
    func hostsOfDeadSites(for request: RunRequest) async throws -> [HostLeftOut] {
      guard isShared else { return [] }
      let served = try await servedSites()
      let lineages = try await store.lineages()
      return try await store.hosts().compactMap { host in
        guard let site = host.site, !served.contains(site), request.plan.hosts?.contains(host.name) ?? true,
          lineages.contains(where: { request.only?.contains($0.name) ?? true && $0.goes(to: host) })
        else { return nil }
        return HostLeftOut(
          host.name, .refused("no controller that is at work serves site \(site); see: certfleet controllers")
        )
      }
    }
  }
#endif
