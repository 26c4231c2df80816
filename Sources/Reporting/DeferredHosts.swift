package import Fleet
import FoundationEssentials

/// Hosts that wait for the same reason, as one line.
package struct DeferredHosts {
  private let cause: Cause
  private let hosts: [DeferredHost]

  private struct Cause: Hashable {
    let rollout: Rollout.ID
    let end: VisitEnd
    let reason: String
  }

  /// By rollout and by what happened there.
  package static func groups(of hosts: [DeferredHost]) -> [DeferredHosts] {
    Dictionary(grouping: hosts) { Cause(rollout: $0.rollout, end: $0.end, reason: $0.reason) }
      .map { DeferredHosts(cause: $0, hosts: $1) }.sorted { $0.text < $1.text }
  }

  package var text: String {
    let names = HostSet.folded(hosts.map(\.host))
    let policies = Set(hosts.filter(\.holdsPolicy).map(\.policy.rawValue)).sorted().joined(separator: ", ")
    let others = policies.isEmpty ? "" : " and the other hosts of policy \(policies)"
    let why = [cause.end.words, cause.reason.visible.shortened(to: 160)].filter { !$0.isEmpty }
    let retry = Remedy.retry(cause.rollout)
    guard let until = hosts.compactMap(\.until).min() else {
      return "\(names): \(why.joined(separator: ": ")); go on with: \(retry)"
    }
    return
      "\(names)\(others): tried again after \(until.ISO8601Format()) (\(why.joined(separator: ": "))); at once: \(retry)"
  }
}
