package import Fleet

extension Plan {
  /// What would be done, for a person: each wave's hosts, and for each certificate where it goes, why, and what runs.
  package var text: String {
    "policy \(policy.name): \(hostCount) host\(hostCount == 1 ? "" : "s") in \(waves.count) wave\(waves.count == 1 ? "" : "s"); \(policy.text(hosts: hostCount))\n"
      + waves.enumerated().map { $1.line(number: $0 + 1) }.joined() + certificateLines
  }

  private var certificateLines: String {
    let uses = visits.flatMap { visit in
      visit.certificates.map { Use(host: visit.host.name, certificate: $0) }
    }
    // Deployments may differ from host to host; those that are the same are told once.
    let groups = Dictionary(grouping: uses) { $0.certificate.told }
    return groups.sorted {
      $0.key.lineage == $1.key.lineage
        ? $0.value[0].host < $1.value[0].host : $0.key.lineage < $1.key.lineage
    }.map { $0.key.lines(hosts: $0.value) }.joined()
  }

  fileprivate struct Use {
    let host: Host.Name
    let certificate: PlannedCertificate
  }
}

extension RolloutPolicy {
  /// Its bounds, in a line, as what they come to for so many hosts.
  func text(hosts: Int) -> String {
    var parts = ["\(parallel) at once"] + limits.map(\.text)
    let failed = maxFailed.text(comingTo: maxFailed.hosts(of: hosts))
    let unreachable = maxUnreachable.text(comingTo: maxUnreachable.unreachable(of: hosts))
    parts.append("at most \(failed) failed and \(unreachable) unreachable")
    if onFailure != .revertHost { parts.append("on failure \(onFailure.rawValue)") }
    if !windows.isEmpty { parts.append("window " + windows.map(\.description).joined(separator: ", ")) }
    if !after.isEmpty { parts.append("after \(after.map(\.rawValue).joined(separator: ", "))") }
    return parts.joined(separator: ", ")
  }
}

extension Limit {
  fileprivate func text(comingTo hosts: Int) -> String {
    if case .percent = self { "\(hosts) (\(self))" } else { "\(hosts)" }
  }
}

extension ParallelLimit {
  fileprivate var text: String {
    switch scope {
    case .all: "\(parallel) in all"
    case .among(let selector): "\(parallel) of \(selector.text)"
    case .per(let label): "\(parallel) per \(label)"
    }
  }
}

extension PlannedWave {
  fileprivate func line(number: Int) -> String {
    var gates: [String] = []
    if rule.needsApproval { gates.append("after approval") }
    if let parallel = rule.parallel { gates.append("\(parallel) at once") }
    if rule.bake > .zero { gates.append("then bakes \(rule.bake.short)") }
    let suffix = gates.isEmpty ? "" : " (\(gates.joined(separator: ", ")))"
    return "  wave \(number): \(HostSet.folded(visits.map(\.host.name)))\(suffix)\n"
  }
}

extension PlannedCertificate {
  /// Without what differs from host to host and is told of each.
  fileprivate var told: PlannedCertificate {
    var told = essence
    told.cause = isRetired ? cause : nil
    return told
  }

  fileprivate func lines(hosts uses: [Plan.Use]) -> String {
    let isIssued = fingerprint != Self.notIssued
    let hosts = HostSet.folded(uses.map(\.host))
    var text =
      isRetired
      ? "  \(lineage) (\(isIssued ? fingerprint.short : "not known here")) is \(isGivenBack ? "given back to certbot on" : "taken away from") \(hosts)\n"
      : "  \(lineage) generation \(generation) (\(isIssued ? fingerprint.short : "not issued yet")) to \(hosts)\n"
    if !isIssued { text += "    names: \(domains.joined(separator: ", ").visible.shortened(to: 200))\n" }
    let causes = Dictionary(grouping: uses) { $0.certificate.because }
    for (because, uses) in causes.sorted(by: { $0.key < $1.key }) where !because.isEmpty {
      let whose = causes.count == 1 ? "" : "\(HostSet.folded(uses.map(\.host))): "
      text += "    why: \(whose)\(because)\n"
    }
    for moment in Hook.Moment.allCases {
      for hook in hooks[moment] {
        let place = hook.place == .controller ? " (on the controller)" : ""
        text += "    \(moment.rawValue): \(hook.command.visible.shortened(to: 90))\(place)\n"
      }
    }
    for folder in hooks.directories { text += "    hooks in: \(folder)\n" }
    for file in files { text += "    file: \(file.format.rawValue) \(file.paths.joined(separator: ", "))\n" }
    for check in verify {
      let by = check.place == .host ? " (by the host)" : ""
      text += "    verify: \(check.words.visible.shortened(to: 90))\(by)\n"
    }
    return text
  }

  fileprivate var because: String {
    switch cause {
    case .first: "not there yet"
    case .generation: replaces.map { "has generation \($0.generation)" } ?? "has another generation"
    case .files: "its files were declared otherwise since"
    case .forced: "is there already; forced"
    case .hooks: "is there already; only its hooks run"
    case .gone: "drifted: nothing is there any more"
    case .older: "drifted: an earlier generation is there"
    case .other: "drifted: a certificate that is none of ours is there"
    case .damaged: "drifted: what is there is damaged"
    case .notServed: "drifted: it is there, and another one is served; only its hooks run"
    case .retired, .givenBack, nil: ""
    }
  }
}
