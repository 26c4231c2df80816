import Fleet
package import FoundationEssentials

/// Something that is, or will be, in the way of certificates that serve; and what mends it.
package struct Finding: Hashable, Sendable, Encodable {
  /// The worst first.
  package enum Severity: String, Hashable, Sendable, Encodable, CaseIterable {
    /// It keeps something from working now.
    case problem
    /// It will, or nobody would notice when it does.
    case warning
  }

  package let severity: Severity
  package let what: String
  /// Commands, or what else a person does about it.
  package let remedy: String

  package init(_ severity: Severity, _ what: String, mend remedy: String) {
    (self.severity, self.what, self.remedy) = (severity, what, remedy)
  }
}

extension Finding: ReportRow {
  package static let schema = JSONText.Schema.findings

  package static func text(of rows: [Finding], now: Date) -> String {
    guard !rows.isEmpty else { return "nothing was found that is in the way of anything\n" }
    return rows.map { finding in
      "\(finding.severity == .problem ? "✗" : "!") \(finding.what.visible)\n    \(finding.remedy.visible)\n"
    }.joined()
  }
}
