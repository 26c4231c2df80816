package import Fleet

/// What runs on the host in a visit, flat and numbered: hooks, and what the host itself looks at.
package struct AgentHooks: Hashable, Sendable {
  package struct Entry: Hashable, Sendable {
    package let moment: Moment
    /// Whose it is: one for a deploy hook or a check, several where they share it, none otherwise.
    package let lineages: [Lineage.Name]
    package let index: Int
    package let hook: Hook
    /// For a person.
    package let words: String

    package enum Moment: String, Sendable { case pre, deploy, verify, post }
  }

  package let all: [Entry]

  package init(_ visit: PlannedVisit) {
    var collected = Collected()
    for certificate in visit.certificates { collected.once(.pre, certificate.hooks.pre) }
    for certificate in visit.certificates { collected.deploy(certificate) }
    for certificate in visit.certificates {
      for verification in certificate.verify where verification.place == .host {
        collected.add(
          .verify, [certificate.lineage], Self.hook(of: verification), words: verification.words)
      }
    }
    for certificate in visit.certificates { collected.once(.post, certificate.hooks.post) }
    all = collected.entries
  }

  package subscript(_ index: Int) -> Entry? { all.indices.contains(index) ? all[index] : nil }

  private static func hook(of verification: Verification) -> Hook {
    switch verification.question {
    case .command(let command, let timeout): return Hook(command: command, timeout: timeout)
    case .tls(let tls):
      let seconds = Int(Verification.standardTimeout.seconds)
      let address = tls.address ?? "localhost"
      let script = AgentScript.snippet(
        PackageResources.verify_tls_sh,
        arguments: [
          "\(address.contains(":") ? "[\(address)]" : address):\(tls.port)", tls.serverName,
          String(seconds / 2),
        ] + (tls.startTLS.map { [$0.rawValue] } ?? []))
      return Hook(command: script, timeout: Verification.standardTimeout)
    }
  }

  /// Identical pre and post hooks of several certificates run once; so do deploy hooks that are to be coalesced.
  private struct Collected {
    var entries: [Entry] = []

    mutating func add(_ moment: Entry.Moment, _ lineages: [Lineage.Name], _ hook: Hook, words: String? = nil)
    {
      entries.append(
        Entry(
          moment: moment, lineages: lineages, index: entries.count, hook: hook, words: words ?? hook.command))
    }

    mutating func once(_ moment: Entry.Moment, _ hooks: [Hook]) {
      for hook in hooks
      where hook.place == .host
        && !entries.contains(where: {
          $0.moment == moment && $0.hook.command == hook.command && $0.hook.user == hook.user
            && $0.hook.environment == hook.environment
        })
      {
        add(moment, [], hook)
      }
    }

    mutating func deploy(_ certificate: PlannedCertificate) {
      for hook in certificate.hooks.deploy where hook.place == .host {
        let shared =
          certificate.hooks.isCoalesced
          ? entries.firstIndex { $0.moment == .deploy && $0.hook == hook && !$0.lineages.isEmpty } : nil
        guard let shared else {
          add(.deploy, [certificate.lineage], hook)
          continue
        }
        let entry = entries[shared]
        entries[shared] = Entry(
          moment: .deploy, lineages: entry.lineages + [certificate.lineage], index: entry.index,
          hook: entry.hook, words: entry.words)
      }
    }
  }
}
