public import Foundation

/// Why a certificate was not issued.
public struct IssuanceFailure: Error, Hashable, CustomStringConvertible {
  public let reason: String
  /// Whether the order cannot go on, so that the next try makes a new one.
  public let endsOrder: Bool
  /// When the CA wants to be asked again, where it said so.
  public let retryAfter: Date?

  public init(_ reason: String, endsOrder: Bool, retryAfter: Date? = nil) {
    self.reason = reason
    self.endsOrder = endsOrder
    self.retryAfter = retryAfter
  }

  public var description: String { reason }
}
