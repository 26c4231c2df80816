import Fleet

extension InventoryNode {
  /// `true`, or a file.
  func sshConfiguration() -> SSHConfigurationPlace? {
    if case .bool(let isWanted) = value { return isWanted ? .standard : .ignored }
    return localPath().map(SSHConfigurationPlace.file)
  }
}

/// Where a host's way of being reached is written down, beside the inventory.
enum SSHConfigurationPlace {
  case ignored
  case standard
  case file(String)
}
