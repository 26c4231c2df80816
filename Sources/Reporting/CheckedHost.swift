package import Fleet
package import FoundationEssentials

/// What a host's preflight found.
package struct CheckedHost: Hashable, Sendable, Codable {
  package let host: Host.Name
  package let result: Result
  /// What is missing, or why the host was not reached.
  package let problems: [String]
  /// What is good to know: what endpoints serve now, and what a first visit will come to.
  package var notes: [String] = []

  package enum Result: String, Hashable, Sendable, Codable { case ready, lacking, unreachable }

  package init(host: Host.Name, result: Result, problems: [String]) {
    self.host = host
    self.result = result
    self.problems = problems
  }
}

extension CheckedHost: ReportRow {
  package static let schema = JSONText.Schema.checks

  /// Hosts with the same findings in one line.
  package static func text(of checked: [CheckedHost], now: Date) -> String {
    var text = ""
    let groups = Dictionary(grouping: checked) {
      [$0.result.rawValue] + $0.problems + ($0.result == .ready ? $0.notes : [])
    }
    let order = groups.values.sorted { $0[0].host < $1[0].host }
    for group in order where group[0].result == .ready {
      text += "ready: \(HostSet.folded(group.map(\.host)))\n"
      for note in group[0].notes { text += "  \(note.visible)\n" }
    }
    for group in order where group[0].result != .ready {
      text += "\(group[0].result.rawValue): \(HostSet.folded(group.map(\.host)))\n"
      for problem in group[0].problems { text += "  \(problem.visible)\n" }
    }
    return text
  }
}
