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
    // With a status line beside them; see RunDisplay.
    case .recorded: []
    case .rolloutBegins(let id, let plan):
      [
        "rollout \(id): \(plan.hostCount) host\(plan.hostCount == 1 ? "" : "s") in \(plan.waves.count) wave\(plan.waves.count == 1 ? "" : "s")"
      ]
    case .rolloutResumes(let id):
      ["rollout \(id): was interrupted; asking the hosts that were being visited"]
    case .rolloutStaysPaused(let id, let reason): ["rollout \(id): \(reason.visible)"]
    case .asking(let hosts, let id):
      ["rollout \(id): asking \(HostSet.folded(hosts)) how the last visit ended"]
    case .leftOut(let hosts): hosts.lines
    case .ahead(let hosts): HostsAhead.lines(of: hosts).map { "certfleet: \($0)" }
    case .nowServed(let host, let lineage): ["\(host): serves \(lineage) now"]
    case .placed(let statuses):
      Dictionary(grouping: statuses, by: \.lineage).sorted { $0.key < $1.key }.map { lineage, statuses in
        "certfleet: \(HostSet.folded(statuses.map(\.host))): \(lineage) is \(statuses[0].lastReason.visible)"
      }
    case .deferred(let hosts): DeferredHosts.groups(of: hosts).map(\.text)
    case .planWaits(let plan, let delay): ["policy \(plan.policy.name): \(delay.words)"]
    case .wanted(let target, let next):
      [
        "\(target.lineage): generation \(target.generation) (\(target.fingerprint.short), until \(target.notAfter.ISO8601Format())) is wanted; it stays until generation \((next ?? target.generation.next)) is issued: \(Remedy.renew(target.lineage.declared))"
      ]
    case .knownHosts(let notice): [notice.line]
    }
  }
}

extension [HostLeftOut] {
  fileprivate var lines: [String] {
    let unpinned = filter { $0.why == .noPinnedKey }.map(\.host)
    let first =
      unpinned.isEmpty
      ? []
      : [
        "certfleet: left out: \(HostSet.folded(unpinned)), no host key is pinned; compare and pin: \(Remedy.pinHost(nil))"
      ]
    return first
      + compactMap {
        guard case .refused(let reason) = $0.why else { return nil }
        return "certfleet: left out: \($0.host): \(reason.visible.shortened(to: 400))"
      }.sorted()
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

extension IssuingEvent {
  fileprivate var lines: [String] {
    switch self {
    case .due(let due):
      due.warnings.map { "certfleet: \($0.lineage): \($0.why.words(for: $0.lineage).visible)" }
        + due.heldBack.map { "certfleet: \($0.lineage): \($0.why.words(for: $0.lineage).visible)" }
    case .ordering(let order, let isRehearsal):
      [
        "\(order.lineage.name): ordering from \(order.issuer)\(isRehearsal ? "'s staging" : "") (\(order.words))"
      ]
    case .issued(let certificate, let duration):
      [
        "\(certificate.lineage): issued generation \(certificate.generation), valid until \(certificate.notAfter.ISO8601Format()) (\(duration.short))"
      ]
    case .rehearsed(let lineage, let duration):
      ["\(lineage): the rehearsal went well; nothing of it is kept (\(duration.short))"]
    case .tookIn(let certificate, let reason):
      [
        "\(certificate.lineage): generation \(certificate.generation) taken in: \(reason); valid until \(certificate.notAfter.ISO8601Format())"
      ]
    case .notIssued(let lineage, let error, let account, let retryAt):
      [
        "certfleet: \(lineage): not issued: \(CertificateIssuing.reason(for: error, account: account).visible); "
          + (retryAt.map { "not tried again before \($0.ISO8601Format())" } ?? "the next run tries again")
      ]
    case .issuerFailed(let issuer, let error, let account, let lineages):
      [
        "certfleet: \(issuer): \(CertificateIssuing.reason(for: error, account: account).visible); not ordered: "
          + lineages.prefix(5).map(\.rawValue).joined(separator: ", ")
          + (lineages.count > 5 ? " and \(lineages.count - 5) more" : "")
      ]
    case .contactNotChanged(let issuer, let error):
      ["certfleet: \(issuer): the contact was not changed: \("\(error)".visible)"]
    case .warning(let lineage, let text): ["certfleet: \(lineage): \(text.visible)"]
    case .leftOver(let lineage, let error):
      ["certfleet: \(lineage): left from an earlier order: \("\(error)".visible)"]
    case .listenerFailing(let text): ["certfleet: \(text)"]
    case .tokensMissing(nil, let hosts): ["certfleet: tokens not placed on \(hosts.shortList)"]
    case .tokensMissing(let domain?, let hosts):
      ["certfleet: \(domain): the token is not shown by \(hosts.shortList)"]
    case .waiting(let lineage, let what, let limit):
      ["\(lineage): waiting for \(what.visible), up to \(limit.short)"]
    case .progress: []
    }
  }
}

extension [String] {
  fileprivate var shortList: String {
    prefix(5).joined(separator: "; ") + (count > 5 ? "; and \(count - 5) more" : "")
  }
}

extension KnownHostsImport.Notice {
  fileprivate var line: String {
    switch self {
    case .unreadable(let file, let line):
      "certfleet: \(file.visible):\(line): is not a known_hosts line, and was passed over"
    case .revoked(let host, let key):
      "\(host): \(key.type) \(key.fingerprint) is revoked, and no longer pinned"
    case .authorityOnly(let host, let fingerprint):
      "\(host): the authority \(fingerprint) is trusted for it, but libssh2 knows no host certificates; pin the host's own key"
    case .replaced(let host, let keys, let former):
      "\(host): now \(keys.text), no longer \(former.text)"
    }
  }
}

extension [HostKey] {
  fileprivate var text: String { map { "\($0.type) \($0.fingerprint)" }.joined(separator: ", ") }
}
