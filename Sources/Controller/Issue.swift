import Fleet
import FoundationEssentials
package import Issuance
import Storage
package import System

extension Controller {
  /// Issuing by name, beside the main job.
  package struct IssueRequest: Sendable {
    /// `nil` for all.
    package var names: [String]?
    package var urgency: DueCertificates.Urgency
    /// With the CAs' staging directories; nothing of it is kept.
    package var isRehearsal: Bool
    /// Whether even for certificates none of whose hosts can be visited.
    package var isForced: Bool

    package init(
      names: [String]?, urgency: DueCertificates.Urgency, isRehearsal: Bool = false, isForced: Bool = false
    ) {
      (self.names, self.urgency) = (names, urgency)
      (self.isRehearsal, self.isForced) = (isRehearsal, isForced)
    }
  }

  /// What would be issued; asks nobody.
  package func due(_ request: IssueRequest) async throws -> DueCertificates {
    let lineages =
      if let named = try await issuable(named: request.names) { named } else { try await issuable() }
    return try await DueCertificates(
      lineages, urgency: request.urgency, store: store, now: Date(), isRehearsal: request.isRehearsal)
  }

  /// Issues what is due of it.
  ///
  /// - Returns: what was due, and whether all of it was issued.
  package func issue(
    _ request: IssueRequest, stop: StopSignal = StopSignal()
  ) async throws -> (due: DueCertificates, isComplete: Bool) {
    try await leased {
      try await Run.lookAfterRestore(self)
      var due = try await due(request)
      if !request.isForced, !request.isRehearsal {
        var hosts = try await visitableHosts(for: RunRequest())
        try await hosts.settle(&due, hosts: try await store.hosts(), by: self)
      }
      guard !due.isEmpty else { return (due, true) }
      let issuing = try await issuing(stop: stop, isRehearsal: request.isRehearsal)
      try await issuing.cleanUpLeftOvers()
      return (due, try await issuing.issue(due))
    }
  }

  func issuing(stop: StopSignal, isRehearsal: Bool = false) async throws -> CertificateIssuing {
    CertificateIssuing(
      store: store, hosts: try await hostServices(), isRehearsal: isRehearsal, stop: stop,
      sharesPorts: isShared
    ) {
      [tell] in tell(.issuing($0))
    }
  }
}
