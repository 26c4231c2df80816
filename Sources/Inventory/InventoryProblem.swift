import Fleet

/// One thing that is wrong with an inventory: where, what stands there, the rule and the fix.
package struct InventoryProblem: Hashable, Sendable, CustomStringConvertible {
  package let file: String
  /// For example `hosts[3].port`; empty for the whole file.
  package let path: String
  package let message: String

  package var description: String {
    path.isEmpty ? "\(file.visible): \(message)" : "\(file.visible): \(path.visible): \(message)"
  }
}

/// All that is wrong with an inventory; nothing of it was applied.
package struct InvalidInventory: Error, CustomStringConvertible {
  package let problems: [InventoryProblem]
  package var description: String { problems.map(\.description).joined(separator: "\n") }
}

/// Collects problems while files are read, so that all are reported together.
final class Problems {
  private(set) var all: [InventoryProblem] = []
  /// What is taken, and perhaps not as it was meant.
  private(set) var notes: [InventoryProblem] = []

  func add(file: String, path: String, _ message: String) {
    all.append(InventoryProblem(file: file, path: path, message: message))
  }

  func note(file: String, path: String, _ message: String) {
    notes.append(InventoryProblem(file: file, path: path, message: message))
  }
}
