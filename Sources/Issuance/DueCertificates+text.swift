package import Fleet
import FoundationEssentials

/// The same for a person.
extension DueCertificates.Order {
  package var words: String {
    let why = reason?.description ?? "asked for"
    return standsInFor.map {
      "\(why); in the place of \($0.issuer), which cannot: \($0.because.shortened(to: 200))"
    } ?? why
  }
}

extension DueCertificates.Import.Reason: CustomStringConvertible {
  package var description: String {
    switch self {
    case .first: "there is none yet"
    case .certbotRenewed: "certbot has renewed it"
    case .filesChanged: "its files hold another certificate"
    }
  }
}

extension DueCertificates.Obstacle {
  package func words(for lineage: Lineage.Name) -> String {
    switch self {
    case .issuerNotDeclared(let issuer): return "its issuer \(issuer) is not declared; apply it"
    case .noStagingDirectory(let issuer):
      return "\(issuer) has no 'staging' directory for rehearsals; declare it"
    case .refused(let error): return "\(error)"
    case .noHost(let reason):
      return
        "nothing is ordered, none of its hosts can be visited: \(reason); to order all the same: \(Remedy.issue(lineage.declared)) --force"
    case .backoff(let backoff):
      let until = "not tried before \(backoff.retryAt.ISO8601Format())"
      let times = backoff.failures == 1 ? "" : ", \(backoff.failures) times"
      return backoff.isCAs
        ? "\(until), as the CA asks: \(backoff.reason)"
        : "\(until) (it failed\(times): \(backoff.reason)); to try now: \(Remedy.issue(lineage.declared))"
    }
  }
}

extension DueCertificates.Warning {
  package func words(for lineage: Lineage.Name) -> String {
    switch self {
    case .renewedTooOften(let moment):
      "the CA wants it renewed again, a day after the last time; not before \(moment.ISO8601Format())"
    case .isRenewedByCertbot: "certbot renews it: certbot renew --force-renewal --cert-name \(lineage)"
    case .ends(let moment, let file): "it ends at \(moment.ISO8601Format()); put a new one into \(file)"
    }
  }
}
