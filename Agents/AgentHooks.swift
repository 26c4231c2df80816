public import Fleet

/// A visit's hooks, flat and numbered.
public struct AgentHooks: Hashable, Sendable {
  public struct Entry: Hashable, Sendable {
    public let moment: Hook.Moment
    /// For deploy hooks, whose they are.
    public let lineage: Lineage.Name?
    public let index: Int
    public let hook: Hook
  }

  public let all: [Entry]

  init(_ visit: PlannedVisit) {
    var entries: [Entry] = []
    func add(_ moment: Hook.Moment, _ lineage: Lineage.Name?, _ hook: Hook) {
      entries.append(Entry(moment: moment, lineage: lineage, index: entries.count, hook: hook))
    }
    func once(_ moment: Hook.Moment, _ hooks: [Hook]) {
      for hook in hooks
      where !entries.contains(where: { $0.moment == moment && $0.hook.command == hook.command }) {
        add(moment, nil, hook)
      }
    }
    once(.pre, visit.certificates.flatMap(\.hooks.pre))
    for certificate in visit.certificates {
      for hook in certificate.hooks.deploy { add(.deploy, certificate.lineage, hook) }
    }
    once(.post, visit.certificates.flatMap(\.hooks.post))
    all = entries
  }

  public subscript(_ index: Int) -> Entry? { all.indices.contains(index) ? all[index] : nil }
}
