package import Fleet
package import FoundationEssentials

extension Store {
  /// All that is declared.
  package func declaration() throws -> FleetDeclaration { try readDeclaration().all }

  /// What is declared changes seldom and is asked for often; thousands of hosts are read once.
  struct ReadDeclaration {
    let revision: Int
    let all: FleetDeclaration
    let hosts: [Host]
    let lineages: [Lineage]
  }

  private func readDeclaration() throws -> ReadDeclaration {
    let revision = try database.revision()
    if let declared, declared.revision == revision { return declared }
    let all = FleetDeclaration(
      hosts: try hostSpecs(), issuers: try specs(in: .issuer), lineages: try specs(in: .lineage),
      policies: try specs(in: .policy), history: try setting(.history), metrics: try setting(.metrics),
      notifiers: try setting(.notify) ?? [])
    let read = ReadDeclaration(
      revision: revision, all: all, hosts: all.hosts,
      lineages: all.lineages.sorted { $0.name < $1.name })
    declared = read
    return read
  }

  package func hosts() throws -> [Host] { try readDeclaration().hosts }
  package func lineages() throws -> [Lineage] { try readDeclaration().lineages }

  /// What applying a declaration would change, or has changed.
  package struct Changes: Hashable, Sendable, Codable {
    /// `host web1`, `certificate example.com` …
    package var added: [String] = []
    package var changed: [String] = []
    package var removed: [String] = []
    /// Stored and not declared now; pruning would remove them.
    package var undeclared: [String] = []
    /// Of what changed, what of it.
    package var fields: [String: [FieldChange]] = [:]
    package var isEmpty: Bool { added.isEmpty && changed.isEmpty && removed.isEmpty }

    init() {}

    /// What applying the first declaration would change.
    package init(adding declared: FleetDeclaration) {
      func names<Value>(_ values: [Value], _ name: KeyPath<Value, Identifier<Value>>, _ table: Table)
        -> [String]
      {
        values.map { "\(table.word) \($0[keyPath: name])" }
      }
      added =
        names(declared.hosts, \.name, .host) + names(declared.issuers, \.name, .issuer)
        + names(declared.policies, \.name, .policy) + names(declared.lineages, \.name, .lineage)
        + (declared.history == nil ? [] : ["history"]) + (declared.metrics == nil ? [] : ["metrics"])
        + (declared.notifiers.isEmpty ? [] : ["notify"])
    }
  }

  /// Makes the stored declaration this one, in one transaction.
  ///
  /// - Parameters:
  ///   - prune: whether what is stored and not declared goes.
  ///   - dryRun: only says what would change.
  package func apply(
    _ declared: FleetDeclaration, prune: Bool, dryRun: Bool, now: Date
  ) throws -> Changes {
    var changes = Changes()
    defer { self.declared = nil }
    try writing(unless: dryRun) {
      changes = Changes()
      try apply(declared.hosts, \.name, in: .host, prune, &changes)
      try apply(declared.issuers, \.name, in: .issuer, prune, &changes)
      try apply(declared.policies, \.name, in: .policy, prune, &changes)
      try apply(declared.lineages, \.name, in: .lineage, prune, &changes)
      try apply(declared.history, as: .history, prune, &changes)
      try apply(declared.metrics, as: .metrics, prune, &changes)
      try apply(declared.notifiers.isEmpty ? nil : declared.notifiers, as: .notify, prune, &changes)
      // One that has something of ours still is reached until that is taken away.
      try database.run(
        """
        DELETE FROM host_key WHERE host NOT IN (SELECT name FROM host)
          AND host NOT IN (SELECT host FROM placement WHERE gone_at IS NULL AND active_at IS NOT NULL)
        """)
      guard !changes.isEmpty else { return }
      try database.countRevision()
      // Who mends a declaration wants to see at once whether that was it; what a CA asked for still holds.
      try forgetBackoffs { !$0.isCAs }
      let text =
        "\(changes.added.count) added, \(changes.changed.count) changed, \(changes.removed.count) removed"
      try append(Event(at: now, subject: .init(), kind: .note(.applied, text: text)))
    }
    return changes
  }

  /// One transaction, which a dry run takes back at its end.
  private func writing(unless dryRun: Bool, _ body: () throws -> Void) throws {
    struct TakenBack: Error {}
    do {
      try transaction {
        try body()
        if dryRun { throw TakenBack() }
      }
    } catch is TakenBack {}
  }

  fileprivate enum Table: String {
    case host, issuer, policy, lineage
    var word: String {
      switch self {
      case .host: "host"
      case .issuer: "issuer"
      case .policy: "rollout policy"
      case .lineage: "certificate"
      }
    }
  }

  private func specs<Value: Decodable & Sendable>(in table: Table) throws -> [Value] {
    let specs = try database.rows("SELECT spec FROM \(table.rawValue) ORDER BY name") { $0.text(0) }
    return try FleetJSON.decode(all: specs)
  }

  /// In the order of their names. Thousands of hosts differ in their names and addresses alone: what else is said of them is read once.
  private func hostSpecs() throws -> [Host] {
    struct Stored {
      let name: Host.Name
      let address: String
      let rest: Int
    }
    var (rests, numbers): ([String], [String: Int]) = ([], [:])
    let stored = try database.rows(
      """
      SELECT name, \(database.json("spec", at: "address")), \(database.json("spec", emptying: ["name", "address"]))
      FROM host
      """
    ) { row in
      let rest = row.text(2)
      let number = numbers[rest] ?? rests.count
      if number == rests.count {
        numbers[rest] = number
        rests.append(rest)
      }
      return Stored(name: Host.Name(row.text(0)), address: row.text(1), rest: number)
    }
    let hosts: [Host] = try FleetJSON.decode(all: rests)
    return stored.sorted { $0.name < $1.name }.map { stored in
      var host = hosts[stored.rest]
      (host.name, host.address) = (stored.name, stored.address)
      return host
    }
  }

  /// What is stored is compared as what it says and not as text: one value may be written in several ways.
  private func apply<Value: Codable & Equatable>(
    _ wanted: [Value], _ name: KeyPath<Value, Identifier<Value>>, in table: Table, _ prune: Bool,
    _ changes: inout Changes
  ) throws {
    let stored = Dictionary(
      uniqueKeysWithValues: try database.rows("SELECT name, spec FROM \(table.rawValue)") {
        ($0.text(0), $0.text(1))
      })
    for value in wanted {
      let (name, spec) = (value[keyPath: name].rawValue, try FleetJSON.canonical(value))
      if let former = stored[name] {
        guard try !holds(former, value) else { continue }
        changes.changed.append("\(table.word) \(name)")
        // What is stored may be written as an earlier release wrote it.
        let before = try FleetJSON.canonical(try FleetJSON.decode(former, as: Value.self))
        changes.fields["\(table.word) \(name)"] = try FieldChange.all(from: before, to: spec)
      } else {
        changes.added.append("\(table.word) \(name)")
      }
      try database.run(
        "INSERT INTO \(table.rawValue) (name, spec) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET spec = excluded.spec",
        [.text(name), .text(spec)])
    }
    for name in Set(stored.keys).subtracting(wanted.map { $0[keyPath: name].rawValue }).sorted() {
      guard prune else {
        changes.undeclared.append("\(table.word) \(name)")
        continue
      }
      changes.removed.append("\(table.word) \(name)")
      try database.run("DELETE FROM \(table.rawValue) WHERE name = ?", [.text(name)])
    }
  }
}
