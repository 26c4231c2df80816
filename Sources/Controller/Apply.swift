import Connections
import Fleet
import FoundationEssentials
import Inventory
package import Storage

extension Controller {
  /// Reads inventory files and stores what they declare.
  ///
  /// The state is made last: a file with a mistake, or a look at what would change, leaves nothing behind.
  package static func apply(
    _ files: [String], at path: String, environment: [String: String], prune: Bool, isDryRun: Bool
  ) async throws -> Store.Changes {
    var controller =
      StateDirectory.exists(at: path) ? try Controller(at: path, environment: environment) : nil
    let known = prune ? nil : try await controller?.store.declaration()
    let declared = try InventoryFiles.read(
      files, beside: known ?? FleetDeclaration(), asking: SSHConfig.settings)
    if !isDryRun {
      controller = try controller ?? Controller(at: path, environment: environment, makes: true)
    }
    return try await controller?.store.apply(declared, prune: prune, dryRun: isDryRun, now: Date())
      ?? Store.Changes(adding: declared)
  }
}
