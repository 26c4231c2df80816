import Connections
package import Fleet
package import FoundationEssentials

/// A request that names what is not there, or cannot be done as it is put.
package enum ControllerError: Error, Sendable {
  case noState(String)
  case unknown(Kind, String, among: [String])
  /// What somebody else's program has written is not what it should be.
  case unreadableImport(String, why: String)
  case oneOfEachHost(String, example: Lineage.Name?)
  case nothingDeclared
  case noNotifier
  case unknownNotifier(String, among: [String])
  /// What is to be retired, and the next run would bring back.
  case stillDeclared(String)
  case refused(Lineage.Name, because: any Error)

  // MARK: Certificates

  case notIssuedYet(Lineage.Name)
  case noGeneration(String, of: Lineage.Name, known: [Generation])
  case withdrawn(Certificate)
  case isWanted(Certificate)
  case nothingBefore(Lineage.Name)
  case revoked(Certificate)
  case ending(Certificate, at: Date)
  case notFromDeclaredIssuer(Lineage.Name)
  case keyOnHost(Lineage.Name)
  case export(String)
  case configuration(String)

  // MARK: Rollouts

  case noRollout(Int)
  case ended(Rollout)
  case notEnded(Rollout)
  case notPaused(Rollout)
  case noWave(Int, of: Rollout)
  case waveNeedsNoApproval(Int, of: Rollout)
  case noWaveWaits(Rollout)
  case otherPlan(Rollout, given: String)
  case nothingToRetry(Rollout)
  case noLongerWanted(Lineage.Name, Generation)
  case goneOn(Lineage.Name, since: Rollout)
  case wasFirst(Lineage.Name, Rollout)
  case badSelector(String, because: any Error)
  case selectsNone(String, of: [Host.Name])

  // MARK: Hosts

  case otherKeyOffered(Host.Name, offered: [HostKey], wanted: String)
  case agentNotDeclared(Host.Name)
  case noIdentity(Host.Name)
  case administratorKeyIsRestricted(Host.Name, identity: String)

  // MARK: Issuers

  case notACME(Issuer.Name)
  case noStagingDirectory(Issuer.Name)
  case noAccount(Issuer.Name, directory: String)
  case certbot(any Error)
  case issuerTaken(Issuer.Name, folder: String)
  case notCalledByCertbot
  case notAdopted(path: String, folder: String, name: String)
  case otherDomains(Lineage.Name, told: String, certificate: [String])

  package enum Kind: String, Sendable {
    case host, certificate, issuer
    case certbotLineage = "lineage"

    var listing: Remedy.Listing {
      switch self {
      case .host: .hosts
      case .certificate: .certificates
      case .issuer: .accounts
      case .certbotLineage: .certbotLineages
      }
    }
  }
}

