public import Fleet

extension Plan {
  /// What would be done, for a person: each wave's hosts, and for each certificate where it goes and what runs.
  public var text: String {
    var text =
      "policy \(policy.name): \(hostCount) host\(hostCount == 1 ? "" : "s") in \(waves.count) wave\(waves.count == 1 ? "" : "s"), \(policy.parallel) at once, at most \(policy.maxFailed) failed and \(policy.maxUnreachable) unreachable\n"
    for (index, wave) in waves.enumerated() {
      text += "  wave \(index + 1): \(HostSet.folded(wave.map(\.host.name)))\n"
    }
    let byCertificate = Dictionary(
      grouping: visits.flatMap { visit in visit.certificates.map { (visit.host.name, $0) } },
      by: { $0.1.lineage })
    for lineage in byCertificate.keys.sorted() {
      guard let uses = byCertificate[lineage], let first = uses.first?.1 else { continue }
      text +=
        "  \(lineage) generation \(first.generation) (\(first.fingerprint.short)) to \(HostSet.folded(uses.map(\.0)))\n"
      for (moment, hooks) in [
        ("pre", first.hooks.pre), ("deploy", first.hooks.deploy), ("post", first.hooks.post),
      ] {
        for hook in hooks { text += "    \(moment): \(hook.command.visible.shortened(to: 90))\n" }
      }
      for file in first.files {
        text += "    file: \(file.format.rawValue) \(file.paths.joined(separator: ", "))\n"
      }
      for check in first.verify {
        let by = check.place == .host ? " (by the host)" : ""
        text += "    verify: \(check.words.visible.shortened(to: 90))\(by)\n"
      }
    }
    return text
  }
}
