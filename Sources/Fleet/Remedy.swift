/// What a person can type to mend what an error or a report tells: every command of certfleet's that a text names, in one place.
///
/// It is a value beside the words, since what happens to a host is recorded with its remedy. The command line's tests read each.
package enum Remedy: Hashable, Sendable, CustomStringConvertible {
  case apply
  case applyFile(String)
  case writeDiscovered
  case prune
  case run
  case look
  case plan
  case list(Listing)
  /// `nil` stands for all that have no pinned key.
  case pinHost(Host.Name?, fingerprint: String? = nil)
  case claimHost(Host.Name)
  case installAgent(Host.Name)
  case renew(Lineage.Name)
  case issue(Lineage.Name)
  case revert(Lineage.Name)
  case retire(Lineage.Name)
  case adopt(folder: String, lineage: String)
  case registerAccount(Issuer.Name)
  case startRollout(Lineage.Name)
  /// Also where it is already.
  case push(Lineage.Name)
  case reportWide
  case showHost(Host.Name)
  case showRollout(Rollout.ID)
  case showPlan(Rollout.ID)
  case approve(Rollout.ID, wave: Int)
  case resume(Rollout.ID)
  case retry(Rollout.ID)
  case cancel(Rollout.ID)
  case showHostLog(Host.Name)
  case showWholeLog(Rollout.ID)
  case showLog(Rollout.ID, host: Host.Name? = nil)
  case showCertificate(Lineage.Name)
  case watch(Rollout.ID)
  case startNow(Rollout.ID)
  case acceptLoss

  package enum Listing: String, Hashable, Sendable, CaseIterable {
    case hosts = "host list"
    case certificates = "cert list"
    case rollouts = "rollout list"
    case accounts = "account list"
    case certbotLineages = "cert adopt --dry-run"
  }

  /// The command line.
  package var description: String { (["certfleet"] + words).joined(separator: " ") }

  package var words: [String] {
    switch self {
    case .apply: ["apply", "inventory/"]
    case .applyFile(let file): ["apply", file.visible]
    case .writeDiscovered: ["host", "discover", "--write", "found.json5"]
    case .prune: ["apply", "inventory/", "--prune"]
    case .run: ["run"]
    case .look: ["look"]
    case .plan: ["plan"]
    case .list(let listing): [listing.rawValue]
    case .pinHost(let host, let fingerprint):
      ["host", "pin"] + (host.map { [$0.rawValue] } ?? [])
        + (fingerprint.map { ["--fingerprint", $0] } ?? [])
    case .claimHost(let host): ["host", "claim", host.rawValue]
    case .installAgent(let host): ["agent", "install", host.rawValue]
    case .renew(let lineage): ["cert", "renew", lineage.rawValue]
    case .issue(let lineage): ["cert", "issue", lineage.rawValue]
    case .revert(let lineage): ["cert", "revert", lineage.rawValue, "--to", "N"]
    case .retire(let lineage): ["cert", "retire", lineage.rawValue]
    case .adopt(let folder, let lineage):
      ["cert", "adopt", "--from", folder] + (lineage.isEmpty ? [] : [lineage.visible])
    case .registerAccount(let issuer): ["account", "register", issuer.rawValue]
    case .push(let lineage): ["rollout", "start", lineage.rawValue, "--force"]
    case .startRollout(let lineage): ["rollout", "start", lineage.rawValue]
    case .reportWide: ["report", "-o", "wide"]
    case .showHost(let host): ["host", "show", host.rawValue]
    case .showRollout(let id): ["rollout", "show", "\(id)"]
    case .showPlan(let id): ["rollout", "show", "\(id)", "--plan"]
    case .approve(let id, let wave): ["rollout", "approve", "\(id)", "--wave", "\(wave)"]
    case .resume(let id): ["rollout", "resume", "\(id)"]
    case .retry(let id): ["rollout", "retry", "\(id)"]
    case .cancel(let id): ["rollout", "cancel", "\(id)"]
    case .showLog(let id, let host):
      ["log", "--rollout", "\(id)"] + (host.map { ["--host", $0.rawValue] } ?? [])
    case .showHostLog(let host): ["log", "--host", host.rawValue]
    case .showWholeLog(let id): ["log", "--rollout", "\(id)", "--output"]
    case .showCertificate(let lineage): ["cert", "show", lineage.rawValue]
    case .watch(let id): ["rollout", "watch", "\(id)"]
    case .startNow(let id): ["rollout", "start", "\(id)", "--now"]
    case .acceptLoss: ["log", "--accept-loss"]
    }
  }
}
