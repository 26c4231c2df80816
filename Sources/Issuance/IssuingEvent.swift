package import Fleet
package import FoundationEssentials

/// What happens while certificates are issued, for whoever shows it. What must be known later is recorded in the store.
package enum IssuingEvent: Sendable {
  case due(DueCertificates)
  case ordering(DueCertificates.Order, isRehearsal: Bool)
  case issued(Certificate, took: Duration)
  case rehearsed(Lineage.Name, took: Duration)
  case tookIn(Certificate, because: DueCertificates.Import.Reason)
  /// - Parameter retryAt: not tried again before; `nil` where the next run tries again.
  case notIssued(Lineage.Name, because: any Error, account: Issuer.Name?, retryAt: Date?)
  /// The CA cannot be used at all; these were not ordered.
  case issuerFailed(Issuer.Name, because: any Error, account: Issuer.Name?, notOrdered: [Lineage.Name])
  /// What a CA is waited for, and how long at most.
  case waiting(Lineage.Name, for: String, upTo: Duration)
  /// Of the orders of a run.
  case progress(done: Int, failed: Int, of: Int)
  case contactNotChanged(Issuer.Name, because: any Error)
  /// The order goes on, but something was not as it should be.
  case warning(Lineage.Name, String)
  /// What was shown for an earlier order could not be taken away.
  case leftOver(Lineage.Name, because: any Error)
  /// The http-01 listener can hardly answer.
  case listenerFailing(String)
  /// Hosts that took no token, or do not show it, where others do: host and reason.
  case tokensMissing(domain: String?, [String])
}

/// Hears what happens. Called from any thread; it must not wait.
package typealias IssuingListener = @Sendable (IssuingEvent) -> Void
