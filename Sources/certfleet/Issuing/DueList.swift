import Fleet
import Foundation
import Issuance
import PKI
import Storage
import struct Fleet.Host

/// What is to be issued or taken in, decided from what is stored and from files on this machine alone.
struct DueList: Sendable {
  /// To be ordered from an ACME server.
  var orders: [Order] = []
  /// Certificates that others have made.
  var imports: [Import] = []
  /// What is due and cannot be done, and why.
  var heldBack: [(lineage: Lineage.Name, why: String)] = []
  /// What a person should know and nothing here can do.
  var warnings: [(lineage: Lineage.Name, why: String)] = []

  struct Order: Sendable {
    let lineage: Lineage
    let issuer: Issuer.Name
    let authority: ACMEAuthority
    let reason: String
  }

  struct Import: Sendable {
    let lineage: Lineage
    let material: ProvidedCertificate
    let reason: String
  }

  /// How a command was asked for it.
  enum Request: Sendable {
    /// What is due, as it is.
    case due
    /// These are to be tried now, if they are due: our own patience with failures does not hold them back.
    case dueNow
    /// These are to be issued whether they are due or not.
    case all
  }

  init(
    _ lineages: [Lineage], request: Request, store: Store, now: Date, isRehearsal: Bool = false
  ) async throws {
    let issuers = Dictionary(
      uniqueKeysWithValues: try await store.declaration().issuers.map { ($0.name, $0) })
    let newest = try await store.latestCertificates()
    let wanted = try await store.newestCertificates()
    let advice = try await store.renewalAdvice()
    for lineage in lineages {
      guard let issuer = issuers[lineage.issuer] else {
        heldBack.append((lineage.name, "its issuer \(lineage.issuer) is not declared; apply it"))
        continue
      }
      switch issuer.source {
      case .acme(let authority):
        guard let directory = isRehearsal ? authority.staging : authority.directory else {
          heldBack.append(
            (lineage.name, "\(issuer.name) has no 'staging' directory for rehearsals; declare it"))
          continue
        }
        let reason = lineage.dueReason(
          newest: newest[lineage.name],
          standIn: newest[lineage.name]?.withdrawnAt == nil ? nil : wanted[lineage.name],
          advised: advice[lineage.name], directory: authority.directory, at: now)
        if let reason, request != .all, let until = try await Self.calm(reason, lineage.name, store, now) {
          warnings.append(
            (
              lineage.name,
              "the CA wants it renewed again, a day after the last time; not before \(until.ISO8601Format())"
            ))
          continue
        }
        guard let reason = reason?.description ?? (request == .all ? "asked for" : nil) else { continue }
        let backoff = try await store.backoff(of: lineage.name, at: directory)
        if let backoff, let why = Self.patience(backoff, request, lineage.name, now) {
          heldBack.append((lineage.name, why))
        } else {
          orders.append(Order(lineage: lineage, issuer: issuer.name, authority: authority, reason: reason))
        }
      case .certbot(let folder):
        take(lineage, folder.files(of: lineage.name), newest[lineage.name], "certbot has renewed it", now)
        if request == .all, imports.last?.lineage != lineage {
          warnings.append(
            (lineage.name, "certbot renews it: certbot renew --force-renewal --cert-name \(lineage.name)"))
        }
      case .files:
        guard let files = lineage.files else { continue }
        take(lineage, files, newest[lineage.name], "its files hold another certificate", now)
      }
    }
  }

  private mutating func take(
    _ lineage: Lineage, _ files: ProvidedFiles, _ newest: Certificate?, _ reason: String, _ now: Date
  ) {
    do {
      let material = try ProvidedCertificate(files, names: lineage.domains, at: now)
      let fingerprint = try material.chain.leaf.fingerprint()
      if fingerprint != newest?.fingerprint {
        imports.append(
          Import(lineage: lineage, material: material, reason: newest == nil ? "there is none yet" : reason))
      } else if let newest, newest.renewalMoment <= now {
        warnings.append(
          (
            lineage.name,
            "it ends at \(newest.notAfter.ISO8601Format()); put a new one into \(files.certificate)"
          ))
      }
    } catch {
      heldBack.append((lineage.name, "\(error)"))
    }
  }

  /// A window in the past means now (RFC 9773 §4.2), but a CA that says so of every certificate would be ordered from at
  /// every run: one that came within a day of the one before is given a day.
  private static func calm(
    _ reason: DueReason, _ lineage: Lineage.Name, _ store: Store, _ now: Date
  ) async throws -> Date? {
    guard case .time(_, isCAs: true) = reason else { return nil }
    let latest = try await store.certificates(of: lineage).suffix(2).map(\.issuedAt)
    let day: TimeInterval = 86400
    guard latest.count == 2, latest[1].timeIntervalSince(latest[0]) < day,
      now.timeIntervalSince(latest[1]) < day
    else { return nil }
    return latest[1].addingTimeInterval(day)
  }

  /// RFC 8555 §6.6: what the CA asked for holds for everybody; what we add ourselves, not for who asks by name.
  private static func patience(
    _ backoff: OrderBackoff, _ request: Request, _ lineage: Lineage.Name, _ now: Date
  ) -> String? {
    guard backoff.retryAt > now, backoff.isCAs || request == .due else { return nil }
    let until = "not tried before \(backoff.retryAt.ISO8601Format())"
    let times = backoff.failures == 1 ? "" : ", \(backoff.failures) times"
    return backoff.isCAs
      ? "\(until), as the CA asks: \(backoff.reason)"
      : "\(until) (it failed\(times): \(backoff.reason)); to try now: certfleet cert issue \(lineage.declared)"
  }

  var isEmpty: Bool { orders.isEmpty && imports.isEmpty && heldBack.isEmpty && warnings.isEmpty }
}

extension CertbotFolder {
  /// certbot's README in `live/`: "privkey.pem" and "fullchain.pem".
  func files(of lineage: Lineage.Name) -> ProvidedFiles {
    let live = "\(path)/live/\(lineage)"
    return ProvidedFiles(certificate: live + "/fullchain.pem", chain: nil, privateKey: live + "/privkey.pem")
  }
}
