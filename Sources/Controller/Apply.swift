import Connections
package import Fleet
import FoundationEssentials
import Inventory
package import Reporting
package import Storage

extension Controller {
  /// What a person does next after an inventory was applied; `nil` where nothing is declared that goes anywhere.
  package func nextStep() async throws -> (remedy: Remedy, unpinned: [Host.Name])? {
    let unpinned = try await unpinnedHosts()
    if !unpinned.isEmpty { return (.pinHost(nil), unpinned) }
    return try await store.lineages().isEmpty ? nil : (.plan, [])
  }

  /// What hosts have that is not declared to go there any more.
  package func leftOvers() async throws -> [LeftOver] { try await store.leftOvers() }

  /// Certificates of which nobody looks at what is served.
  package func unverified() async throws -> [CertificateShortfall] {
    try await store.lineages().filter { $0.deployments.contains(where: \.verify.isEmpty) }.map {
      .unverified($0.name)
    }
  }

  /// Reads inventory files and stores what they declare.
  ///
  /// - Parameters:
  ///   - note: told what is taken, and perhaps not as it was meant.
  ///   - confirm: asked before more than one thing and a tenth of all is removed.
  /// - Returns: `nil` where that was not wanted, and nothing is stored.
  ///
  /// The state is made last: a file with a mistake, or a look at what would change, leaves nothing behind.
  package static func apply(
    _ files: [String], at path: String, environment: [String: String], prune: Bool, isDryRun: Bool,
    note: (String) -> Void = { _ in }, confirm: (Store.Changes) throws -> Bool = { _ in true }
  ) async throws -> Store.Changes? {
    let location = try ControllerConfiguration(of: path, environment).database
    var controller =
      try StateDirectory.exists(at: path, location)
      ? try Controller(at: path, environment: environment) : nil
    let known = prune ? nil : try await controller?.store.declaration()
    let declared = try InventoryFiles.read(
      files, beside: known ?? FleetDeclaration(), asking: SSHConfig.settings,
      noting: { note($0.description) })
    if prune, !isDryRun, let store = controller?.store {
      let changes = try await store.apply(declared, prune: true, dryRun: true, now: Date())
      let stored = try await store.declaration()
      let count = stored.hosts.count + stored.lineages.count + stored.issuers.count + stored.policies.count
      // A wrong file would take everything away.
      if changes.removed.count > 1, changes.removed.count * 10 > count, try !confirm(changes) { return nil }
    }
    if !isDryRun {
      controller = try controller ?? Controller(at: path, environment: environment, makes: true)
    }
    return try await controller?.store.apply(declared, prune: prune, dryRun: isDryRun, now: Date())
      ?? Store.Changes(adding: declared)
  }
}
