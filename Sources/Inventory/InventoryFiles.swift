package import Fleet
import FoundationEssentials

/// Reads the declared fleet from JSON5 files. All problems of all files are reported together.
package enum InventoryFiles {
  /// - Parameters:
  ///   - paths: files, or folders whose `*.json5` files are read in the order of their names.
  ///   - known: what is stored already and may be referred to.
  ///   - ask: what ssh would do, for hosts with `ssh_config`.
  ///   - note: told what is taken, and perhaps not as it was meant.
  /// - Throws: `InvalidInventory`.
  package static func read(
    _ paths: [String], beside known: FleetDeclaration,
    asking ask: @escaping SSHSettings.Reader = SSHSettings.nobody,
    noting note: (InventoryProblem) -> Void = { _ in }
  ) throws -> FleetDeclaration {
    let problems = Problems()
    let files = paths.flatMap { InventoryFile.find($0, problems) }
    let roots = files.compactMap { InventoryFile.parse($0, problems) }
    var draft = InventoryDraft(problems: problems, asking: ask)
    draft.readDefaults(roots)
    for root in roots { draft.read(root) }
    draft.addStandardPolicy()
    let others = known.without(draft.declaration)
    draft.checkReferences(beside: others)
    draft.checkPolicies(beside: others)
    draft.checkCollisions(beside: others)
    guard problems.all.isEmpty else { throw InvalidInventory(problems: problems.all) }
    problems.notes.forEach(note)
    return draft.declaration
  }
}

/// What has been read so far, with the place where each thing was declared.
struct InventoryDraft {
  private let problems: Problems
  private let ask: SSHSettings.Reader
  private var defaults = Defaults()
  private(set) var declaration = FleetDeclaration()
  private var places: [String: InventoryNode] = [:]
  /// What is declared with a mistake: it is there, so that whoever refers to it makes no second one.
  private(set) var mistaken: Set<String> = []

  init(problems: Problems, asking ask: @escaping SSHSettings.Reader) {
    self.problems = problems
    self.ask = ask
  }

  /// Defaults hold for all files of one apply, whichever of them says so, so they are read first.
  mutating func readDefaults(_ roots: [InventoryNode]) {
    var first: InventoryNode?
    for root in roots {
      guard case .object(let members) = root.value, let value = members["defaults"] else { continue }
      let node = root.child(value, "defaults")
      if let first {
        node.fail("defaults stand in \(first.file) already; keep them in one file")
      } else {
        first = node
        if let read = node.defaults() { defaults = read }
      }
    }
  }

  mutating func read(_ root: InventoryNode) {
    var read = FleetDeclaration()
    var seen: [(key: String, node: InventoryNode)] = []
    var mistaken: [String] = []
    let defaults = defaults
    _ = root.object { fields -> Void? in
      func each<Value>(_ key: String, _ name: KeyPath<Value, String>, _ reader: (InventoryNode) -> Value?)
        -> [Value]
      {
        (fields[key]?.list() ?? []).compactMap { node in
          guard let value = reader(node) else {
            if case .object(let members) = node.value, case .string(let name) = members["name"] {
              mistaken.append("\(key) \(name)")
            }
            return nil
          }
          seen.append(("\(key) \(value[keyPath: name])", node))
          return value
        }
      }
      // For editors; and read already.
      for key in ["$schema", "defaults"] { _ = fields[key] }
      read.hosts = each("hosts", \.name.rawValue) { $0.host(defaults, asking: ask) }
      read.issuers = each("issuers", \.name.rawValue) { $0.issuer() }
      read.lineages = each("certificates", \.name.rawValue) { $0.lineage() }
      read.history = fields["history"]?.history()
      read.metrics = fields["metrics"]?.metrics()
      read.notifiers = each("notify", \.name) { $0.notifier() }
      read.policies = each("rollouts", \.name.rawValue) { $0.policy(defaults) }
      return nil
    }
    self.mistaken.formUnion(mistaken)
    declaration.hosts += read.hosts
    declaration.issuers += read.issuers
    declaration.lineages += read.lineages
    declaration.policies += read.policies
    if let history = read.history { declaration.history = history }
    if let metrics = read.metrics { declaration.metrics = metrics }
    declaration.notifiers += read.notifiers
    for (key, node) in seen {
      if let first = places[key] {
        node.fail("the name '\(key.drop { $0 != " " }.dropFirst())' is taken by \(first.file): \(first.path)")
      } else {
        places[key] = node
      }
    }
  }

  /// Defaults hold for deployments without a policy too.
  mutating func addStandardPolicy() {
    guard let policy = defaults.standardPolicy, place(of: "rollouts \(policy.name)") == nil else { return }
    declaration.policies.append(policy)
  }

  /// Where something was declared, for what is wrong with it beside the rest; `nil` when it was not declared here.
  func place(of key: String) -> InventoryNode? { places[key] }
}
