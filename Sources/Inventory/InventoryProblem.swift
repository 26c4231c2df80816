import Fleet

/// One thing that is wrong with an inventory: where, what stands there, the rule and the fix.
public struct InventoryProblem: Hashable, Sendable, CustomStringConvertible {
  public let file: String
  /// For example `hosts[3].port`; empty for the whole file.
  public let path: String
  public let message: String

  public var description: String {
    path.isEmpty ? "\(file.visible): \(message)" : "\(file.visible): \(path.visible): \(message)"
  }
}

/// All that is wrong with an inventory; nothing of it was applied.
public struct InvalidInventory: Error, CustomStringConvertible {
  public let problems: [InventoryProblem]
  public var description: String { problems.map(\.description).joined(separator: "\n") }
}

/// Collects problems while files are read, so that all are reported together.
final class Problems {
  private(set) var all: [InventoryProblem] = []

  func add(file: String, path: String, _ message: String) {
    all.append(InventoryProblem(file: file, path: path, message: message))
  }
}