extension ControllerError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .noState(let path):
      "there is no state in '\(path.visible)' yet: 'certfleet init' writes an inventory to begin with, and 'certfleet apply' stores it; or name another folder with --home"
    case .unknown(let kind, let name, let known):
      "there is no \(kind.rawValue) '\(name.visible)'"
        + Nearest.suggestion(for: name, among: known, otherwise: "; see: \(Remedy.list(kind.listing))")
    case .unreadableImport(let file, let why): "'\(file.visible)' \(why)"
    case .oneOfEachHost(let name, let example):
      "\(name.visible) is another certificate on each host; name one, such as \(example?.rawValue ?? "CERT@HOST")"
    case .noNotifier: "nobody is to be told: 'notify' is not declared"
    case .unknownNotifier(let name, let known):
      "there is no notifier '\(name.visible)'; declared: \(known.joined(separator: ", "))"
    case .nothingDeclared: "no certificate is declared; describe your fleet and apply it: \(Remedy.apply)"
    case .stillDeclared(let what):
      "the inventory declares the \(what), and the next run would bring it back; take it out there first, then: \(Remedy.prune)"
    case .refused(let lineage, let error): "\(lineage) is not taken over: \(error)"
    case .notIssuedYet(let lineage): "\(lineage) has no certificate yet; run issues it"
    case .noGeneration(let text, let lineage, let known):
      "\(lineage) has no generation '\(text.visible)'; there are \(known.map(\.description).joined(separator: ", "))"
    case .withdrawn(let newest):
      "hosts went back from generation \(newest.generation) of \(newest.lineage); say which is meant: --generation N"
    case .isWanted(let one):
      "generation \(one.generation) of \(one.lineage) is what hosts are to have already"
    case .nothingBefore(let lineage): "\(lineage) has no earlier generation to go back to"
    case .revoked(let one):
      "generation \(one.generation) of \(one.lineage) (\(one.fingerprint.short)) is revoked already"
    case .ending(let one, let now):
      "generation \(one.generation) of \(one.lineage) \(Self.end(of: one, at: now)); renew instead: \(Remedy.renew(one.lineage))"
    case .notFromDeclaredIssuer(let lineage):
      "\(lineage) did not come from an ACME issuer that is declared; revoke it where it came from (certbot revoke, or the shop)"
    case .keyOnHost(let lineage): "the key of \(lineage) is on its host alone; revoke without --by-key"
    case .export(let why), .configuration(let why): why
    case .noRollout(let number): "rollout \(number) is not stored; see: \(Remedy.list(.rollouts))"
    case .ended(let one): "rollout \(one.id) has ended: it is \(one.state.words)"
    case .notEnded(let one):
      "rollout \(one.id) has not ended; go on with: \(Remedy.run), or end it: \(Remedy.cancel(one.id))"
    case .notPaused(let one):
      one.state == .paused
        ? "nobody has paused rollout \(one.id): \(one.reason.visible)"
        : "nobody has paused rollout \(one.id); it is \(one.state.words)\(one.reason.isEmpty ? "" : ": \(one.reason)")"
    case .noWave(let wave, let one):
      "rollout \(one.id) has no wave '\(wave)'; it has \(one.plan.waves.count)"
    case .waveNeedsNoApproval(let wave, let one): "wave \(wave) of rollout \(one.id) needs no approval"
    case .noWaveWaits(let one):
      "no wave of rollout \(one.id) waits for approval now; name one to approve it beforehand: \(Remedy.showPlan(one.id))"
    case .otherPlan(let one, let hash):
      "the plan of rollout \(one.id) is \(one.planHash.prefix(12))…, not '\(hash.visible)'; look at it: \(Remedy.showPlan(one.id))"
    case .nothingToRetry(let one):
      "every host of rollout \(one.id) has got there; there is nothing to try again"
    case .noLongerWanted(let lineage, let generation):
      "generation \(generation) of \(lineage) is no longer what is wanted; roll out what is: \(Remedy.startRollout(lineage.declared))"
    case .goneOn(let lineage, let one):
      "\(lineage) has gone on since rollout \(one.id); choose a generation: \(Remedy.revert(lineage))"
    case .wasFirst(let lineage, let one):
      "rollout \(one.id) was the first to bring \(lineage); there is nothing to go back to"
    case .badSelector(let text, let error): "'\(text.visible)' is not a selector: \(error)"
    case .selectsNone(let text, let hosts):
      "'\(text.visible)' picks none of these hosts: \(HostSet.folded(hosts).shortened(to: 200))"
        + (hosts.contains { $0.rawValue == text } ? "; one by its name: name:\(text)" : "")
    case .otherKeyOffered(let host, let offered, let wanted):
      "\(host): offers \(offered.map { $0.line(host.rawValue) }.joined(separator: ", ")), not \(wanted); nothing was pinned"
    case .agentNotDeclared(let host):
      "\(host) is visited without an installed agent; declare it with agent: 'installed' and an identity of its own, and apply that first"
    case .noIdentity(let host):
      "\(host): the key to be restricted is not known; make one (ssh-keygen -t ed25519 -f ~/.ssh/certfleet), and set it as the host's identity"
    case .administratorKeyIsRestricted(let host, let identity):
      "\(host): \(identity) is the very key that is to be restricted, and nothing could log in with it afterwards; install with another: --identity FILE"
    case .notACME(let issuer): "\(issuer) is not an ACME issuer and has no account"
    case .noStagingDirectory(let issuer): "\(issuer) declares no 'staging' directory"
    case .noAccount(let issuer, let directory): "there is no account of \(issuer) at \(directory)"
    case .certbot(let error): "\(error)"
    case .issuerTaken(let issuer, let folder):
      "the issuer '\(issuer)' is declared already and is not for \(folder); declare one of another name for it (type: 'certbot', path: '\(folder)'), apply that, and adopt again"
    case .notCalledByCertbot:
      "RENEWED_LINEAGE is not set; this is for certbot: certbot renew --deploy-hook 'certfleet hook certbot'"
    case .notAdopted(let path, let folder, let name):
      "\(path.visible) is not one of our certificates; adopt it: \(Remedy.adopt(folder: folder, lineage: name))"
    case .otherDomains(let lineage, let told, let names):
      "\(lineage): RENEWED_DOMAINS says \(told.visible), and the certificate is for \(names.joined(separator: " "))"
    }
  }

  private static func end(of one: Certificate, at now: Date) -> String {
    if one.revokedAt != nil { return "is revoked" }
    return "\(one.notAfter <= now ? "has expired" : "is about to expire") (\(one.notAfter.ISO8601Format()))"
  }
}
