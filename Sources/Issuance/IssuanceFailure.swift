/// Why a certificate was not issued.
public struct IssuanceFailure: Error, Hashable, CustomStringConvertible {
  public let reason: String
  /// Whether the order cannot go on, so that the next try makes a new one.
  public let endsOrder: Bool

  public init(_ reason: String, endsOrder: Bool) {
    self.reason = reason
    self.endsOrder = endsOrder
  }

  public var description: String { reason }
}
