import Fleet

/// What ssh would do for a host, by the user's own configuration of it.
public struct SSHSettings: Hashable, Sendable {
  public var address: String
  public var port: UInt16
  public var user: String
  /// `nil` where the configuration names none.
  public var identity: String?
  /// The hosts on the way, the first hop first.
  public var jumps: [String]

  public init(address: String, port: UInt16, user: String, identity: String? = nil, jumps: [String] = []) {
    self.address = address
    self.port = port
    self.user = user
    self.identity = identity
    self.jumps = jumps
  }

  /// Asks ssh.
  ///
  /// - Parameters:
  ///   - host: what its users type.
  ///   - file: the configuration; `nil` is the user's and the system's.
  public typealias Reader = (_ host: String, _ file: String?) throws -> SSHSettings

  /// For where no host's configuration is to be read.
  public static let nobody: @Sendable (String, String?) throws -> SSHSettings = { _, _ in throw Unasked() }

  private struct Unasked: Error, CustomStringConvertible {
    let description = "it is not asked here"
  }
}

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
