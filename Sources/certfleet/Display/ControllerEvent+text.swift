import Connections
import Controller
import Fleet
import FoundationEssentials
import Issuance
import Reporting

/// What happens, as lines on stderr. Warnings begin with the program's name.
extension ControllerEvent {
  var lines: [String] {
    switch self {
    case .issuing(let event): event.lines
    // Drawn; see RunDisplay.
    case .recorded, .rolloutGoesOn: []
    case .rolloutBegins(let id, let plan):
      [
        "rollout \(id): \(plan.hostCount) host\(plan.hostCount == 1 ? "" : "s") in \(plan.waves.count) wave\(plan.waves.count == 1 ? "" : "s")"
      ]
    case .rolloutResumes(let id):
      ["rollout \(id): was interrupted; asking the hosts that were being visited"]
    case .takesPart(let leader):
      [
        "controller \(leader.visible) leads a run; this one carries out what is handed to it until that has ended"
      ]
    case .takesLead: ["the controller that led is lost; this one goes on in its place"]
    case .rolloutStaysPaused(let id, let reason): ["rollout \(id): \(reason.visible)"]
    case .asking(let hosts, let id):
      ["rollout \(id): asking \(HostSet.folded(hosts)) how the last visit ended"]
    case .notTold(let why): ["certfleet: \(why)"]
    case .leftOut(let hosts): HostsLeftOut.lines(of: hosts)
    case .ahead(let hosts): HostsAhead.lines(of: hosts).map { "certfleet: \($0)" }
    case .nowServed(let host, let lineage): ["\(host): serves \(lineage) now"]
    case .placed(let statuses):
      Dictionary(grouping: statuses, by: \.lineage).sorted { $0.key < $1.key }.map { lineage, statuses in
        "certfleet: \(HostSet.folded(statuses.map(\.host))): \(lineage) is \(statuses[0].lastReason.visible)"
      }
    case .deferred(let hosts): DeferredHosts.groups(of: hosts).map(\.text)
    case .looking(let count): ["looking at \(count) host\(count == 1 ? "" : "s")"]
    case .looked(let report): report.troubles
    case .takenOver(let sightings): TakenOver.lines(of: sightings)
    case .drifted(let hosts): DriftedHosts.lines(of: hosts).map { "certfleet: \($0)" }
    case .massDrift(let policy, let hosts):
      [
        "certfleet: policy \(policy): \(hosts) hosts have drifted at once, and the error may be elsewhere: they wait for approval"
      ]
    case .planWaits(let policy, let delay): ["policy \(policy): \(delay.words)"]
    case .wanted(let target, let next):
      [
        "\(target.lineage): generation \(target.generation) (\(target.fingerprint.short), until \(target.notAfter.ISO8601Format())) is wanted; it stays until generation \((next ?? target.generation.next)) is issued: \(Remedy.renew(target.lineage.declared))"
      ]
    case .knownHosts(let notice): [notice.line]
    }
  }
}

extension ControllerEvent.PlanDelay {
  fileprivate var words: String {
    switch self {
    case .lastRolloutNotGood: "its last rollout has not come to a good end"
    case .after(let policy): "waits until \(policy) has passed"
    }
  }
}

extension ScheduleWarning {
  var line: String { "certfleet: \(words)" }
}
