package import FoundationEssentials

/// Why a certificate was not issued.
package struct IssuanceFailure: Error, Hashable, CustomStringConvertible {
  package let reason: String
  /// Whether the order cannot go on, so that the next try makes a new one.
  package let endsOrder: Bool
  /// When the CA wants to be asked again, where it said so.
  package let retryAfter: Date?

  package init(_ reason: String, endsOrder: Bool, retryAfter: Date? = nil) {
    self.reason = reason
    self.endsOrder = endsOrder
    self.retryAfter = retryAfter
  }

  package var description: String { reason }
}
