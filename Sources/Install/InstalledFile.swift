public import PKI

/// One file as it is to be on a host.
public struct InstalledFile: Sendable {
  public let name: String
  /// Octal, as chmod(1) takes it.
  public let mode: String
  public let content: Secret

  public init(name: String, mode: String, content: Secret) {
    self.name = name
    self.mode = mode
    self.content = content
  }
}
