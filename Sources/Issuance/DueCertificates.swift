package import Fleet
package import FoundationEssentials
package import PKI

/// What is to be issued or taken in, decided from what is stored and from files on this machine alone.
package struct DueCertificates: Sendable {
  /// To be ordered from an ACME server.
  package private(set) var orders: [Order] = []
  /// Certificates that others have made.
  package private(set) var imports: [Import] = []
  /// What is due and cannot be done, and why.
  package private(set) var heldBack: [(lineage: Lineage.Name, why: Obstacle)] = []
  /// What a person should know and nothing here can do.
  package private(set) var warnings: [(lineage: Lineage.Name, why: Warning)] = []

  package var isEmpty: Bool { orders.isEmpty && imports.isEmpty && heldBack.isEmpty && warnings.isEmpty }

  package struct Order: Sendable {
    package let lineage: Lineage
    package let issuer: Issuer.Name
    package let authority: ACMEAuthority
    /// `nil`: it was asked for.
    package let reason: DueReason?
    /// The issuer in whose place this one is asked, and why that cannot.
    package var standsInFor: (issuer: Issuer.Name, because: String)?
  }

  package struct Import: Sendable {
    package let lineage: Lineage
    package let material: ProvidedCertificate
    package let reason: Reason

    package enum Reason: Hashable, Sendable { case first, certbotRenewed, filesChanged }
  }

  package enum Obstacle: Sendable {
    case issuerNotDeclared(Issuer.Name)
    case noStagingDirectory(Issuer.Name)
    case backoff(OrderBackoff)
    /// None of its hosts can be visited, and why the first cannot.
    case noHost(String)
    /// The certificate that others have made cannot be used.
    case refused(any Error)
  }

  package enum Warning: Hashable, Sendable {
    /// The CA wants it renewed again, a day after the last time.
    case renewedTooOften(notBefore: Date)
    case isRenewedByCertbot
    case ends(Date, file: String)
  }

  /// How urgently it is asked for.
  package enum Urgency: Sendable {
    /// What is due, as it is.
    case due
    /// These are to be tried now, if they are due: our own patience with failures does not hold them back.
    case dueNow
    /// These are to be issued whether they are due or not.
    case all
  }

  package init(
    _ lineages: [Lineage], urgency: Urgency, store: any IssuingStore, now: Date, isRehearsal: Bool = false
  ) async throws {
    let issuers = Dictionary(
      uniqueKeysWithValues: try await store.declaration().issuers.map { ($0.name, $0) })
    let newest = try await store.latestCertificates().merging(try await store.certificatesOnAllHosts()) {
      $0.generation > $1.generation ? $0 : $1
    }
    let wanted = try await store.newestCertificates()
    let advice = try await store.renewalAdvice()
    for lineage in lineages {
      let name = lineage.name
      guard let issuer = issuers[lineage.issuer] else {
        heldBack.append((name, .issuerNotDeclared(lineage.issuer)))
        continue
      }
      switch issuer.source {
      case .acme(let authority):
        guard let directory = isRehearsal ? authority.staging : authority.directory else {
          heldBack.append((name, .noStagingDirectory(issuer.name)))
          continue
        }
        let reason = lineage.dueReason(
          newest: newest[name], standIn: newest[name]?.withdrawnAt == nil ? nil : wanted[name],
          advised: advice[name],
          directories: [authority.directory]
            + lineage.standIns.compactMap { issuers[$0]?.acme?.directory }, at: now)
        guard reason != nil || urgency == .all else { continue }
        if let reason, urgency != .all, let until = try await Self.calm(reason, name, store, now) {
          warnings.append((name, .renewedTooOften(notBefore: until)))
          continue
        }
        let backoff = try await store.backoff(of: name, at: directory)
        if let backoff, backoff.isCAsFault, backoff.retryAt > now, !isRehearsal,
          lineage.isPressing(newest[name], advised: advice[name], reason, at: now),
          var order = try await Self.standIn(for: lineage, issuers, reason, store, now)
        {
          order.standsInFor = (issuer.name, backoff.reason)
          orders.append(order)
          continue
        }
        // RFC 8555 §6.6: what the CA asked for holds for everybody; what we add ourselves, not for who asks by name.
        if let backoff, backoff.retryAt > now, backoff.isCAs || urgency == .due {
          heldBack.append((name, .backoff(backoff)))
        } else {
          orders.append(Order(lineage: lineage, issuer: issuer.name, authority: authority, reason: reason))
        }
      case .certbot(let folder):
        take(lineage, folder.files(of: name), newest[name], .certbotRenewed, now)
        if urgency == .all, imports.last?.lineage != lineage { warnings.append((name, .isRenewedByCertbot)) }
      case .files:
        guard let files = lineage.files else { continue }
        take(lineage, files, newest[name], .filesChanged, now)
      }
    }
  }

  /// The next issuer of the lineage's that may be asked now.
  private static func standIn(
    for lineage: Lineage, _ issuers: [Issuer.Name: Issuer], _ reason: DueReason?, _ store: any IssuingStore,
    _ now: Date
  ) async throws -> Order? {
    for name in lineage.standIns {
      guard let authority = issuers[name]?.acme else { continue }
      let backoff = try await store.backoff(of: lineage.name, at: authority.directory)
      guard backoff.map({ $0.retryAt <= now }) ?? true else { continue }
      return Order(lineage: lineage, issuer: name, authority: authority, reason: reason)
    }
    return nil
  }

  /// Holds orders back for which there is a reason why none of their hosts can be visited.
  package mutating func hold(_ reason: (Lineage) -> String?) {
    orders.removeAll { order in
      guard let reason = reason(order.lineage) else { return false }
      heldBack.append((order.lineage.name, .noHost(reason)))
      return true
    }
  }

  private mutating func take(
    _ lineage: Lineage, _ files: ProvidedFiles, _ newest: Certificate?, _ reason: Import.Reason, _ now: Date
  ) {
    do {
      let material = try ProvidedCertificate(files, names: lineage.domains, at: now)
      let fingerprint = try material.chain.leaf.fingerprint()
      if fingerprint != newest?.fingerprint {
        imports.append(Import(lineage: lineage, material: material, reason: newest == nil ? .first : reason))
      } else if let newest, newest.renewalMoment <= now {
        warnings.append((lineage.name, .ends(newest.notAfter, file: files.certificate)))
      }
    } catch {
      heldBack.append((lineage.name, .refused(error)))
    }
  }

  /// A window in the past means now (RFC 9773 §4.2), but a CA that says so of every certificate would be ordered from at
  /// every run: one that came within a day of the one before is given a day.
  private static func calm(
    _ reason: DueReason, _ lineage: Lineage.Name, _ store: any IssuingStore, _ now: Date
  ) async throws -> Date? {
    guard case .time(_, isCAs: true) = reason else { return nil }
    let latest = try await store.certificates(of: lineage).suffix(2).map(\.issuedAt)
    let day: TimeInterval = 86400
    guard latest.count == 2, latest[1].timeIntervalSince(latest[0]) < day,
      now.timeIntervalSince(latest[1]) < day
    else { return nil }
    return latest[1].addingTimeInterval(day)
  }
}

extension CertbotFolder {
  /// certbot's README in `live/`: "privkey.pem" and "fullchain.pem".
  package func files(of lineage: Lineage.Name) -> ProvidedFiles {
    let live = "\(path)/live/\(lineage)"
    return ProvidedFiles(
      certificate: live + "/fullchain.pem", chain: nil, privateKey: live + "/privkey.pem")
  }
}
