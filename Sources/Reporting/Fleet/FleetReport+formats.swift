package import Fleet
import FoundationEssentials

extension FleetReport {
  /// A new one is a case here, and a file in Formats.
  package enum Format: String, Sendable, CaseIterable {
    case text, wide, json, csv, prometheus, html

    package static var allWords: String { allCases.map(\.rawValue).joined(separator: ", ") }
  }

  package func text(as format: Format, on screen: Screen) throws -> String {
    switch format {
    // What happened on hosts is not in a report; `FleetPage` shows it where it is had.
    case .html: try FleetPage(self, controller: "", rollouts: [], events: [:]).html()
    case .text, .wide: text(now: generatedAt, on: screen)
    case .json: try JSONText.encode(self, as: Self.schema)
    case .csv: csv
    case .prometheus: prometheus(version: Product.version)
    }
  }

  /// By which places are chosen.
  package enum State: String, Sendable, CaseIterable {
    case drifted, failed, behind, unseen

    package static var allWords: String { allCases.map(\.rawValue).joined(separator: ", ") }

    /// - Parameter unseen: hosts that nobody has looked at for too long.
    package func has(_ status: HostCertificateStatus, unseen: Set<Host.Name>) -> Bool {
      switch self {
      case .drifted: status.drift != nil
      case .failed: status.lastEnd.map { $0.account == .failure || $0 == .refused } ?? false
      case .behind: !status.isConverged
      case .unseen: unseen.contains(status.host) || status.seenAt == nil
      }
    }
  }
}
