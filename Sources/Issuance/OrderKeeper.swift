public import Foundation
public import PKI

/// An order that has been made and not yet become a stored certificate.
public struct OpenOrder: Sendable {
  public let url: URL
  public let names: [String]
  public let key: PrivateKey

  public init(url: URL, names: [String], key: PrivateKey) {
    self.url = url
    self.names = names
    self.key = key
  }
}

/// Keeps a lineage's open order through a crash, so that a rerun finishes it instead of ordering again.
public protocol OrderKeeper: Sendable {
  func openOrder() async throws -> OpenOrder?
  /// Keeps `order`, or forgets the kept one.
  func keep(_ order: OpenOrder?) async throws
}
