package import FoundationEssentials

/// What one look saw of one certificate on one host.
package struct Sighting: Hashable, Sendable {
  package var host: Host.Name
  package var lineage: Lineage.Name
  /// When the look began.
  package var at: Date
  /// Whether the disk was looked at, and what is wrong there.
  package var disk: Answer
  /// The same of its endpoints.
  package var endpoints: Answer
  /// The certificate that is there, and the generation that its folder counts as.
  package var certificate: SeenCertificate?
  package var generation: Generation?
  package var key = SeenOnDisk.KeyFit.none
  /// Whether the state did not know that it is there, and knows from now on.
  package var isTakenOver = false
  /// Whether what the state did not know is not there any more.
  package var isForgotten = false

  package enum Answer: Hashable, Sendable {
    /// Not looked at, or there is nothing to look at.
    case unasked
    /// Why nothing was seen.
    case unseen(String)
    case good
    case drifted(Drift)

    package var drift: Drift? { if case .drifted(let drift) = self { drift } else { nil } }
    package var isUnseen: Bool { if case .unseen = self { true } else { false } }
    /// Whether something was seen, good or not.
    package var isSeen: Bool { self == .good || drift != nil }
  }

  package init(
    host: Host.Name, lineage: Lineage.Name, at: Date, disk: Answer = .unasked, endpoints: Answer = .unasked,
    certificate: SeenCertificate? = nil, generation: Generation? = nil
  ) {
    self.host = host
    self.lineage = lineage
    self.at = at
    self.disk = disk
    self.endpoints = endpoints
    self.certificate = certificate
    self.generation = generation
  }

  package var failure: String? {
    for answer in [disk, endpoints] { if case .unseen(let reason) = answer { return reason } }
    return nil
  }
}
