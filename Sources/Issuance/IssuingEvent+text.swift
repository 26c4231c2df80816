import Fleet
import FoundationEssentials

extension IssuingEvent {
  /// What happens, as lines for a person. Warnings begin with the program's name.
  package var lines: [String] {
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
