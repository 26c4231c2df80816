import Fleet
import Foundation
import Planning
import Reporting

/// Hosts that wait for the same reason, as one line.
struct HeldHosts {
  let cause: Cause
  let held: [PlanningResult.DeferredHost]

  struct Cause: Hashable {
    let rollout: Rollout.ID
    let end: VisitEnd
    let reason: String
  }

  /// By rollout and by what happened there.
  static func groups(of held: [PlanningResult.DeferredHost]) -> [HeldHosts] {
    Dictionary(grouping: held) { Cause(rollout: $0.rollout, end: $0.end, reason: $0.reason) }
      .map(HeldHosts.init).sorted { $0.text < $1.text }
  }

  var text: String {
    let hosts = HostSet.folded(held.map(\.host))
    let policies = Set(held.filter(\.holdsPolicy).map(\.policy.rawValue)).sorted().joined(separator: ", ")
    let others = policies.isEmpty ? "" : " and the other hosts of policy \(policies)"
    let why = [cause.end.words, cause.reason.visible.shortened(to: 160)].filter { !$0.isEmpty }
    let retry = "certfleet rollout retry \(cause.rollout)"
    guard let until = held.compactMap(\.until).min() else {
      return "\(hosts): \(why.joined(separator: ": ")); go on with: \(retry)"
    }
    return
      "\(hosts)\(others): tried again after \(until.ISO8601Format()) (\(why.joined(separator: ": "))); at once: \(retry)"
  }
}
