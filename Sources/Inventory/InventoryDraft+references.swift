import Fleet
import FoundationEssentials
import PKI

/// Everything that is referred to must be declared here or stored already, and must go together.
extension InventoryDraft {
  func checkReferences(beside known: FleetDeclaration) {
    let hosts = declaration.hosts + known.hosts
    checkWays(among: hosts)
    let issuers = declaration.issuers + known.issuers
    let policies =
      (declaration.policies + known.policies).map(\.name.rawValue) + [RolloutPolicy.standard.name.rawValue]
    for lineage in declaration.lineages {
      guard let place = place(of: "certificates \(lineage.name)") else { continue }
      if let issuer = issuers.first(where: { $0.name == lineage.issuer }) {
        place.check(lineage, from: issuer)
      } else if !mistaken.contains("issuers \(lineage.issuer)") {
        let names = issuers.map(\.name.rawValue)
        place.undefined("issuer", lineage.issuer.rawValue, at: ".issuer", among: names)
      }
      for (index, name) in lineage.standIns.enumerated() {
        let step = ".issuer[\(index + 1)]"
        if let issuer = issuers.first(where: { $0.name == name }) {
          if issuer.acme == nil {
            place.at(step).fail("'\(name)' is no ACME server; only such can stand in for another")
          } else {
            place.check(lineage, from: issuer)
          }
        } else if !mistaken.contains("issuers \(name)") {
          place.undefined("issuer", name.rawValue, at: step, among: issuers.map(\.name.rawValue))
        }
      }
      if case .http01(.hosts(_, _, let selector?)) = lineage.challenge,
        !mistaken.contains(where: { $0.hasPrefix("hosts ") }), !hosts.contains(where: selector.matches)
      {
        place.at(".challenge.to").fail(
          "'\(selector.text.visible)' picks no host; check the labels with: \(Remedy.list(.hosts))")
      }
      for (index, deployment) in lineage.deployments.enumerated() {
        let step = ".deploy[\(index)]"
        if let policy = deployment.rollout?.rawValue, !policies.contains(policy),
          !mistaken.contains("rollouts \(policy)")
        {
          place.undefined("rollout policy", policy, at: step + ".rollout", among: policies)
        }
        let hasMistakenHosts = mistaken.contains { $0.hasPrefix("hosts ") }
        if !hasMistakenHosts, !hosts.contains(where: deployment.selector.matches) {
          let text = deployment.selector.text
          let isName = hosts.contains { $0.name.rawValue == text }
          place.at(step + ".to").fail(
            "'\(text.visible)' picks no host; "
              + (isName
                ? "it is a label here; a host by its name: 'name:\(text)'"
                : "check the labels with: \(Remedy.list(.hosts))"))
        }
      }
    }
  }
}

/// The hosts on the way to others.
extension InventoryDraft {
  fileprivate func checkWays(among hosts: [Host]) {
    let known = Dictionary(hosts.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    for host in declaration.hosts {
      guard let via = host.via, let place = place(of: "hosts \(host.name)") else { continue }
      guard known[via] != nil else {
        if !mistaken.contains("hosts \(via)") {
          place.undefined("host", via.rawValue, at: ".via", among: hosts.map(\.name.rawValue))
        }
        continue
      }
      var way = [host.name]
      while let next = known[way[way.count - 1]]?.via {
        way.append(next)
        guard way.dropLast().contains(next) else { continue }
        // Named once, at the host that closes the circle.
        if next == host.name {
          place.at(".via").fail(
            "goes round in a circle: \(way.map(\.rawValue).joined(separator: " via ")); one of them has to be reached directly"
          )
        }
        break
      }
    }
  }
}

extension InventoryNode {
  func at(_ step: String) -> InventoryNode { child(value, step) }

  fileprivate func undefined(_ kind: String, _ name: String, at step: String, among known: [String]) {
    let hint = Nearest.suggestion(for: name, among: known)
    at(step).fail("there is no \(kind) '\(name)'\(hint.isEmpty ? "; declare it or correct the name" : hint)")
  }

  /// What a certificate asks for must be what its issuer can give.
  fileprivate func check(_ lineage: Lineage, from issuer: Issuer) {
    switch issuer.source {
    case .acme(let authority):
      if lineage.domains.isEmpty, !isMistaken(".domains") {
        fail("'domains' is missing; an ACME server is asked for names")
      }
      if lineage.files != nil { fail("'certificate' and 'private_key' belong to an issuer of type 'files'") }
      if case .http01(.hosts(_, _, nil)) = lineage.challenge, lineage.deployments.isEmpty {
        at(".challenge.via").fail("tokens go to the hosts that 'deploy' names, and it names none")
      }
      if lineage.key.place == .host, lineage.deployments.isEmpty {
        at(".key.on").fail("keys are made on hosts, and 'deploy' names none")
      }
      for (index, name) in lineage.domains.enumerated() {
        let challenge = isMistaken(".challenge") ? nil : lineage.challenge ?? .standard
        let why = challenge.flatMap { challengeFault(name, $0) } ?? authorityFault(name, lineage, authority)
        if let why { at(".domains[\(index)]").fail("'\(name)' \(why)") }
      }
    case .certbot: refuse(acmeSettingsOf: lineage, because: "certbot has its own settings")
    case .files:
      refuse(acmeSettingsOf: lineage, because: "files are taken as they are")
      guard let files = lineage.files else {
        if [".certificate", ".chain", ".private_key"].contains(where: isMistaken) { return }
        return fail("'certificate' and 'private_key' are missing: \(issuer.name) is an issuer of files")
      }
      for problem in ProvidedCertificate.problems(of: files, names: lineage.domains, at: Date()) {
        fail(problem)
      }
    }
  }

  private func challengeFault(_ name: String, _ challenge: Challenge) -> String? {
    switch challenge {
    case .http01: name.hasPrefix("*.") ? "cannot be proven by http-01; wildcards need dns-01" : nil
    case .dns01:
      name.isIPAddress ? "cannot be proven by dns-01; IP addresses need http-01 (RFC 8738 §7)" : nil
    }
  }

  private func authorityFault(_ name: String, _ lineage: Lineage, _ authority: ACMEAuthority) -> String? {
    // Whoever names the CA of the directory itself asks a private one, with rules of its own.
    guard authority.caFile == nil else { return nil }
    if let why = DomainName.whyNotPublic(name) { return "\(why); a private CA is one with 'ca_file'" }
    if name.isIPAddress, authority.directory.contains("letsencrypt.org"), lineage.profile != "shortlived" {
      return "is an IP address, which Let's Encrypt certifies only with profile: 'shortlived'"
    }
    return nil
  }

  private func refuse(acmeSettingsOf lineage: Lineage, because reason: String) {
    let given: [(String, Bool)] = [
      ("challenge", lineage.challenge != nil), ("profile", lineage.profile != nil),
      ("preferred_chain", lineage.preferredChain != nil),
      ("key", lineage.key != KeyPolicy()),
    ]
    for (key, _) in given.filter(\.1) { at(".\(key)").fail("belongs to ACME issuers; \(reason)") }
  }
}
